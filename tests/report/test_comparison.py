"""The page of results: Tables 2 and 4 and the rivals, each number by a loop and from the file."""

import math

import numpy as np
import pytest

from fgnb import claims
from fgnb.ccfr import Settings
from fgnb.ccfr.alternatives import fit_alternatives
from fgnb.metrics import reliability
from fgnb.report import comparison, rederive, rederive_comparisons, rivals
from fgnb.report import table2 as printed

MADE = {"queries": 50, "classes": 5, "k": 10, "spread": 0.7, "agree": 0.6}


@pytest.fixture(scope="module")
def answered(made_up):
    return made_up(2, **MADE)


@pytest.fixture(scope="module")
def methods(made_up):
    return fit_alternatives(made_up(1, **MADE), Settings(0.6, 0.5))


@pytest.fixture(scope="module")
def arrays(answered, methods):
    return {
        "test_labels": answered.labels,
        "test_retrieval_predictions": answered.neighbors.predictions(),
        "test_rival_predictions": np.zeros_like(answered.labels),
        **rivals.method_arrays(answered, methods),
    }


@pytest.fixture
def table4(arrays, provenance):
    settings = {"t_sf": 0.6, "rule": "held-out"}
    rows = comparison.row_results(
        arrays, settings, dataset="cub", provenance=provenance(), rule="held-out"
    )
    return rows + comparison.claim_results(arrays, provenance())


def share(arrays, name):
    labels = arrays["test_labels"].tolist()
    pairs = zip(arrays[f"test_{name}_predictions"].tolist(), labels, strict=True)
    return 100 * sum(a == b for a, b in pairs) / len(labels)


def test_table_4_and_its_claims_by_hand(arrays, table4):
    value = {result.claim: result.value for result in table4}
    retrieval, plain, ranked = (share(arrays, n) for n in ("retrieval", "softmax", "reranked"))
    assert len({retrieval, plain, ranked}) == 3, "the made-up answers must differ"
    assert value["ccfr.table4.cub.retrieval"] == pytest.approx(retrieval)
    assert value["ccfr.table4.cub.classification"] == pytest.approx(plain)
    assert value["ccfr.table4.cub.ccfr"] == pytest.approx(ranked)
    assert value["ccfr.table2.cub.ours-without-reranking"] == pytest.approx(plain)
    assert value["ccfr.table2.cub.ours"] == pytest.approx(ranked)
    assert value["ccfr.claim.classification-beats-retrieval"] == pytest.approx(plain - retrieval)
    assert value["own.ccfr.results.rerank-helps"] == pytest.approx(ranked - plain)
    assert value["ccfr.claim.combination-beats-both"] == pytest.approx(
        ranked - max(plain, retrieval)
    )
    assert set(value) - set(claims.load("ccfr")._by_id) == {"own.ccfr.results.rerank-helps"}
    chosen = [result.claim for result in table4 if result.selected_on]
    assert chosen == ["ccfr.table4.cub.ccfr", "ccfr.table2.cub.ours"]


def test_the_columns_of_other_sets_name_their_set(answered, provenance):
    used = Settings(0.6, 0.5)
    found = comparison.answer_arrays(answered, used)
    rows = comparison.row_results(
        found, vars(used), dataset="cars", provenance=provenance(), rule="fixed", title="Drawn cars"
    )
    value = {row.claim: row.value for row in rows}
    assert list(value) == [
        *(f"ccfr.table4.cars.{name}" for name in ("retrieval", "classification", "ccfr")),
        *(f"ccfr.table2.cars.{name}" for name in ("ours-without-reranking", "ours")),
    ]
    assert all(row.label.startswith("Drawn cars: ") for row in rows)
    assert value["ccfr.table4.cars.ccfr"] == pytest.approx(share(found, "reranked"))
    assert value["ccfr.table2.cars.ours"] == value["ccfr.table4.cars.ccfr"]
    nearest = answered.neighbors.labels[:, 0] == answered.labels
    assert value["ccfr.table4.cars.retrieval"] == pytest.approx(100 * nearest.mean())
    for row in rows:
        assert rederive(row, found) == (row.value, row.interval)


def test_the_rival_is_the_yardstick(arrays, provenance):
    found = comparison.rival_results(
        arrays, dataset="cub", name="Backbone alone", provenance=provenance()
    )
    value = {result.claim: result.value for result in found}
    gain = share(arrays, "reranked") - share(arrays, "rival")
    assert value["ccfr.claim.best-accuracy"] == value["ccfr.text.gain.cub"] == pytest.approx(gain)
    assert found[0].comparisons[0]["difference"] == pytest.approx(-gain)
    for result in found:
        assert rederive(result, arrays) == (result.value, result.interval)
    elsewhere = comparison.rival_results(
        arrays, dataset="cars", name="Backbone alone", provenance=provenance()
    )
    assert "ccfr.text.gain.cub" not in {result.claim for result in elsewhere}


def test_every_method_by_a_loop_and_from_the_file_again(answered, methods, arrays, provenance):
    results = rivals.alternative_results(arrays, methods, provenance())
    value = {r.claim.removeprefix("own.ccfr.alternative."): r.value for r in results}
    assert len(value) == 3 * len(methods) == 18
    for name, method in methods.items():
        probs = method.probs(answered)
        chosen = method.predictions(answered)
        losses = [
            -math.log(max(row[label], 1e-6))
            for row, label in zip(probs.tolist(), answered.labels, strict=True)
        ]
        assert value[f"{name}.log-loss"] == pytest.approx(sum(losses) / len(losses), rel=1e-5)
        right = np.mean(chosen == answered.labels)
        assert value[f"{name}.accuracy"] == pytest.approx(100 * right)
        if np.array_equal(chosen, probs.argmax(1)):
            error = reliability(probs, answered.labels).ece
            assert value[f"{name}.calibration"] == pytest.approx(error, abs=1e-6)
    assert value["softmax.accuracy"] == value["tempered.accuracy"]
    for result in results:
        assert rederive(result, arrays) == (result.value, result.interval)
        assert rederive_comparisons(result, arrays) == list(result.comparisons)
        assert bool(result.selected_on) == (".softmax." not in result.claim)
    table = rivals.alternatives_table(results)
    assert [row[0].text for row in table.rows] == list(rivals.NAMES.values())
    assert table.rows[1][5].text == "0 / 0"
    assert table.rows[1][6].text == "1.000"


def test_the_printed_table_holds_every_entry_once(table4):
    table = printed.table2(table4)
    ledger = [e for e in claims.load("ccfr") if e.id.startswith("ccfr.table2.")]
    printed_cells = [
        cell.text for row in table.rows for cell in row[2:5] if row[0].text[:9] != "This page"
    ]
    assert sum(text != "–" for text in printed_cells) == len(ledger)
    ours = [row for row in table.rows if row[0].text.startswith("This page")]
    assert [row[0].text for row in ours] == [
        "This page: Without re-ranking",
        "This page: With re-ranking",
    ]
    assert [cell.text for cell in ours[0][3:5]] == ["–", "–"]
    assert ours[0][5].badge == "subset"


def test_the_published_gains_are_the_ledgers_own():
    rows = [[cell.text for cell in row] for row in printed.published_gains().rows]
    cub = {row[1]: (row[2], row[5]) for row in rows if row[0] == "CUB"}
    assert cub == {
        "any base model": ("StackedLSTM [12]", "+0.70"),
        "ResNet-50": ("Mix+ [20]", "+0.90"),
    }


def test_the_panels_say_each_methods_error(answered, methods):
    figure = rivals.calibration_panels(answered, methods)
    assert len(figure.axes) == len(methods)
    error = reliability(answered.probs, answered.labels).ece
    assert f"softmax alone: {error:.3f}" in figure.alt
    assert figure.png().startswith(b"\x89PNG")
