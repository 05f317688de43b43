"""The scorecard: every entry once, nothing passed off, nothing breaks the page."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from fgnb import claims
from fgnb.report import archive, folds, kinds, render, scorecard
from fgnb.report.layout import Step, rows_table
from fgnb.report.records import Record
from fgnb.report.sheet import Number, Sheet

HOME = "ccfr/4-4-ablation"
NASTY = '<script>alert("x")</script> a|b `c` *d* $e$ {f} [g](h) \\alpha 90% #1 i_j_k'
TABLE = rows_table(
    "Table 3",
    "ccfr.table3.{row}",
    {"plain": "Backbone alone", "multi-level": "+ multi-level loss"},
    {"multi-level": Step("plain", ("ccfr.claim.multi-level-helps",), "It helps")},
    [Number("own.ccfr.control", "A control", kinds.difference("plain", "multi-level"), "Control")],
)


class Tables(HTMLParser):
    """The rows of all tables: the ids and the texts of their cells, and whether they are folded."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.depth, self.cell = [], 0, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.depth += tag == "details"
        if tag == "tr":
            self.rows.append({"cells": [], "ids": [], "folded": bool(self.depth)})
        if tag in ("td", "th") and self.rows:
            self.rows[-1]["cells"].append("")
            self.cell = True
        if "id" in dict(attrs) and self.rows:
            self.rows[-1]["ids"].append(dict(attrs)["id"])

    def handle_endtag(self, tag):
        self.depth -= tag == "details"
        if tag in ("td", "th"):
            self.cell = None

    def handle_data(self, data):
        if self.cell:
            self.rows[-1]["cells"][-1] += f"{data} "


def link(notebook):
    return f"../notebooks/{notebook}.html" if notebook == HOME else None


@pytest.fixture
def numbers(origin, tmp_path):
    """Numbers as a page keeps them: a sheet on photographs, and one on drawn pictures."""

    def write(*sheets, name="4-4-ablation", table=TABLE):
        lines = []
        for recorded, changed in sheets:
            rng = np.random.default_rng(0)
            labels = rng.integers(0, 10, 200)
            sheet = Sheet("ccfr", recorded=recorded)
            for row, right in {"plain": 120, "multi-level": 140}.items():
                classes = np.where(np.arange(200) < right, labels, (labels + 1) % 10)
                arrays = {"ids": np.arange(200), "labels": labels, "classes": classes}
                sheet.add(Record("ccfr", row, arrays, origin(**changed)))
            about = {"notebook": HOME, "table": table.title, **folds.about(sheet)}
            lines += [line | about for line in sheet.numbers(table.numbers).to_dict("records")]
        folder = tmp_path / f"{name}.results"
        folder.mkdir(exist_ok=True)
        text = json.dumps(lines, default=lambda value: value.item())
        (folder / f"{name}.numbers.json").write_text(text)
        return scorecard.read([tmp_path / f"{name}.ipynb"])

    return write


PHOTOGRAPHS = (True, {"test_reads": 2})
DRAWN = (False, {"protocol": "drawn", "dataset": "drawn", "dataset_title": "drawn birds"})


def row_of(page, claim):
    (row,) = [row for row in Tables(page).rows if claim in row["ids"]]
    return row


def test_every_entry_exactly_once_and_no_number_of_ours_where_planned(numbers):
    measured = numbers(PHOTOGRAPHS, DRAWN)
    entries = scorecard.score(measured)
    assert entries["id"].tolist() == [entry.id for entry in claims.load()]
    states = dict(zip(entries["id"], entries["state"], strict=True))
    assert states["ccfr.table3.plain"] == "measured"
    assert states["ccfr.table2.cub.bcn"] == "cited"
    assert states["ccfr.table4.cars.ccfr"] == "planned"
    said = scorecard.counts(entries)
    assert sum(int(n) for n in re.findall(r"(\d+) (?:measured|cited|planned)", said)) == len(
        entries
    )

    rows = Tables(scorecard.page(measured, link)).rows
    named = [entry for row in rows for entry in row["ids"]]
    assert sorted(named) == sorted(entry.id for entry in claims.load())
    for row in rows:
        for entry in row["ids"]:
            assert row["cells"][-1].strip() == states[entry] or states[entry] == "measured"
            assert row["folded"] != (states[entry] == "measured")


def test_claims_lead_with_their_readings_and_tables_follow(numbers):
    page = scorecard.page(numbers(PHOTOGRAPHS, DRAWN), link)
    rows = [row for row in Tables(page).rows if row["ids"] and not row["folded"]]
    assert [row["ids"][0] for row in rows] == [
        "ccfr.claim.multi-level-helps",
        "ccfr.table3.plain",
        "ccfr.table3.multi-level",
    ]
    claim = rows[0]["cells"]
    assert claims.load()["ccfr.claim.multi-level-helps"].text in claim[0]
    assert claim[1].strip() == "+0.7"
    assert "▲ +10.00 (" in re.sub(r"\s+", " ", claim[2])
    assert "supported" in claim[2]
    assert "40 of 200 classes), n = 200" in claim[2].replace(";", ",")
    assert '<a href="../notebooks/ccfr/4-4-ablation.html">' in page
    assert "notebooks/ccfr/4-3" not in page


def test_a_table_of_many_cells_of_ours_is_folded_whole(numbers, monkeypatch):
    """Its own page shows it as a table: sixty lines would hide the claims of the papers below."""
    measured = numbers(PHOTOGRAPHS, DRAWN)
    cells = {"ccfr.table3.plain", "ccfr.table3.multi-level"}
    for most, folded in ((2, False), (1, True)):
        monkeypatch.setattr(scorecard, "MOST_OPEN", most)
        rows = Tables(scorecard.page(measured, link)).rows
        assert {row["folded"] for row in rows if cells & set(row["ids"])} == {folded}
        assert not any(
            row["folded"] for row in rows if "ccfr.claim.multi-level-helps" in row["ids"]
        )


def test_a_published_step_names_its_set_where_sets_differ(numbers):
    cars = {"dataset": "cars", "dataset_title": "Stanford Cars (a part)", "manifest": "d" * 64}
    measured = numbers(PHOTOGRAPHS, (True, cars))
    claim = "ccfr.claim.multi-level-helps"
    page = scorecard.page(measured, link)
    assert row_of(page, claim)["cells"][1].split() == ["+0.7"]
    measured.loc[(measured["claim"] == claim) & (measured["set"] == "cars"), "published"] = 0.12
    cell = row_of(scorecard.page(measured, link), claim)["cells"][1]
    assert cell.split() == ["+0.7", "CUB-200-2011", "+0.12", "Stanford", "Cars"]


def test_drawn_numbers_say_so_and_are_read_nowhere(numbers):
    measured = numbers(DRAWN)
    page = scorecard.page(measured, link)
    claim = row_of(page, "ccfr.claim.multi-level-helps")["cells"]
    assert claim[-1].strip() == "not measured on photographs yet"
    heads = next(row["cells"] for row in Tables(page).rows if "drawn pictures" in row["cells"][-1])
    level = dict(zip(heads, row_of(page, "ccfr.table3.plain")["cells"], strict=True))
    assert level["On photographs "] == ""
    assert "60.00 %" in level[heads[-1]]
    assert "no evidence" in heads[-1]
    assert "What no paper claims" not in page
    words = [w for w in ("supported", "contradicted", "direction") if f'"fgnb-reading">{w}' in page]
    assert words == []


@pytest.mark.parametrize("protocol", ["published", "official", "subset", "drawn"])
def test_a_level_is_judged_under_the_published_protocol_alone(numbers, protocol):
    page = scorecard.page(numbers((protocol != "drawn", {"protocol": protocol})), link)
    cells = " ".join(row_of(page, "ccfr.table3.plain")["cells"])
    assert ("under the published value" in cells) == (protocol == "published")


def test_our_controls_stand_apart_from_what_papers_claim(numbers):
    page = scorecard.page(numbers(PHOTOGRAPHS), link)
    ours = page[page.index("What no paper claims") :]
    assert "Control" in ours
    assert "contradicted" in ours
    assert "Control" not in page[: page.index("What no paper claims")]


def test_one_number_in_two_tables_of_a_page_counts_once(numbers, tmp_path):
    once = numbers(PHOTOGRAPHS)
    twice = numbers(PHOTOGRAPHS, PHOTOGRAPHS)
    assert len(once) == len(twice)
    assert len(numbers(PHOTOGRAPHS, (True, {"preset": "paper"}))) == 2 * len(once)
    assert len(scorecard.read([tmp_path / "never-run.ipynb"])) == 0


def test_planned_papers_have_claims_without_numbers(numbers):
    measured = numbers(PHOTOGRAPHS)
    entries = scorecard.score(measured, "pose")
    table = scorecard.claims_table(entries, scorecard.by_claim(measured), link)
    rows = [row for row in Tables(table).rows if row["ids"]]
    assert {row["ids"][0] for row in rows} == {
        e.id for e in claims.load("pose") if e.kind == "claim"
    }
    assert {row["cells"][-1].strip() for row in rows} <= {"planned", "cited"}


def test_the_page_builds_without_a_warning_and_lists_the_refused(numbers, origin, tmp_path):
    record = Record("ccfr", "plain", {"ids": np.arange(3)}, origin())
    file = archive.keep(record, "2026-01-01")
    file.write_text(file.read_text().replace('"commit": "', '"commit": " ","x": "', 1))
    named = origin(dataset_title=NASTY).dataset_title
    page = scorecard.page(numbers((True, {"dataset_title": NASTY})), link)
    assert "Recorded, but not shown" in page
    assert file.stem in page
    source = tmp_path / "source"
    source.mkdir()
    (source / "index.md").write_text(f"# Scorecard\n\n{page}")
    (source / "conf.py").write_text(
        'extensions = ["myst_parser"]\n'
        'myst_enable_extensions = ["dollarmath", "colon_fence", "substitution"]\n'
        'html_theme = "basic"\n'
    )
    command = [sys.executable, "-m", "sphinx", "-q", "-n", "-b", "html"]
    built = subprocess.run(
        [*command, source, tmp_path / "out"], capture_output=True, text=True, check=False
    )
    assert (built.returncode, built.stderr) == (0, "")
    html = (tmp_path / "out" / "index.html").read_text()
    assert "<script>alert" not in html
    assert "\\alpha 90% #1 i_j_k" in html
    assert "{f} [g](h)" in html
    assert named == NASTY


def test_an_unknown_paper_is_refused(numbers):
    with pytest.raises(ValueError, match="paper was 'cffr'"):
        scorecard.score(numbers(PHOTOGRAPHS), "cffr")


def test_what_can_not_be_read_in_a_paper_is_no_nought():
    ledger = claims.load()
    assert render.printed(ledger["joint.table1.cub.simon"]) == "unreadable"
    assert render.printed(ledger["joint.table1.cub.liu"]) == "85.4 %"
    assert render.printed(ledger["ccfr.claim.fusion-helps"]) == ""
