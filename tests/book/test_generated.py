"""What assembly puts into prose: claims, the scorecard, and one result taken apart."""

import html
import re
from pathlib import Path

import numpy as np
import pytest

from fgnb.book import legend
from fgnb.book.alt import with_alt
from fgnb.book.generated import Generated, PlaceholderError
from fgnb.claims import PAPERS
from fgnb.report import folds, readings, render, scorecard, short
from fgnb.report.layout import Step, rows_table
from fgnb.report.records import Record
from fgnb.report.sheet import Sheet

BOOK = Path(__file__).parents[2] / "book"
TABLE = rows_table(
    "Table 3",
    "ccfr.table3.{row}",
    {"plain": "Backbone alone", "multi-level": "+ multi-level loss", "fusion": "+ fusion"},
    {
        "multi-level": Step("plain", ("ccfr.claim.multi-level-helps",), "The loss helps"),
        "fusion": Step("multi-level", ("ccfr.claim.fusion-helps",), "Fusion helps"),
    },
)


@pytest.fixture
def numbers(origin):
    """The numbers of three rows: a large step, then one too small to tell."""
    sheet = Sheet("ccfr", recorded=True)
    labels = np.arange(200) % 10
    for row, right in {"plain": 120, "multi-level": 140, "fusion": 142}.items():
        classes = np.where(np.arange(200) < right, labels, (labels + 1) % 10)
        arrays = {"ids": np.arange(200), "labels": labels, "classes": classes}
        sheet.add(Record("ccfr", row, arrays, origin()))
    about = {"notebook": "ccfr/4-4-ablation", "table": TABLE.title, **folds.about(sheet)}
    return sheet.numbers(TABLE.numbers).assign(**about)


def terms(text):
    return re.findall(r"<dt[^>]*>(.*?)</dt>", text)


def line_of(numbers, claim):
    return numbers[numbers["claim"] == claim].iloc[0].to_dict()


def test_the_example_is_what_pages_show_piece_by_piece(numbers):
    """The pieces of the line, put together, are the cells that "in short" shows."""
    step = line_of(numbers, "ccfr.claim.fusion-helps")
    assert step["reading"] == readings.SAME
    shown = short.summary({"Fusion helps": {"published": "+0.3", 0: (None, step)}}, [])
    head, published, *rest = terms(legend.line(numbers))
    assert head == "Fusion helps"
    assert published == render.published(step["published"], "points", step=True)
    assert rest[0] in render.step(step)
    assert re.sub(r"\s+", "", "".join(rest[:3])) == re.sub(r"\s+", "", render.step(step))
    reading = "; ".join(re.sub(r"<[^>]+>", "", piece) for piece in rest[3:])
    assert reading == readings.Reading.of(step).words
    assert "would have shown" in reading
    assert "Fusion helps" in shown


def test_the_cell_has_the_level_that_the_step_leads_to(numbers):
    level = line_of(numbers, "ccfr.table3.fusion")
    step = line_of(numbers, "ccfr.claim.fusion-helps")
    pieces = terms(legend.cell(numbers))
    text = re.sub(r"\s+", "", "".join(pieces[3:5])).replace("<br>", "")
    assert text == re.sub(r"\s+", "", render.value(level)).replace("<br>", "")
    assert re.sub(r"\s+", "", "".join(pieces[5:])) == re.sub(r"\s+", "", render.step(step))
    assert "n = 200" in html.unescape(pieces[0])
    assert pieces[1] == "90.7 %"


def test_every_piece_has_an_arrow(numbers):
    for text in (legend.line(numbers), legend.cell(numbers)):
        assert text.count("<dt") == text.count('class="fgnb-arrow"') == text.count("<dd") > 6


def test_every_reading_is_explained():
    rows = re.findall(r"<tr>(.*?)</tr>", legend.readings())[1:]
    assert len(rows) == len(readings.MARKS)
    for row, (word, mark) in zip(rows, readings.MARKS.items(), strict=True):
        assert mark in row
        assert word in row


def test_without_photographs_there_is_no_example(numbers):
    drawn = numbers[numbers["reading"] == ""]
    assert "No result on photographs" in legend.line(drawn)
    assert "No result on photographs" in legend.cell(scorecard.read([]))


def test_readings_of_a_set_of_images_are_told(numbers):
    counted = numbers.assign(all_reads=47)
    assert '<td data-label="Read, in all">47 times</td>' in scorecard.reads(counted)
    assert scorecard.reads(counted.assign(recorded=False)) == ""


def test_placeholders_are_filled_and_an_unknown_one_is_named(numbers):
    made = Generated(numbers, {"ccfr/4-4-ablation": "../notebooks/x.html"}.get)
    page = made.fill("# A\n\n<!-- fgnb: claims ccfr -->\n\nEnd.\n", "book/a.md")
    assert page.startswith("# A\n\n<table")
    assert page.endswith("</table>\n\nEnd.\n")
    assert '<a href="../notebooks/x.html">' in page
    assert "supported" in page
    with pytest.raises(PlaceholderError, match=r"book/a\.md: nothing generates 'claims cffr'"):
        made.fill("<!-- fgnb: claims cffr -->", "book/a.md")
    with pytest.raises(PlaceholderError, match="there is claims PAPER, scorecard"):
        made.fill("<!-- fgnb: clams -->", "book/a.md")
    assert made.fill("<!-- a comment -->", "book/a.md") == "<!-- a comment -->"


@pytest.mark.parametrize("page", sorted(BOOK.glob("*.md")), ids=lambda page: page.stem)
def test_the_pages_of_the_book_ask_for_what_there_is(page, numbers):
    text = page.read_text()
    filled = Generated(numbers, lambda notebook: None).fill(text, page.name)
    wanted = {f"claims {page.stem}"} if page.stem in PAPERS else set()
    of_reading = {"example line", "example cell", "readings", "test reads"}
    wanted |= {"how-to-read": of_reading}.get(page.stem, set())
    wanted |= {"scorecard": {"scorecard"}}.get(page.stem, set())
    wanted |= {"training": {"regimes", "region shares"}}.get(page.stem, set())
    assert set(re.findall("<!-- fgnb: (.*) -->", text)) == wanted
    assert "<!-- fgnb" not in filled
    blocks = re.findall(r"<(?:table|dl).*?</(?:table|dl)>", filled, re.DOTALL)
    assert bool(blocks) == bool(wanted)
    assert not [block for block in blocks if "\n\n" in block]


def test_the_alternative_text_of_a_figure_stands_where_the_builder_reads_it():
    output = {"data": {"image/png": "x"}, "metadata": {"image/png": {"alt": "A curve"}}}
    cell = {"metadata": {"tags": ["a"]}, "outputs": [output]}
    changed = with_alt(cell)
    assert changed["metadata"]["mystnb"]["image"]["alt"] == "A curve"
    assert changed["metadata"]["tags"] == ["a"]
    assert "mystnb" not in cell["metadata"]
    own = {**cell, "metadata": {"mystnb": {"image": {"alt": "mine"}}}}
    assert with_alt(own)["metadata"]["mystnb"]["image"]["alt"] == "mine"
    assert with_alt({"outputs": []}) == {"outputs": []}
