"""Sheets and tables: numbers by the ledger's names, Holm by table, readings, and what is shown."""

import math

import numpy as np
import pytest

from fgnb import claims
from fgnb.metrics import holm, mcnemar
from fgnb.report import kinds, render, short
from fgnb.report.layout import Step, numbers_table, rows_table
from fgnb.report.records import Record
from fgnb.report.sheet import Number, Sheet, short_name

NASTY = '<script>alert("x")</script> a|b `c` *d* $e$'
TABLE = rows_table(
    "Table 3",
    "ccfr.table3.{row}",
    {"plain": "Backbone alone", "multi-level": "+ multi-level loss", "fusion": "+ the rest"},
    {
        "multi-level": Step("plain", ("ccfr.claim.multi-level-helps",), "It helps"),
        "fusion": Step("multi-level", ("ccfr.claim.fusion-helps", "ccfr.claim.local-regions-help")),
    },
)


@pytest.fixture
def sheet(origin):
    def make(recorded=True, **changed):
        rng = np.random.default_rng(0)
        labels = rng.integers(0, 10, 200)
        rights = {"plain": 120, "multi-level": 124, "fusion": 165}
        made = Sheet("ccfr", recorded=recorded)
        for row, right in rights.items():
            classes = np.where(np.arange(200) < right, labels, (labels + 1) % 10)
            arrays = {"ids": np.arange(200), "labels": labels, "classes": classes}
            made.add(Record("ccfr", row, arrays, origin(**changed)))
        return made

    return make


def line(frame, label):
    return frame[frame["label"] == label].iloc[0]


def test_values_and_steps_by_hand(sheet):
    made = sheet()
    frame = made.numbers(TABLE.numbers)
    assert line(frame, "Backbone alone")["value"] == 60.0
    assert line(frame, "Backbone alone")["claim"] == "ccfr.table3.plain"
    assert line(frame, "Backbone alone")["published"] == 84.5
    step = line(frame, "the rest, minus: multi-level loss")
    assert step["claim"] == "ccfr.claim.fusion-helps"
    assert step["value"] == pytest.approx(20.5)
    right = [made.rows[r].arrays["classes"] == made.rows[r].arrays["labels"] for r in made.rows]
    assert step["p"] == mcnemar(right[2], right[1])
    assert step["test"]["rectified"] == 41
    assert step["reading"] == "supported"


def test_p_values_are_corrected_over_the_claims_of_the_table_each_pair_once(sheet):
    frame = sheet().numbers(TABLE.numbers)
    read = frame[frame["expect"] != 0]
    assert len(read) == 3, "two steps, one of them under two claims"
    first, second = read.drop_duplicates("rule")["p"]
    expected = holm([first, second])
    assert read["p_holm"].tolist() == pytest.approx([expected[0], expected[1], expected[1]])


def test_published_steps_are_those_of_the_papers_rows(sheet):
    frame = sheet().numbers(TABLE.numbers)
    step = line(frame, "multi-level loss, minus: Backbone alone")
    ledger = claims.load("ccfr")
    values = [ledger[f"ccfr.table3.{row}"].value for row in ("multi-level", "plain")]
    assert step["published"] == pytest.approx(values[0] - values[1])


def test_a_level_of_another_set_is_an_own_row_without_a_published_value(sheet):
    cars = sheet(dataset="cars", manifest="d" * 64)
    frame = cars.numbers(TABLE.numbers)
    assert line(frame, "Backbone alone")["claim"] == "own.ccfr.table3.plain.cars"
    assert math.isnan(line(frame, "Backbone alone")["published"])
    step = line(frame, "multi-level loss, minus: Backbone alone")
    assert step["claim"] == "ccfr.claim.multi-level-helps", "a claim in words is anybody's"
    assert math.isnan(step["published"])
    by_set = Number("ccfr.table4.{set}.ccfr", "x", kinds.accuracy("fusion"))
    assert cars.claim(by_set) == "ccfr.table4.cars.ccfr"


def test_drawn_pictures_carry_no_reading(sheet):
    drawn = sheet(dataset="drawn", protocol="drawn")
    frame = drawn.numbers(TABLE.numbers)
    assert set(frame["reading"]) == {""}
    assert not math.isnan(frame[frame["expect"] != 0]["p_holm"].iloc[0])


def test_what_is_not_there_is_left_out(sheet):
    made = sheet()
    wanted = [
        Number("own.x", "x", kinds.accuracy("gone")),
        Number("own.y", "y", kinds.mean("plain/z")),
    ]
    assert made.numbers(wanted).empty
    derived = made.rows["plain"].arrays["labels"]
    made.derive("oracle", "plain", classes=derived)
    assert made.numbers([Number("own.x", "x", kinds.accuracy("oracle"))])["value"].tolist() == [100]
    assert "oracle" not in made.measured
    assert made.array("plain/@n_train").tolist() == [300.0]


def test_rows_of_two_sets_never_stand_on_one_sheet(sheet, origin):
    made = sheet()
    other = Record("ccfr", "gate", {}, origin(manifest="d" * 64))
    with pytest.raises(ValueError, match="row 'gate' was measured on"):
        made.add(other)


def test_a_drawn_set_stands_for_the_one_whose_layout_it_has():
    assert short_name("drawn-control") == "cub"
    with pytest.raises(ValueError, match="dataset is 'dogs', needs one of cub"):
        short_name("dogs")


def test_the_table_shows_published_photographs_and_this_run(sheet):
    here = sheet(recorded=False, dataset="drawn", protocol="drawn", manifest="d" * 64)
    frames = [(made, made.numbers(TABLE.numbers)) for made in (sheet(), here)]
    text = render.table(TABLE, frames)
    assert text.count("<tr>") == 4
    for word in ("Published", "On photographs", "This run", "84.5 %", "+0.7", "60.00 %", "+20.50"):
        assert word in text, word
    assert text.count('aria-label="supported"') == 1, "photographs alone are read"
    assert 'data-label="On photographs"' in text
    assert "40 of 200" in text


def test_columns_without_a_number_are_left_out(sheet):
    made = sheet()
    empty = numbers_table("Nothing", [Number("own.x", "x", kinds.accuracy("gone"))])
    assert "nothing was measured" in render.table(empty, [(made, made.numbers(empty.numbers))])
    own = numbers_table("Own", [Number("own.x", "x", kinds.accuracy("plain"))])
    assert "Published" not in render.table(own, [(made, made.numbers(own.numbers))])


def test_where_published_values_differ_by_set_each_set_has_a_table(sheet):
    table = rows_table("Table 4", "ccfr.table4.{set}.{row}", {"fusion": "Classification"})
    assert table.by_set
    both = [sheet(), sheet(dataset="cars", manifest="d" * 64)]
    text = render.table(table, [(made, made.numbers(table.numbers)) for made in both])
    assert text.count("<table") == 2
    assert "Table 4: CUB-200-2011" in text
    assert "Table 4: Stanford Cars" in text


def test_a_table_without_a_number_says_so_whatever_its_shape(sheet):
    made = sheet()
    for claim in ("ccfr.setting.t-sf.{set}", "own.x"):
        empty = numbers_table("T_sf", [Number(claim, "x", kinds.mean_top1("gone/probs"))])
        text = render.table(empty, [(made, made.numbers(empty.numbers))])
        assert "T_sf: nothing was measured here" in text


def test_what_a_sheet_could_count_and_has_none_of_is_named(sheet):
    made = sheet()
    kept = {"wrong": np.zeros(0, bool), "right": np.ones(3, bool)}
    made.derive("errors", "plain", **kept)
    wanted = [
        Number("own.right", "Right <ones>", kinds.share("errors/right")),
        Number("own.wrong", "Wrong <ones>", kinds.share("errors/wrong")),
        Number("own.gone", "Not trained here", kinds.share("elsewhere/wrong")),
    ]
    frame = made.numbers(wanted)
    text = render.table(numbers_table("Errors", wanted), [(made, frame)])
    title = "CUB-200-2011 (40 of 200 classes)"
    assert f"{title} has nothing to count for: Wrong &lt;ones&gt;.</p>" in text
    assert "Not trained here" not in text
    all_there = render.table(TABLE, [(made, made.numbers(TABLE.numbers))])
    assert "nothing to count" not in all_there


def test_names_are_escaped_everywhere(sheet):
    made = sheet(dataset_title=NASTY, pixels=NASTY)
    table = rows_table(NASTY, "ccfr.table3.{row}", {"plain": NASTY})
    text = render.table(table, [(made, made.numbers(table.numbers))])
    assert "<script" not in text
    assert "<script" not in short.summary({NASTY: {"published": ""}}, [made])
    assert "<script" not in render.fold(NASTY, "")


def test_a_level_is_judged_under_the_published_protocol_alone(sheet):
    for protocol, said in (("published", True), ("official", False), ("subset", False)):
        made = sheet(protocol=protocol)
        text = render.table(TABLE, [(made, made.numbers(TABLE.numbers))])
        assert ("the published value" in text) == said, protocol


def test_the_summary_says_what_is_not_measured(sheet):
    made = sheet()
    frame = made.numbers(TABLE.numbers)
    step = line(frame, "multi-level loss, minus: Backbone alone").to_dict()
    claimed = {"It helps": {"published": "+0.7", 0: (made, step)}, "That too": {"published": ""}}
    text = short.summary(claimed, [made])
    assert "would have shown" in text or "supported" in text
    assert "not measured on photographs yet" in text
    assert "On photographs" in short.summary({"x": {"published": ""}}, [])


def test_numbers_are_printed_as_a_reader_expects():
    assert render.number(80.2751, "percent") == "80.28 %"
    assert render.number(5794, "count") == "5,794"
    assert render.published(88.0, "percent") == "88.0 %"
    assert render.published(0.1, "points") == "+0.1"
    assert render.published(float("nan"), "percent") == ""
    assert render.signed(-0.1) == "−0.10"
    assert render.p_value(0.0001) == "< 0.001"
    same = {"kind": "count", "n": 9, "low": 1.0, "high": 1.0, "unit": "count", "test": None}
    assert render.interval(same) == "exact"
    unchanged = {"rectified": 0, "spoiled": 0}
    none = {**same, "kind": "difference", "value": 0.0, "unit": "points", "test": unchanged}
    assert render.interval(none | {"n": 60}) == "none of 60 changed; at most 4.87 at 95 %"
    assert render.interval({**same, "low": -0.04, "high": 0.7, "unit": "points"}) == "0.0 to 0.7"
    assert render.signed(-0.001) == "+0.00"
    assert render.interval({**same, "low": -0.7, "high": 0.7, "unit": "points"}) == "−0.7 to 0.7"
