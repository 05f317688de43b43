"""Tables: nothing is passed off, nothing is left out, nothing breaks the page."""

import re
from dataclasses import replace

import pytest

from fgnb import claims, report
from fgnb.report import numbers
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


def test_changed_code_is_said(results, provenance):
    old = replace(results[0], recorded=True, provenance=provenance(code="e" * 64))
    table = report.published_table([old])
    assert "changed since" in table.to_html()
    assert "changed since" in report.footer(old.provenance).to_html()
    assert "changed since" not in report.published_table([results[0]]).to_html()
