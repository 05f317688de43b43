"""plotly.js lies beside the pages with a figure to turn, and is asked for by no other."""

import contextlib
import io
import re
from pathlib import Path

import numpy as np
import pytest
from sphinx.application import Sphinx

from fgnb.report.surface import Surface

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    place = tmp_path_factory.mktemp("plotly")
    surface = Surface([0.4, 0.5], [0.5, 0.6], np.full((2, 2), 0.5)).html()
    index = "# Book\n\n```{toctree}\ndeep/turn\nplain\n```\n"
    texts = {"index.md": index, "deep/turn.md": f"# Turn\n\n{surface}\n", "plain.md": "# Plain\n"}
    for name, text in texts.items():
        file = place / "source" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    out = place / "out"

    def build():
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(io.StringIO()):
            patch.syspath_prepend(str(ROOT / "book/_ext"))
            extensions = {"extensions": ["myst_parser", "fgnb_book"], "html_theme": "basic"}
            app = Sphinx(
                *(place / "source", None, out, place / "trees", "html"),
                confoverrides=extensions,
                status=None,
                warning=io.StringIO(),
            )
            app.build()

    build()
    return out, build


def scripts(page):
    return re.findall(r'<script[^>]*src="([^"]*)"', page.read_text())


def test_only_the_page_that_turns_asks_for_plotly_and_finds_it(site):
    out, _ = site
    asked = [name for name in scripts(out / "deep/turn.html") if "plotly" in name]
    assert len(asked) == 1
    found = (out / "deep" / asked[0].partition("?")[0]).resolve()
    assert found == (out / "vendor/plotly/plotly.min.js").resolve()
    assert found.stat().st_size > 1_000_000
    for page in (out / "plain.html", out / "index.html"):
        assert not [name for name in scripts(page) if "plotly" in name]
    assert [f.name for f in found.parent.iterdir()] == ["plotly.min.js"]


def test_a_later_build_leaves_it_alone(site):
    out, build = site
    script = out / "vendor/plotly/plotly.min.js"
    before = script.stat().st_mtime_ns
    build()
    assert script.stat().st_mtime_ns == before


@pytest.mark.parametrize("missing", ["package", "file"])
def test_without_plotly_the_picture_stays(missing, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "book/_ext"))
    import fgnb_book

    def files(name):
        if missing == "package":
            raise fgnb_book.PackageNotFoundError(name)
        return []

    monkeypatch.setattr(fgnb_book, "files", files)
    assert fgnb_book.plotly_script() is None
    fgnb_book.add_plotly(None, "a", "", {"body": fgnb_book.TURNABLE}, None)
