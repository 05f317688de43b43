"""Table 3: accuracies, steps and controls by hand; Holm over the five steps; ids by data set."""

from types import SimpleNamespace

import numpy as np
import pytest

from fgnb import claims
from fgnb.data import cub
from fgnb.metrics import mcnemar
from fgnb.report import ablation, controls, numbers, rederive, rederive_comparisons

NAMES = [row.name for row in ablation.TABLE3]


@pytest.fixture
def rows():
    """Six rows over 200 images, each right on a few more."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, 200)
    right = {"plain": 120, "multi-level": 122, "local-region": 160, "scale-nms": 160}
    right |= {"fusion": 165, "ccfr": 166}
    predictions = {}
    for name, count in right.items():
        chosen = labels.copy()
        chosen[count:] = (labels[count:] + 1) % 5
        predictions[name] = chosen
    predictions["scale-nms"][[0, 159, 160]] = [*((labels[[0, 159]] + 2) % 5), labels[160]]
    return labels, predictions


@pytest.fixture
def arrays(rows):
    labels, predictions = rows
    extra = {"random-boxes": predictions["plain"], "equal-compute": predictions["multi-level"]}
    return {"test_labels": labels, **ablation.row_arrays({**predictions, **extra})}


SPECS = {
    **{key: {"image_size": 224, "seed": 3, "nms": "joint"} for key in NAMES},
    "ccfr": {"t_sf": 0.5, "rule": "held-out"},
    "random-boxes": {"boxes": "random"},
    "equal-compute": {"image_size": 288},
}


@pytest.fixture
def results(arrays, provenance):
    return ablation.table3_results(
        arrays, SPECS, dataset="cub", provenance=provenance(), rule="held-out"
    )


def test_rows_are_counted_and_paired_with_the_row_above(rows, arrays, results):
    labels, predictions = rows
    right = {name: predictions[name] == labels for name in NAMES}
    assert [r.claim for r in results] == [f"ccfr.table3.{name}" for name in NAMES]
    for above, name, result in zip([None, *NAMES], NAMES, results, strict=False):
        assert result.value == pytest.approx(100 * sum(right[name]) / 200)
        if above is None:
            assert not result.comparisons
            continue
        (test,) = result.comparisons
        assert test["with"] == f"ccfr.table3.{above}"
        assert test["p"] == mcnemar(right[name], right[above])
        assert test["difference"] == pytest.approx(100 * (right[name].mean() - right[above].mean()))
        assert rederive_comparisons(result, arrays) == list(result.comparisons)
    assert results[0].settings == {"image_size": 224, "nms": "joint"}
    assert results[-1].settings == SPECS["ccfr"]
    assert [bool(r.selected_on) for r in results] == [False] * 5 + [True]


def test_steps_answer_the_papers_claims(rows, arrays, provenance):
    labels, predictions = rows
    found = ablation.step_results(arrays, dataset="cub", provenance=provenance())
    ledger = claims.load("ccfr")
    assert [r.claim for r in found if r.claim in ledger] == [
        "ccfr.claim.multi-level-helps",
        "ccfr.text.gain.multi-level",
        "ccfr.claim.local-regions-help",
        "ccfr.claim.scale-separated-nms-helps",
        "ccfr.claim.fusion-helps",
        "ccfr.claim.features-conflict",
    ]
    value = {r.claim: r.value for r in found}
    gain = np.mean(predictions["fusion"] == labels) - np.mean(predictions["scale-nms"] == labels)
    assert value["ccfr.claim.fusion-helps"] == pytest.approx(100 * gain)
    both = np.mean(predictions["fusion"] == labels) - np.mean(predictions["multi-level"] == labels)
    assert value["ccfr.claim.features-conflict"] == pytest.approx(100 * both)
    for result in found:
        assert rederive(result, arrays) == (result.value, result.interval)
    elsewhere = ablation.step_results(arrays, dataset="cars", provenance=provenance())
    assert "ccfr.text.gain.multi-level" not in [r.claim for r in elsewhere]


def test_the_step_table_corrects_over_its_five_steps(results):
    table = ablation.step_table(results)
    assert len(table) == 5
    p = [r.comparisons[0]["p"] for r in results[1:]]
    slow, highest = {}, 0.0
    for rank, i in enumerate(sorted(range(5), key=lambda i: p[i])):
        highest = max(highest, min(1.0, p[i] * (5 - rank)))
        slow[i] = highest
    column = table.columns.index("p (Holm)")
    assert [row[column].text for row in table.rows] == [numbers.p_value(slow[i]) for i in range(5)]
    readings = [row[-1].text for row in table.rows]
    assert readings == ["differs" if slow[i] <= 0.05 else "within noise" for i in range(5)]
    assert readings[1] == "differs"
    assert set(readings) == {"differs", "within noise"}
    published = [row[1].text for row in table.rows]
    assert published == ["+0.70", "+5.10", "+0.10", "+0.30", "+0.40"]
    # 0.1 points are 6 of 5,794 answers, significant only if no answer was lost
    assert [row[2].text for row in table.rows][2] == "6"
    assert [row[2].text for row in table.rows][4] == "125"


def test_elsewhere_the_rows_are_our_own(arrays, provenance):
    found = ablation.table3_results(
        arrays, SPECS, dataset="cars", provenance=provenance(), rule="held-out"
    )
    assert found[0].claim == "own.ccfr.table3.cars.plain"
    assert found[1].comparisons[0]["with"] == "own.ccfr.table3.cars.plain"
    assert {row[1].text for row in ablation.step_table(found, dataset="cars").rows} == {"–"}


def test_controls_stand_against_the_full_model(arrays, results, provenance):
    found = controls.control_results(arrays, SPECS, dataset="cub", provenance=provenance())
    assert [r.claim for r in found] == [
        "own.ccfr.control.random-boxes",
        "own.ccfr.control.equal-compute",
    ]
    assert all(r.comparisons[0]["with"] == "ccfr.table3.fusion" for r in found)
    assert found[0].comparisons[0]["difference"] == pytest.approx(100 * (120 - 165) / 200)
    assert found[0].settings == {"boxes": "random"}
    table = controls.control_table(results[4], found)
    assert [[cell.text for cell in row[:4]] for row in table.rows] == [
        ["+ fusion network", "82.50 %", "76.6 to 87.1", "–"],
        ["Random boxes, else as the full model", "60.00 %", "53.1 to 66.5", "−22.50"],
        ["Backbone alone, as many pixels as the full model", "61.00 %", "54.1 to 67.5", "−21.50"],
    ]
    assert table.rows[1][-1].text == "differs"


def test_rows_of_another_set_carry_its_provenance(rows, write_cub, provenance):
    labels, predictions = rows
    images = cub.load(write_cub(), name="drawn-control")
    runs = {
        name: SimpleNamespace(
            key=key * 64,
            environment={"seconds": 2.0},
            predictions={
                "query_ids": np.arange(200),
                "query_labels": labels,
                "query_probs": np.eye(5)[predictions[name]],
            },
        )
        for name, key in {"plain": "a", "fusion": "b"}.items()
    }
    arrays, origin = controls.on_set("drawn-control", images, runs, provenance())
    found = controls.control_set_results(arrays, name="drawn-control", provenance=origin)
    assert [r.value for r in found] == pytest.approx([60.0, 82.5, 22.5])
    assert (origin.dataset, origin.protocol) == ("drawn-control", "drawn")
    assert origin.manifest == images.fingerprint
    assert (origin.n_test, origin.seconds) == (images.n_test, 4.0)
    assert origin.run_keys == ("a" * 64, "b" * 64)


def test_a_control_set_has_its_gain(arrays, provenance):
    alone = {k: v for k, v in arrays.items() if "random" not in k}
    found = controls.control_set_results(alone, name="drawn-control", provenance=provenance())
    assert [r.value for r in found] == pytest.approx([60.0, 82.5, 22.5])
    assert found[1].comparisons[0]["with"] == found[0].claim


def test_choosing_regions_is_held_against_regions_at_random(rows, arrays, provenance):
    arrays |= ablation.row_arrays({"random-boxes": rows[1]["local-region"]})
    found = controls.control_set_results(arrays, name="drawn", provenance=provenance())
    by = {r.claim.rpartition(".")[2]: r.value for r in found}
    assert list(by) == ["plain", "full", "random", "gain", "choice"]
    assert list(by.values()) == pytest.approx([60.0, 82.5, 80.0, 22.5, 2.5])


@pytest.mark.parametrize(
    ("dataset", "slug"),
    [
        ("drawn", "cub"),
        ("drawn-control", "cub"),
        ("cub", "cub"),
        ("drawn-cars", "cars"),
        ("cars", "cars"),
        ("drawn-aircraft", "aircraft"),
        ("aircraft", "aircraft"),
    ],
)
def test_every_set_has_its_word_in_the_ledger(dataset, slug):
    assert numbers.slug(dataset) == slug
    assert f"ccfr.table4.{slug}.ccfr" in claims.load("ccfr")


def test_a_set_without_a_published_one_is_named():
    with pytest.raises(ValueError, match="dataset is 'drawn-boats', needs one of cub, cars"):
        numbers.slug("drawn-boats")
