"""The shape of every built page: the answer in the first screen, no page endless or too wide."""

import pytest

from fgnb.book import manifest

pytestmark = pytest.mark.browser
PAGES = manifest.pages()
CHAPTERS = [page for page in PAGES if page.startswith("notebooks/")]
MOST_PIXELS, FIRST_SCREEN = 9_000, 900

# What is open and wider than what holds it, or scrolls sideways: class, pixels too many, text.
WIDER = """() => {
  const article = document.querySelector('article').getBoundingClientRect();
  const open = [...document.querySelectorAll('article .fgnb-table, article pre, article img')]
    .filter(node => node.getClientRects().length && !node.closest('details:not([open])'));
  return open.map(node => {
    const holder = node.parentElement, box = node.getBoundingClientRect();
    const over = Math.max(
      node.scrollWidth - node.clientWidth, holder.scrollWidth - holder.clientWidth,
      box.right - holder.getBoundingClientRect().right, box.right - article.right);
    return [node.tagName, Math.round(over), node.innerText.slice(0, 80)];
  }).filter(found => found[1] > 1);
}"""
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def opened(visit, address):
    """A page at a width, its folds as they come, its mathematics set."""

    def at(page, width):
        found = visit(address(page), viewport={"width": width, "height": FIRST_SCREEN}).page
        found.evaluate("() => window.MathJax?.startup?.promise")
        return found

    return at


@pytest.mark.parametrize("page", PAGES)
def test_no_page_is_endless(opened, page):
    found = opened(page, 1400)
    assert found.locator("article details[open]").count() == 0
    assert found.evaluate("document.documentElement.scrollHeight") <= MOST_PIXELS


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_scrolls_sideways(opened, page, width):
    found = opened(page, width)
    assert found.evaluate(SIDEWAYS) <= 0
    if width == 1280:
        assert found.evaluate(WIDER) == []


@pytest.mark.parametrize("page", CHAPTERS)
def test_a_chapter_answers_in_its_first_screen(opened, page):
    short = opened(page, 1400).locator(".fgnb-short")
    assert short.count() == 1
    box = short.bounding_box()
    assert box["y"] + box["height"] <= FIRST_SCREEN
    rows = short.locator("tbody tr")
    assert 1 <= rows.count() <= 8
    assert all(text.strip() for text in rows.locator("td:last-child").all_inner_texts())


@pytest.mark.parametrize("page", CHAPTERS)
def test_what_a_chapter_is_about_is_never_folded(opened, page):
    """Figures, the tables of the run and the code of the idea stand open; other numbers may not."""
    found = opened(page, 1400)
    hidden = "article details:not(.fgnb-fold) "
    assert found.locator(f"{hidden} img, {hidden} .fgnb-table").count() == 0
    assert found.locator("article .fgnb-table.fgnb-rows").first.is_visible()
    cells = found.locator("article .cell_input pre")
    closed = [n for n in range(cells.count()) if not cells.nth(n).is_visible()]
    settings = "article :is(.tag_parameters, .tag_injected-parameters) .cell_input pre"
    assert len(closed) == found.locator(settings).count() == 2
    images = found.locator("article :is(img, svg, canvas)")
    assert any(images.nth(n).is_visible() for n in range(images.count()))


@pytest.mark.parametrize("paper", ["ccfr", "focus"])
def test_an_overview_reads_the_claims_of_its_paper(opened, paper):
    found = opened(f"book/{paper}", 1400)
    cells = found.locator("article .fgnb-score tbody td:last-child").all_inner_texts()
    assert any("supported" in cell for cell in cells)
    assert "planned" not in {cell.strip() for cell in cells}


def test_the_result_taken_apart_has_an_arrow_a_piece(opened):
    """Each arrow begins or ends at its piece: under it on a wide page, beside it on a phone."""
    for width in (1400, 390):
        found = opened("book/how-to-read", width)
        for group in found.locator("article dl.fgnb-callouts").all():
            pieces, arrows = group.locator("dt").all(), group.locator(".fgnb-arrow").all()
            assert len(pieces) == len(arrows) > 5
            for piece, arrow in zip(pieces, arrows, strict=True):
                box, tip = piece.bounding_box(), arrow.bounding_box()
                if width == 1400 and "fgnb-stairs" in group.get_attribute("class"):
                    assert box["x"] <= tip["x"] <= box["x"] + box["width"]
                    assert 0 <= tip["y"] - box["y"] - box["height"] < 12
                else:
                    assert box["y"] <= tip["y"] <= box["y"] + box["height"]
                    assert 0 <= tip["x"] - box["x"] - box["width"] < 24


def test_the_scorecard_is_light(site):
    assert (site / "book/scorecard.html").stat().st_size < 400_000
