"""Prose judges nothing by itself: the words that do come from the readings of the tables.

A sentence of a chapter may ask, suppose, or say what the paper says. What was found on photographs
stands in generated cells alone (`page.said`, "in short"), so that it can't disagree with its table.
"""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from fgnb.report import short
from fgnb.report.layout import Step, rows_table
from fgnb.report.readings import WORDS
from fgnb.report.records import Record
from fgnb.report.sheet import Sheet

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted((ROOT / "notebooks").glob("*/*.ipynb"))
PAGES = [*CHAPTERS, *(ROOT / "book" / f"{paper}.md" for paper in ("ccfr", "focus", "pose"))]
JUDGES = re.compile(
    r"\b(beats?|loses?|lost|wins?|won|outperforms?|surpass\w*|helps?|hurts?|hardly|"
    r"matters? (most|more|little|less)|(much |far |no )?(better|worse) than|as good as|ahead of|"
    r"the order is|the same order|order (stays|is)|supported|contradicted|spoils? more|"
    r"must (beat|be better|be ahead)|distance is larger|makes no difference|excludes?)\b",
    re.IGNORECASE,
)
# What is asked or supposed, and what is the paper's word or drawn from its printed numbers.
OPEN = re.compile(
    r"\?|\b(where|whether|if|unless|may|might|can|could|would|should|whoever|as far as)\b", re.I
)
SAID = re.compile(
    r"\b(papers?|claim(s|ed)?|published|says?|Tables? \d|Fig\. \d|section \d)\b", re.I
)
MEASURED = re.compile(r"benchmarks/\w+\.py")  # on held-out images, by a script that is named


def sentences(path):
    if path.suffix == ".ipynb":
        cells = json.loads(path.read_text())["cells"]
        text = "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    else:
        text = path.read_text()
    text = re.sub(r"\$\$.*?\$\$|<!--.*?-->", " ", text, flags=re.DOTALL)
    for block in re.split(r"\n\s*\n", text):
        whole = " ".join(block.split())
        for sentence in re.split(r"(?<=[.?!:])\s+(?=[A-Z*`(\[])", whole):
            yield sentence, whole


def judged(path):
    for sentence, block in sentences(path):
        bare = re.sub(r"`[^`]*`|(?<!\*)\*\w+\*(?!\*)", " ", sentence)  # code, terms as terms
        held = OPEN.search(bare) or SAID.search(bare) or MEASURED.search(block)
        if JUDGES.search(bare) and not held:
            yield sentence


@pytest.mark.parametrize("path", PAGES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_sentence_judges_what_was_measured(path):
    assert not list(judged(path))


@pytest.mark.parametrize(
    "sentence",
    [
        "Similarities crowd towards one, and then 0.7 excludes hardly anybody.",
        "The full model must beat all three controls.",
        "The order is then the same.",
        "Chosen regions beat regions at random.",
        "Here the distance is larger.",
        "One fitted number gives most of it, and a hard vote loses it again.",
    ],
)
def test_a_sentence_that_judges_is_found(sentence, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"# A title\n\nSome words. {sentence} More of them.\n")
    assert list(judged(page)) == [sentence]


@pytest.mark.parametrize("name", ["3-3-re-ranking", "4-3-results", "4-4-ablation"])
def test_the_readings_stand_in_words_where_the_tables_are(name):
    cells = json.loads((ROOT / "notebooks" / "ccfr" / f"{name}.ipynb").read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert any(text.startswith("page.said(") for text in code)


TABLE = rows_table(
    "Table 3",
    "ccfr.table3.{row}",
    {"plain": "Backbone", "multi-level": "+ multi-level loss", "fusion": "+ fusion"},
    {
        "multi-level": Step("plain", ("ccfr.claim.multi-level-helps",)),
        "fusion": Step("multi-level", ("ccfr.claim.fusion-helps",)),
    },
)


def test_what_is_said_is_what_each_reading_says(origin):
    sheet = Sheet("ccfr", recorded=True)
    labels = np.arange(200) % 10
    for row, right in {"plain": 120, "multi-level": 160, "fusion": 100}.items():
        classes = np.where(np.arange(200) < right, labels, (labels + 1) % 10)
        arrays = {"ids": np.arange(200), "labels": labels, "classes": classes}
        sheet.add(Record("ccfr", row, arrays, origin()))
    frame = sheet.numbers(TABLE.numbers)
    text = short.said([(sheet, frame)])
    lines = re.findall(r"<li>(.*?)</li>", text)
    assert len(lines) == 2
    for line, (word, label) in zip(
        lines,
        (("supported", "multi-level loss"), ("contradicted", "fusion, minus")),
        strict=True,
    ):
        assert f"<b>{word}</b>" in line
        assert label in line
        assert not any(f"<b>{other}</b>" in line for other in WORDS if other != word)
    steps = frame[frame["reading"] != ""]
    assert sum(line.count("minus:") for line in lines) == len(steps)
    assert "No claim" in short.said([])
