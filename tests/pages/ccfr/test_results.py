"""The page of results: Tables 2 and 4 and the rivals of re-ranking, each number by a loop."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from fgnb import claims
from fgnb.ccfr import Settings
from fgnb.ccfr.alternatives import fit_alternatives
from fgnb.metrics import reliability
from fgnb.pages.ccfr import reranked, results
from fgnb.report import printed
from fgnb.report.records import Record
from fgnb.report.sheet import Sheet

P = SimpleNamespace(t_sf_rule="fixed", t_sf=0.6, t_sc=0.5, topn=5, topm=50)


@pytest.fixture(scope="module")
def held_out(made_up):
    return made_up(1, queries=50, classes=5, k=10, spread=0.7, agree=0.6)


@pytest.fixture(scope="module")
def answers(made_up):
    """Of the test images."""
    return made_up(2, queries=50, classes=5, k=10, spread=0.7, agree=0.6)


@pytest.fixture(scope="module")
def methods(held_out):
    return fit_alternatives(held_out, Settings(0.6, 0.5))


@pytest.fixture
def sheet_on(answers, held_out, origin):
    """A function that makes the page's sheet of these answers on a set."""

    def make(dataset):
        sheet, of = Sheet("ccfr"), origin(dataset=dataset)
        rival = {
            "ids": answers.ids,
            "labels": answers.labels,
            "classes": np.zeros_like(answers.labels),
        }
        sheet.add(Record("ccfr", "fusion", reranked.arrays(answers, held_out), of))
        sheet.add(Record("ccfr", "equal-compute", rival, of))
        nts = {**rival, "classes": np.full_like(answers.labels, 1)}
        sheet.add(Record("ccfr", "nts-net", nts, of))
        results.derive(sheet, P)
        return sheet

    return make


@pytest.fixture
def sheet(sheet_on):
    return sheet_on("cub")


def values(sheet, *tables):
    return {
        line["claim"]: line["value"]
        for table in tables
        for line in sheet.numbers(table.numbers).to_dict("records")
    }


def share(sheet, row):
    of = sheet.rows[row].arrays
    pairs = zip(of["classes"].tolist(), of["labels"].tolist(), strict=True)
    return 100 * sum(a == b for a, b in pairs) / len(of["labels"])


def test_table_4_and_its_claims_by_hand(answers, sheet):
    value = values(sheet, results.TABLE4, results.TABLE2)
    retrieval, plain, ranked = (share(sheet, r) for r in ("retrieval", "classification", "ccfr"))
    assert len({retrieval, plain, ranked}) == 3, "the made-up answers must differ"
    assert retrieval == pytest.approx(
        100 * (answers.neighbors.labels[:, 0] == answers.labels).mean()
    )
    assert plain == pytest.approx(100 * (answers.probs.argmax(1) == answers.labels).mean())
    by_rule = Settings(0.6, 0.5).predictions(answers.probs, answers.neighbors)
    assert ranked == pytest.approx(100 * (by_rule == answers.labels).mean())
    assert value == pytest.approx(
        {
            "ccfr.table4.cub.retrieval": retrieval,
            "ccfr.table4.cub.classification": plain,
            "ccfr.table4.cub.ccfr": ranked,
            "ccfr.table2.cub.nts": share(sheet, "nts-net"),
            "ccfr.table2.cub.ours-without-reranking": plain,
            "ccfr.table2.cub.ours": ranked,
            "ccfr.claim.classification-beats-retrieval": plain - retrieval,
            "own.ccfr.results.rerank-helps": ranked - plain,
            "own.ccfr.results.reranked-minus-retrieval": ranked - retrieval,
            "ccfr.claim.combination-beats-both": ranked - max(plain, retrieval),
        }
    )


def test_the_numbers_of_another_set_stand_under_its_name(sheet_on):
    cars = sheet_on("drawn-cars")
    value = values(cars, results.TABLE4, results.TABLE2)
    for table, rows in {
        "table4": ("retrieval", "classification", "ccfr"),
        "table2": ("ours-without-reranking", "ours"),
    }.items():
        assert all(f"ccfr.{table}.cars.{row}" in value for row in rows)
    assert value["ccfr.table2.cars.ours"] == value["ccfr.table4.cars.ccfr"]
    assert not any(".cub" in claim for claim in values(cars, *results.TABLES))


def test_the_rival_is_the_yardstick(answers, sheet):
    value = values(sheet, results.AHEAD)
    rival = 100 * float((answers.labels == 0).mean())
    gain = share(sheet, "ccfr") - rival
    assert value["own.ccfr.rival"] == pytest.approx(rival)
    assert value["ccfr.claim.best-accuracy"] == value["ccfr.text.gain.cub"] == pytest.approx(gain)


def test_nts_stands_beside_its_published_row_and_the_method_is_held_against_it(answers, sheet):
    nts = 100 * float((answers.labels == 1).mean())
    lines = sheet.numbers((*results.AHEAD.numbers, *results.TABLE2.numbers)).set_index("claim")
    assert lines["value"]["ccfr.table2.cub.nts"] == pytest.approx(nts)
    assert lines["published"]["ccfr.table2.cub.nts"] == 87.5
    step = lines.loc["own.ccfr.ahead-of-nts"]
    assert step["value"] == pytest.approx(share(sheet, "ccfr") - nts)
    assert step["published"] == pytest.approx(91.1 - 87.5)


def test_every_method_by_a_loop(answers, methods, sheet):
    tables = (results.ACCURACY, results.PROBABILITIES)
    value = values(sheet, *tables)
    for name, method in methods.items():
        begins = f"own.ccfr.alternative.{name}"
        probs, chosen = method.probs(answers), method.predictions(answers)
        losses = [
            -math.log(max(row[label], 1e-6))
            for row, label in zip(probs.tolist(), answers.labels, strict=True)
        ]
        assert value[f"{begins}.log-loss"] == pytest.approx(sum(losses) / len(losses), rel=1e-5)
        assert value[f"{begins}.accuracy"] == pytest.approx(100 * np.mean(chosen == answers.labels))
        if np.array_equal(chosen, probs.argmax(1)):
            error = reliability(probs, answers.labels).ece
            assert value[f"{begins}.calibration"] == pytest.approx(error, abs=1e-6)
        if name != "softmax":
            step = value[f"{begins}.accuracy"] - value["own.ccfr.alternative.softmax.accuracy"]
            assert value[f"{begins}.over-softmax"] == pytest.approx(step)
    (tempered,) = (
        line
        for line in sheet.numbers(results.ACCURACY.numbers).to_dict("records")
        if line["claim"] == "own.ccfr.alternative.tempered.over-softmax"
    )
    assert (tempered["test"]["rectified"], tempered["test"]["spoiled"]) == (0, 0)
    assert tempered["reading"] == "", "nothing is claimed of an answer that can't change"


def test_the_page_says_what_was_chosen(methods, sheet):
    value = values(sheet, results.SETTINGS)
    assert value["own.ccfr.alternative.reranked.setting.t-sf"] == 0.6
    assert value["own.ccfr.alternative.tempered.setting.temperature"] == pytest.approx(
        methods["tempered"].settings()["temperature"]
    )
    assert value["own.ccfr.alternative.interpolated.setting.weight"] == pytest.approx(
        methods["interpolated"].settings()["weight"]
    )
    assert len(value) == 7


def test_without_neighbours_no_number_is_made_up(answers, origin):
    sheet = Sheet("ccfr")
    few = {"ids": answers.ids, "labels": answers.labels, "classes": answers.labels}
    sheet.add(Record("ccfr", "fusion", few, origin()))
    results.derive(sheet, P)
    assert list(sheet.rows) == ["fusion"]


def test_every_printed_entry_stands_once_and_ours_in_the_column_of_their_set(sheet_on):
    cars = sheet_on("drawn-cars")
    page = SimpleNamespace(sheets=[cars], numbers=lambda table, s: s.numbers(table.numbers))
    rows = [*printed._printed("ccfr.table2"), *printed._ours(page, results.TABLE2)]
    ledger = [entry for entry in claims.load("ccfr") if entry.id.startswith("ccfr.table2.")]
    ours = rows[-3:]
    assert sum(bool(cell) for row in rows[:-3] for cell in row[2:]) == len(ledger)
    assert all("<b>" in row[0] for row in ours)
    assert not any("<b>" in row[0] for row in rows[:-3])
    assert [bool(cell) for cell in ours[0][2:]] == [False, False, True]
    assert f"{share(cars, 'ccfr'):.2f} %" in ours[2][4]
    muted = [row for row in rows if "fgnb-muted" in row[0]]
    assert len(muted) == len({entry.method for entry in ledger if entry.by == "cited"})


def test_the_published_gains_are_the_ledgers_own():
    text = results.published_gains().text
    assert text.count("<tr>") == 1 + 6
    for method, gain in (("StackedLSTM [12]", "+0.70"), ("Mix+ [20]", "+0.90")):
        row = next(row for row in text.split("<tr>") if method in row)
        assert ">CUB<" in row
        assert gain in row


def test_the_panels_say_each_methods_error(answers, methods):
    figure = results.calibration_panels(answers, methods)
    assert len(figure.axes) == len(methods) == 6
    error = reliability(answers.probs, answers.labels).ece
    assert f"Softmax alone: {error:.3f}" in figure.alt
    assert figure.png().startswith(b"\x89PNG")
