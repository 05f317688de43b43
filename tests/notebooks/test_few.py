"""Notebooks on photographs of two classes, cell by cell in this process: no kernel, no drawn set.

The pictures are noise that a declaration passes off as a part of the photographs, so that the pages
take the way of real sets: readings beside numbers, no pictures in the explorer.
"""

import ast
import json
import re
import warnings
from pathlib import Path

import nbformat
import pytest
from matplotlib import pyplot

from fgnb.report import archive
from fgnb.report.render import Html

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
NAMES = {
    "ccfr/1-hard-instances": {},
    "ccfr/3-1-multi-level-loss": {},
    "ccfr/3-3-re-ranking": {"features": "global"},
    "focus/3-2-attention-regions": {},
}
NO_NUMBER = re.compile(r"\b(nan|inf)\b")


@pytest.fixture(scope="module")
def place(tmp_path_factory, write_photographs):
    """A folder with two classes: two and three training images, one test image and none."""
    root = tmp_path_factory.mktemp("few")
    write_photographs(root / "CUB_200_2011", classes=2, train=(2, 3), test=(1, 0), size=64)
    return root


def executed(name, given):
    """What each cell of a notebook shows, as the text of a page."""
    space, shown = {"__name__": "__main__"}, []
    space["display"] = shown.append
    cells = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4).cells
    for number, cell in enumerate(c for c in cells if c.cell_type == "code"):
        body = ast.parse(cell.source).body
        last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
        exec(compile(ast.Module(body, []), name, "exec"), space)
        space |= given if number == 0 else {}
        if last is not None:
            shown.append(eval(compile(ast.Expression(last.value), name, "eval"), space))
    pyplot.close("all")
    return list(map(text, shown))


def text(value):
    if hasattr(value, "_repr_mimebundle_"):
        bundle = value._repr_mimebundle_()
        faces, about = bundle if isinstance(bundle, tuple) else (bundle, {})
        words = [faces.get("text/plain", ""), repr(Html(faces.get("text/html", "")))]
        return " ".join([*words, about.get("image/png", {}).get("alt", "")])
    return repr(value)


@pytest.mark.parametrize("name", NAMES)
def test_pages_show_what_there_is(name, place, monkeypatch, tmp_path):
    monkeypatch.setenv("FGNB_RUNS", str(place / "runs"))
    monkeypatch.setenv("FGNB_RESULTS_DIR", str(tmp_path))
    monkeypatch.setattr(archive, "recorded", lambda paper: ([], []))  # of many classes, and slow
    given = {"preset": "smoke", "dataset": "cub", "data_root": str(place)} | NAMES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        shown = executed(name, given)
    for words in shown:
        assert words.strip(), "an empty output without a word"
        assert not NO_NUMBER.search(words), words[:2000]
    (file,) = tmp_path.glob(f"*{archive.NUMBERS}")
    here = json.loads(file.read_text())
    assert here
    assert {line["protocol"] for line in here} == {"subset"}
    assert not {line["reading"] for line in here} & {"supported", "contradicted"}
