"""Which recorded rows stand together: one set, one regime; the newest first, the former named."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from fgnb.report import archive, folds, regimes, short
from fgnb.report.layout import Step, rows_table
from fgnb.report.page import Page
from fgnb.report.records import Record

ROOT = Path(__file__).resolve().parents[2] / "results" / "recorded"
OLD = {"seed": 0, "cut": 16, "average": 0.5}
NEW = {"seed": 0, "cut": 8, "average": 0.0}
DAYS = [f"2026-0{month}-01 10:00" for month in range(1, 8)]
WHOLE = {"manifest": "e" * 64, "protocol": "official", "dataset_title": "CUB-200-2011"}
TABLE = rows_table(
    "Table 3",
    "ccfr.table3.{row}",
    {"plain": "Backbone alone", "multi-level": "+ multi-level loss", "fusion": "+ fusion"},
    {
        "multi-level": Step("plain", ("ccfr.claim.multi-level-helps",), "It helps"),
        "fusion": Step("multi-level", ("ccfr.claim.fusion-helps",), "Fusion helps"),
    },
)
PARAMETERS = {"preset": "demo", "dataset": "drawn", "data_root": "", "backbone": "resnet18"}
RIGHT = {"plain": 120, "multi-level": 140, "fusion": 170}


@pytest.fixture
def record(origin):
    def make(row="fusion", day=0, spec=OLD, n=200, first=1, lift=0, **changed):
        labels = np.arange(n) % 10
        right = (RIGHT.get(row, 100) + lift) * n // 200
        classes = np.where(np.arange(n) < right, labels, (labels + 1) % 10)
        arrays = {"ids": np.arange(first, first + n), "labels": labels, "classes": classes}
        about = origin(spec=spec, recorded=DAYS[day], **changed)
        return Record("ccfr", row, arrays, about)

    return make


def shown(found):
    return [(sheet.regime, bool(sheet.former), sorted(sheet.rows)) for sheet in found]


def test_the_newest_row_stands_and_the_former_lie_under_it_the_oldest_last(record):
    days = [record(day=day) for day in (0, 1, 3)]
    plain = record("plain", 2)
    cars = record(manifest="d" * 64, dataset="cars")
    whole = record(**WHOLE)
    unasked = record("gate")
    everything = sorted([*days, cars, plain, whole, unasked], key=lambda r: r.origin.recorded)
    found = regimes.sheets(everything, ["fusion", "plain"])
    assert [(s.origin.protocol, s.set_name) for s in found] == [
        ("official", "cub"),
        ("subset", "cub"),
        ("subset", "cars"),
    ]
    birds = found[1]
    assert birds.rows["fusion"].origin.recorded == DAYS[3]
    assert [sheet.title for sheet in birds.before] == [f"recorded {DAYS[d]}" for d in (1, 0)]
    assert [list(sheet.rows) for sheet in birds.before] == [["fusion"], ["fusion"]]
    text = folds.former(found, (TABLE,), [[]])
    assert text.index(DAYS[1]) < text.index(DAYS[0])
    assert "CUB-200-2011 (40 of 200 classes), recorded</summary><details" in text


def test_rows_of_two_regimes_never_stand_in_one_column(record):
    """The newest regime first, and the former says that it is."""
    old = [record("plain", 0), record("fusion", 1)]
    new = [record("plain", 2, NEW)]
    found = regimes.sheets([*old, *new], ["plain", "fusion"])
    assert shown(found) == [
        ("weights of the end, frozen to stride 8", False, ["plain"]),
        ("mean of start and end, frozen to stride 16", True, ["fusion", "plain"]),
    ]
    assert found[1].former == "former regime: mean of start and end, frozen to stride 16"
    assert "former" not in found[0].former


@pytest.mark.parametrize("field", ["cut", "average", "frame"])
def test_each_field_of_a_regime_parts_the_rows(record, field):
    spec = OLD | {field: {"cut": 1, "average": 0.25, "frame": "square"}[field]}
    found = regimes.sheets([record("plain", 0), record("plain", 1, spec)], ["plain"])
    assert len(found) == 2
    assert found[0].rows["plain"].origin.spec == spec
    assert not found[0].before


def test_a_regime_of_the_whole_set_replaces_that_of_a_part_and_not_the_reverse(record):
    part = record("plain", 0)
    whole = record("plain", 1, NEW, **WHOLE)
    later = record("plain", 2, NEW | {"cut": 1})
    found = regimes.sheets([part, whole, later], ["plain"])
    assert [(s.origin.protocol, bool(s.former)) for s in found] == [
        ("official", False),
        ("subset", False),
        ("subset", True),
    ]
    assert found[1].regime == "weights of the end, nothing frozen", "the newest comes first"


def test_a_regime_is_former_on_every_page_of_the_paper(record):
    """Also on one that asks for no row of the newer regime."""
    old, new = record("fusion", 0), record("plain", 1, NEW, n=600, **WHOLE)
    (sheet,) = regimes.sheets([old, new], ["fusion"])
    assert sheet.former == "former regime: mean of start and end, frozen to stride 16"
    assert sheet.network.count("frozen") == 0, "said once"


def test_cars_of_another_day_are_no_former_birds(record):
    cars = record("plain", 1, NEW, manifest="d" * 64, dataset="cars")
    assert not any(s.former for s in regimes.sheets([record("plain", 0), cars], ["plain"]))


def test_a_row_that_states_no_regime_stands_with_the_nearest_in_time(record):
    """A logistic regression has no tail to train; an old file didn't say all."""
    rows = ["plain", "logistic", "gate"]
    old, new = record("plain", 1), record("plain", 5, NEW)
    unsaid = record("gate", 2, {"seed": 0})
    simple = record("logistic", 4, {"seed": 0})
    found = regimes.sheets(
        sorted([old, new, unsaid, simple], key=lambda r: r.origin.recorded), rows
    )
    assert [sorted(s.rows) for s in found] == [["logistic", "plain"], ["gate", "plain"]]
    alone = regimes.sheets([simple], rows)
    assert [s.regime for s in alone] == [""]
    cars = record("plain", 2, {"seed": 0}, manifest="d" * 64, dataset="cars")
    (_, _, of_cars) = regimes.sheets([old, cars, new], rows)
    assert of_cars.regime == "mean of start and end, frozen to stride 16"


SQUARE = {"seed": 0, "frame": "square", "cut": 8, "lr": 0.01}
LOCALISER = (SQUARE, ("localiser",))
CLASSIFIER = (SQUARE | {"average": 0.0}, ("plain",))


@pytest.mark.parametrize("order", [(LOCALISER, CLASSIFIER), (CLASSIFIER, LOCALISER)])
@pytest.mark.parametrize("older", [[], [0.5]])
def test_a_training_that_knows_no_average_stands_beside_those_that_keep_their_end(
    record, order, older
):
    """A localiser's spec has no share of its start; neither it nor a classifier is former."""
    average = [record("plain", 0, CLASSIFIER[0] | {"average": share}, **WHOLE) for share in older]
    both = [record(row, day, spec, **WHOLE) for day, (spec, (row,)) in enumerate(order, start=1)]
    for rows in (["localiser"], ["plain"], ["localiser", "plain"]):
        found = regimes.sheets([*average, *both], rows)
        assert not found[0].former, "both are current"
        assert found[0].regime == "weights of the end, frozen to stride 8, frame square"
        assert set(found[0].rows) == set(rows)
        assert [bool(s.former) for s in found[1:]] == [True] * (len(found) - 1)
    part = [
        record(row, day, spec, **(WHOLE if row == "plain" else {}))
        for day, (spec, (row,)) in enumerate(order, start=1)
    ]
    assert not any(s.former for s in regimes.sheets(part, ["localiser", "plain"]))


def test_what_no_run_made_is_former_by_none_and_makes_none_former(record):
    """Frozen maps are looked at where they lie; how others were trained is nothing to them."""
    maps = record("layer", 0, {"seed": 0, "frame": "square", "cut": 16}, run_keys=())
    trained = record("plain", 1, CLASSIFIER[0], **WHOLE)
    later = record("layer", 2, {"seed": 0, "frame": "square", "cut": 32}, run_keys=(), **WHOLE)
    found = regimes.sheets([maps, trained, later], ["layer", "plain"])
    assert [(sorted(s.rows), s.former) for s in found] == [
        (["layer"], ""),
        (["plain"], ""),
        (["layer"], ""),
    ]
    assert found[0].regime == "frozen to stride 32, frame square", "no weights were kept"


def test_other_seeds_have_no_column_of_their_own_and_replace_nothing(record):
    later = [
        record(day=day, seeds=(seed,), spec=OLD | {"seed": seed}) for day, seed in ((1, 2), (2, 1))
    ]
    (sheet,) = regimes.sheets([record(day=3), *later], ["fusion"])
    assert sheet.origin.seeds == (0,)
    assert [other.origin.seeds for other in sheet.seeds] == [(1,), (2,)]
    assert not sheet.before
    assert not sheet.former


@pytest.fixture
def page_of(monkeypatch):
    module = ModuleType("made_up_page")
    module.NOTEBOOK, module.CODE = "ccfr/4-4-ablation", ("fgnb.metrics.statistics",)
    module.TABLES = (TABLE,)

    def make(*records):
        ordered = sorted(records, key=lambda r: r.origin.recorded)
        monkeypatch.setattr(archive, "recorded", lambda paper: (ordered, []))
        return Page(module, PARAMETERS, as_declared=True)

    return make


def test_a_former_regime_keeps_its_column_until_a_newer_one_answers_as_much(record, page_of):
    old = [record(row, 0) for row in RIGHT]
    new = [record(row, 1, NEW, n=600, lift=6, **WHOLE) for row in ("plain", "multi-level")]
    page = page_of(*old, *new)
    text = page.table(TABLE).text
    assert "former regime: mean of start and end" in text
    assert "What newer rows answer too" not in page.details().text
    done = page_of(*old, *new, record("fusion", 2, NEW, n=600, lift=6, **WHOLE))
    assert "former regime" not in done.table(TABLE).text
    assert "What newer rows answer too" in done.details().text


def test_a_new_regime_shows_its_rows_as_they_come(record, page_of):
    old = [record(row, 0) for row in RIGHT]
    page = page_of(*old, record("plain", 1, NEW, n=600, **WHOLE))
    assert "weights of the end, frozen to stride 8" in page.table(TABLE).text


def test_in_short_the_first_sheet_that_answers_a_claim_answers_it(record, page_of):
    """No difference mixes regimes: each is taken within the sheet that has both its rows."""
    old = [record(row, 0) for row in RIGHT]
    new = [record(row, 1, NEW, n=600, lift=6, **WHOLE) for row in ("plain", "multi-level")]
    text = page_of(*old, *new).summary().text
    rows = {line.split("</th>")[0].split(">")[-1]: line for line in text.split("<tr>")}
    assert "+10.00" in rows["It helps"]
    assert "former" not in rows["It helps"]
    assert "+15.00" in rows["Fusion helps"], "170 minus 140 of 200, not minus 146"
    about = "on CUB-200-2011 (40 of 200 classes); former regime: mean of start and end"
    assert about in rows["Fusion helps"]
    assert text.count('scope="col"') == 3, "one column a set"


def test_readings_of_a_set_of_images_are_counted_over_every_record(record, monkeypatch, tmp_path):
    monkeypatch.setenv("FGNB_RECORDED", str(tmp_path))
    kept = [record(test_reads=2), record("plain", 1, NEW), record("gate", test_reads=0)]
    kept += [record(n=600, test_reads=5, **WHOLE)]  # its images hold those of the part
    kept += [record(first=7, test_reads=9), record(dataset="cars", test_reads=9)]
    for paper, own in (("ccfr", kept[:2]), ("focus", kept[2:])):
        for made in own:
            archive.write(made, tmp_path / paper)
    reads = archive.test_reads(["ccfr", "focus", "pose"])
    (sheet,) = regimes.sheets([kept[0]], ["fusion"])
    assert folds.reads_of(sheet, reads) == 2 + 1 + 0 + 5
    sheet.reads = folds.reads_of(sheet, reads)
    assert "8 times in all" in folds.provenance(sheet)
    head = short.summary({"x": {"published": ""}}, [sheet])
    assert "test images read 8 times in all" in head
    (whole,) = regimes.sheets([kept[3]], ["fusion"])
    assert folds.reads_of(whole, reads) == 5, "a part of it is not the whole"


def test_the_newest_recordings_stand_on_the_birds(monkeypatch):
    monkeypatch.setenv("FGNB_RECORDED", str(ROOT))
    found, _ = archive.recorded("ccfr")
    standing = regimes.sheets(found, ["plain", "fusion"])
    birds = next(s for s in standing if s.origin.dataset == "cub" and not s.former)
    newest = max(
        r.origin.recorded
        for r in found
        if r.row == "plain" and r.origin.manifest == birds.origin.manifest
    )
    assert birds.rows["plain"].origin.recorded == newest
