"""A small site: assembled with what changed alone, offline, and never green over a warning."""

import re
import shutil
import time
from pathlib import Path

import pytest

from fgnb.book import GateError, make, manifest
from fgnb.book.assemble import assemble
from fgnb.book.build import BuildError
from fgnb.book.generated import PlaceholderError

ROOT = Path(__file__).parents[2]
OUTSIDE = re.compile(r"""<(?:script|link|img|iframe)[^>]*(?:src|href)=["'](?:https?:)?//""")


@pytest.fixture
def book(project):
    for name in ("Snakefile", "_config.yml", "book/references.bib"):
        shutil.copy(ROOT / name, project.root / name)
    for name in ("book/_ext", "book/_static"):
        shutil.copytree(ROOT / name, project.root / name)
    text = "# A book\n\nIts first page: $x^2$.\n\n<!-- fgnb: claims pose -->\n"
    (project.root / "book/intro.md").write_text(text)
    project.add("a/one", "print('the only number: 42')")
    return project


def written(folder):
    return {
        file.relative_to(folder).as_posix(): file.stat().st_mtime_ns
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


def test_from_notebook_to_site_and_again(book, monkeypatch):
    lines = []
    index = make("smoke", echo=lines.append)
    html = book.root / "_build/smoke/html"
    assert index == html / "index.html"
    pages = {
        file.relative_to(html).as_posix(): file.read_text()
        for file in html.rglob("*.html")
        if "_static" not in file.parts
    }
    page = pages["notebooks/a/one.html"]
    assert "the only number: 42" in page
    assert "tag_parameters" in page
    assert "tag_injected-parameters tag_hide-input" in page
    assert str(book.root) not in page
    claims = pages["book/intro.html"]
    assert 'id="pose.claim.end-to-end-helps"' in claims
    assert "<!-- fgnb" not in claims
    for name, text in pages.items():
        assert not OUTSIDE.search(text), name
        assert "sphinx-thebe.js" not in text, name
    assert "smoke" in re.search(r"announcement.*?</div>", pages["book/intro.html"], re.S)[0]
    assert (html / "vendor/mathjax/tex-mml-chtml.js").is_file()

    start = time.monotonic()
    assert make("smoke", echo=lines.append) == index
    assert time.monotonic() - start < 10
    assert lines[-1] == "the site is up to date"

    # Nothing is even assembled, until a recorded result arrives.
    with monkeypatch.context() as patch:
        patch.setattr("fgnb.book.build.assemble", lambda *given: 1 / 0)
        assert make("smoke", echo=lines.append) == index
        recorded = book.root / "results/recorded/a/one-cub.json"
        recorded.parent.mkdir(parents=True)
        recorded.write_text("{}")
        with pytest.raises(ZeroDivisionError):
            make("smoke", echo=lines.append)
    make("smoke", echo=lines.append)

    source = book.root / "_build/smoke/source"
    before = written(source)
    (book.root / "book/intro.md").write_text("# A book\n\nAnother sentence.\n")
    make("smoke", echo=lines.append)
    after = written(source)
    assert {name for name in after if after[name] != before[name]} == {"book/intro.md"}
    assert "Another sentence" in (html / "book/intro.html").read_text()

    # A notebook's own text is prose, too: its page changes, and nothing is executed.
    file = book.root / "notebooks/a/one.ipynb"
    file.write_text(file.read_text().replace("# A page", "# A page of its own"))
    lines.clear()
    make("smoke", echo=lines.append)
    assert lines[0] == "1 notebooks (smoke): 0 executed, 1 unchanged"
    after_text = written(source)
    assert {n for n in after_text if after_text[n] != after[n]} == {"notebooks/a/one.ipynb"}
    page = (html / "notebooks/a/one.html").read_text()
    assert "A page of its own" in page
    assert "the only number: 42" in page
    assert "tag_injected-parameters" in page

    (book.root / "book/intro.md").write_text("# A book\n\n```{nowhere}\n```\n")
    for _ in range(2):  # the second build reads the page again, and warns again
        with pytest.raises(BuildError, match=r"intro\.md.*Unknown directive.*nowhere"):
            make("smoke", echo=lines.append)


def test_what_no_longer_belongs_is_removed(book):
    source = book.root / "_build/smoke/source"
    (source / "book").mkdir(parents=True)
    (source / "book/former.md").write_text("# Former\n")
    assemble("smoke", [])
    assert not (source / "book/former.md").exists()
    assert (source / "book/intro.md").is_file()


def test_prose_that_asks_for_what_nothing_generates_gives_no_site(book):
    (book.root / "book/intro.md").write_text("# A book\n\n<!-- fgnb: clams pose -->\n")
    with pytest.raises(PlaceholderError, match=r"book/intro\.md: nothing generates 'clams pose'"):
        assemble("smoke", [])


def test_a_notebook_that_the_gate_stops_gives_no_site(book, monkeypatch):
    monkeypatch.setattr("fgnb.book.build.reproduce", lambda preset, **kw: manifest.read(preset))
    with pytest.raises(GateError, match="a/one: it was not executed"):
        make("smoke")
    assert not (book.root / "_build/smoke/html").exists()
