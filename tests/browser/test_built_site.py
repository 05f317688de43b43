"""The smoke book in a browser: figures, nothing from outside, a live explorer, no photograph."""

import base64
import json
from dataclasses import replace
from types import SimpleNamespace

import nbformat
import pytest

from fgnb.book import manifest, parameters, sources
from fgnb.data.fingerprint import images_sha256
from fgnb.metrics import changes
from fgnb.pages.ccfr import reranked
from fgnb.report import archive

pytestmark = pytest.mark.browser
RERANKING = "notebooks/ccfr/3-3-re-ranking"


@pytest.mark.parametrize("page", manifest.pages())
def test_a_page_shows_its_figures_and_asks_nothing_of_the_outside(address, visit, page):
    found = visit(address(page))
    images = found.page.locator("article img").evaluate_all(
        "nodes => nodes.map(n => [n.complete && n.naturalWidth > 0, n.alt.length > 10, n.src])"
    )
    assert not [source for loaded, described, source in images if not (loaded and described)]
    assert bool(images) == page.startswith("notebooks/")
    assert found.outside == []
    assert found.errors == []
    assert "smoke book" in found.page.locator(".bd-header-announcement").inner_text()


@pytest.mark.parametrize("page", [p for p in manifest.pages() if p.startswith("notebooks/")])
def test_mathematics_is_set_without_a_network(address, visit, page):
    """Every formula of a chapter's text, and none as an error."""
    source = sources.read(sources.locate(page.partition("/")[2]))
    texts = [cell["source"] for cell in source["cells"] if cell["cell_type"] == "markdown"]
    wanted = "\n".join(texts).count("$$") // 2
    found = visit(address(page)).page
    found.wait_for_selector("mjx-container[display=true]", state="attached")
    assert found.locator("mjx-container[display=true]").count() == wanted >= 1
    assert found.locator("mjx-merror").count() == 0


def test_the_explorer_of_the_page_is_the_run_behind_it(site, address, visit):
    """Its controls give what the row's arrays and `fgnb.ccfr` give, from its first state on."""
    results = site.parent / f"{RERANKING}.results"
    (file,) = results.glob("fusion-drawn-*.json")
    record = archive.read(file)
    test, held_out = (reranked.answers(record, fold) for fold in ("", "held_out_"))
    defaults = {p.name: p.default for p in parameters.declared(RERANKING.partition("/")[2])}
    start, _ = reranked.chosen(held_out, SimpleNamespace(**defaults))
    probs, labels, neighbors = test.probs, test.labels, test.neighbors
    before = probs.argmax(1) == labels
    page = visit(address(RERANKING)).page
    steps = [
        start,
        replace(start, t_sf=1.0),
        replace(start, t_sf=1.0, t_sc=float(neighbors.sims[3, 2])),
        replace(start, t_sf=1.0, t_sc=float(neighbors.sims[3, 2]), topn=3, alpha=0.25),
        replace(start, t_sf=float(probs[5].max()), t_sc=0.0, topn=3, alpha=0.25, topm=7),
    ]
    now = start
    for setting in steps:
        for key in ("t_sf", "t_sc", "topn", "topm", "alpha"):
            if getattr(setting, key) != getattr(now, key):
                field = page.locator(f".fgnb-explorer input[type=number][data-key={key}]").first
                field.fill(repr(getattr(setting, key)))
                field.blur()
        now = setting
        after = setting.predictions(probs, neighbors) == labels
        moved = changes(before, after)
        parts = page.locator(".fgnb-explorer").first
        assert float(
            parts.locator("[data-part=results]").get_attribute("data-accuracy")
        ) == pytest.approx(after.mean(), abs=1e-12)
        assert parts.locator("[data-part=rectified]").inner_text() == str(moved.rectified)
        assert parts.locator("[data-part=spoiled]").inner_text() == str(moved.spoiled)


def test_a_run_on_photographs_leaves_none_in_the_site(site, fgnb, write_cub):
    """After `fgnb run -p dataset cub` a build holds none of the pictures that the run shows."""
    root = write_cub(drawn=False, size=48)
    files = [line.split()[1] for line in (root / "images.txt").read_text().splitlines()]
    declared = {"of": "CUB-200-2011", "classes": [1, 2, 3], "split": "official"}
    declared |= {"train": 12, "test": 6, "images_sha256": images_sha256(root / "images", files)}
    (root / "subset.json").write_text(json.dumps(declared))
    place = site.parents[2]
    words = ("-p", "preset", "smoke", "-p", "dataset", "cub", "-p", "data_root", root.parent)
    run = fgnb(place, "run", "ccfr/4-1-datasets", *words)
    assert run.is_relative_to(place / "build" / "runs")
    shown = [
        base64.b64decode(output.data["image/png"])
        for cell in nbformat.read(run, as_version=4).cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert len(shown) == 3
    assert fgnb(place, "book", "--preset", "smoke").parent == site
    pictures = [file.read_bytes() for file in site.rglob("*") if file.suffix in (".png", ".jpg")]
    assert pictures
    photographs = [file.read_bytes() for file in root.rglob("*.jpg")]
    assert not [picture for picture in [*shown, *photographs] if picture in pictures]
