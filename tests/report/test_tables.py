"""Tables and the scorecard: nothing is passed off, nothing is left out, nothing breaks the page."""

import re
from dataclasses import replace

import pytest

from fgnb import claims, report
from fgnb.report import numbers, pages, scorecard
from fgnb.report.markup import Cell, Table

NASTY = '<script>alert("x")</script> a|b `c` *d* $e$'


def row(table, label):
    return dict(
        zip(
            table.columns,
            next([c.text for c in r] for r in table.rows if r[0].text == label),
            strict=True,
        )
    )


def test_steps_stand_beside_each_other_and_a_subset_has_no_verdict(results):
    table = report.published_table(results)
    line = row(table, "re-ranked")
    assert line["Published"] == "91.1 %"
    assert line["Published step"] == "+0.40"
    assert line["Our step"] == numbers.signed(results[1].value - results[0].value)
    assert line["Verdict"] == "not comparable"
    assert "40 of 200" in line["Protocol"]
    assert row(table, "logistic")["Published"] == "–"


@pytest.mark.parametrize(
    ("interval", "wanted"),
    [((90.0, 92.0), "within"), ((91.5, 93.0), "over"), ((88.0, 90.9), "under")],
)
def test_a_verdict_needs_the_published_protocol_and_data(interval, wanted, results, provenance):
    entry = claims.load()["ccfr.table4.cub.ccfr"]  # 91.1
    middle = sum(interval) / 2
    there = replace(
        results[1],
        value=middle,
        interval=interval,
        provenance=provenance(protocol="published", dataset_title="CUB-200-2011"),
    )
    assert numbers.verdict(entry, there) == wanted
    for changed in ({"protocol": "official"}, {"protocol": "subset"}, {"protocol": "drawn"}):
        other = replace(there, provenance=provenance(**changed))
        assert numbers.verdict(entry, other) == "not comparable"
    elsewhere = replace(there, provenance=provenance(protocol="published", dataset="cars"))
    assert numbers.verdict(entry, elsewhere) == "not comparable"


def test_the_printed_number_is_granted_its_rounding(results, provenance):
    entry = claims.load()["ccfr.table4.cub.ccfr"]  # 91.1, so 91.05 to 91.15
    origin = provenance(protocol="published")
    close = replace(results[1], value=90.0, interval=(89.0, 91.06), provenance=origin)
    far = replace(results[1], value=90.0, interval=(89.0, 91.04), provenance=origin)
    assert numbers.verdict(entry, close) == "within"
    assert numbers.verdict(entry, far) == "under"


def test_published_rows_without_a_result_have_no_number_of_ours(results):
    table = report.published_table(results[:1], ["ccfr.table4.cub.retrieval", results[0].claim])
    assert row(table, "Retrieval")["Ours"] == ""
    assert row(table, "Retrieval")["Published"] == "88.8 %"
    assert row(table, "softmax")["Our step"] == ""


def test_drawn_and_subset_rows_never_form_a_step(results, provenance):
    drawn = replace(results[0], provenance=provenance(protocol="drawn", manifest="d" * 64))
    table = report.published_table([drawn, results[1]])
    assert row(table, "re-ranked")["Our step"] == ""


def test_names_are_escaped_everywhere(results, provenance):
    origin = provenance(dataset_title=NASTY)
    bad = [replace(result, label=NASTY, provenance=origin) for result in results]
    for table in (report.published_table(bad), report.paired_table(bad)):
        for text in (table.to_html(), table.to_myst()):
            assert "<script" not in text
        for line in table.to_myst().strip().splitlines():
            if line.startswith("|"):
                assert len(re.findall(r"(?<!\\)\|", line)) == len(table.columns) + 1
    assert "<script" not in report.footer(origin).to_html()
    linked = Cell(NASTY, page="notebooks/a").to_myst()
    assert linked.count("`") == 2
    assert "<script" not in linked


def test_a_table_shows_itself_three_ways():
    table = Table(("a", "b"), ((Cell("x"), Cell("1")),), frozenset({"b"}))
    assert table._repr_html_().startswith("<table")
    assert "| a | b |" in table._repr_markdown_()
    assert table.to_text().splitlines() == ["a  b", "-  -", "x  1"]
    with pytest.raises(ValueError, match="row 0 has 1 cells, needs 2"):
        Table(("a", "b"), ((Cell("x"),),))


def test_every_entry_exactly_once_and_no_number_of_ours_where_planned(results):
    lines = scorecard.score(results)
    assert [line.entry.id for line in lines] == [entry.id for entry in claims.load()]
    states = {line.entry.id: line.state for line in lines}
    assert states["ccfr.table4.cub.ccfr"] == "measured"
    assert states["ccfr.table2.cub.bcn"] == "cited"
    assert states["ccfr.table4.cars.ccfr"] == "planned"
    assert sum(scorecard.counts(lines).values()) == len(claims.load())
    text = scorecard.to_text(lines)
    for entry in claims.load():
        assert len(re.findall(rf"^{re.escape(entry.id)} ", text, re.MULTILINE)) == 1
    rows = [row for line in lines if line.state != "measured" for row in scorecard._text_rows(line)]
    assert all(cell.text == "" for row in rows for cell in row[4:])
    pages_rows = [
        row
        for line in lines
        if line.state != "measured"
        for row in scorecard._page_rows(line, lambda home: None)
    ]
    assert all(cell.text == "" for row in pages_rows for cell in row[3:])


def test_each_measurement_stands_under_its_entry_with_its_protocol(results, provenance):
    drawn = replace(results[1], provenance=provenance(protocol="drawn"))
    kept = replace(results[1], recorded=True, total_reads=2)
    text = scorecard.to_text(scorecard.score([drawn, kept]))
    block = text[text.index("ccfr.table4.cub.ccfr ") :].splitlines()[:2]
    assert "drawn pictures" in block[0]
    assert "40 of 200" in block[1]
    assert "test read 2 times" in block[1]


def test_the_page_links_what_exists_and_lists_the_refused(results, arrays, tmp_path):
    file = report.save("3-3-re-ranking", results, arrays)
    kept = report.keep(tmp_path / "nb.results", "ccfr")[0]
    file.write_text(file.read_text().replace('"commit": "unknown"', '"commit": ""', 1))
    kept.with_suffix(".npz").unlink()
    home = "ccfr/3-3-re-ranking"
    made = pages.render([tmp_path / "nb.ipynb"], lambda h: f"notebooks/{h}" if h == home else None)
    page = made["book/scorecard.md"]
    assert f"</notebooks/{home}>" in page
    assert "</notebooks/ccfr/4-3" not in page
    assert "Recorded, but not shown" in page
    assert "provenance lacks commit" in page
    assert "arrays are missing" in page
    cells = pages.recorded_cells(home)
    assert [cell["cell_type"] for cell in cells] == ["markdown"]
    assert "arrays are missing" in cells[0]["source"]


def test_recorded_cells_show_numbers_tests_settings_and_provenance(results, arrays, tmp_path):
    report.save("3-3-re-ranking", results, arrays)
    report.keep(tmp_path / "nb.results", "ccfr")
    text = pages.recorded_cells("ccfr/3-3-re-ranking")[0]["source"]
    assert pages.HEADING in text
    assert f"{results[1].value:.2f}" in text
    assert "exact McNemar" in text
    assert "held" in text
    assert "Data manifest" in text
    assert pages.recorded_cells("ccfr/4-1-datasets") == []


def test_drawn_results_are_never_shown_as_photographs(results, arrays, provenance, tmp_path):
    drawn = [replace(r, provenance=provenance(protocol="drawn")) for r in results]
    report.save("3-3-re-ranking", drawn, arrays)
    report.keep(tmp_path / "nb.results", "ccfr")
    assert pages.recorded_cells("ccfr/3-3-re-ranking") == []


def test_changed_code_is_said(results, provenance):
    old = replace(results[0], recorded=True, provenance=provenance(code="e" * 64))
    table = report.published_table([old])
    assert "changed since" in table.to_html()
    assert "changed since" in report.footer(old.provenance).to_html()
    assert "changed since" not in report.published_table([results[0]]).to_html()
