"""The page on training (focus): heads and choices by a loop, and from the file again."""

from types import SimpleNamespace

import numpy as np
import pytest

from fgnb import presets
from fgnb.focus.recipe import region_spec
from fgnb.focus.region_answers import FREE, RegionAnswers
from fgnb.metrics import mcnemar
from fgnb.report import choices, rederive, rederive_comparisons

QUERIES, CLASSES = 40, 4


def run(seed, right):
    """A held-out run whose answer is right on so many of the first images."""
    rng = np.random.default_rng(seed)
    labels = np.arange(QUERIES) % CLASSES
    named = np.where(np.arange(QUERIES) < right, labels, (labels + 1) % CLASSES)
    return SimpleNamespace(
        predictions={
            "query_ids": np.arange(QUERIES),
            "query_labels": labels,
            "query_probs": np.eye(CLASSES)[named],
            "query_image_probs": rng.dirichlet([1.0] * CLASSES, QUERIES),
            "query_region_probs": rng.dirichlet([1.0] * CLASSES, (QUERIES, 6)),
        }
    )


def again(seed, right, boxes):
    return RegionAnswers(run(seed, right).predictions["query_probs"], boxes)


@pytest.fixture
def boxes():
    corner = np.arange(4, dtype=np.float32)[None, :, None] * 10 + np.zeros((QUERIES, 1, 2))
    return np.concatenate([corner, corner + 5], axis=2).astype(np.float32)


@pytest.fixture
def arrays(boxes):
    moved = boxes.copy()
    moved[0, :2] += 100
    moved[1, 0] += 100
    runs = {"default": run(0, 30), "without-image": run(1, 20), "two-joined": run(2, 31)}
    asked = {"default": again(0, 30, boxes), "sigma-0": again(3, 24, moved)}
    return choices.choice_arrays(runs, asked | {"bias-left-out": again(0, 30, boxes[:, ::-1])})


def test_heads_are_counted_one_by_one(arrays, provenance):
    results = choices.loss_results(arrays, provenance=provenance())
    named = {r.claim.removeprefix("own.focus.loss."): r for r in results}
    assert set(named) == {
        *("default.image", "default.region", "default.answer"),
        *("without-image.region", "without-image.answer"),
    }
    assert named["default.answer"].value == pytest.approx(100 * 30 / QUERIES)
    made, hits = run(1, 20).predictions, 0
    for label, regions in zip(made["query_labels"], made["query_region_probs"], strict=True):
        hits += sum(int(probs.argmax()) == label for probs in regions)
    assert named["without-image.region"].value == pytest.approx(100 * hits / (6 * QUERIES))
    for result in results:
        assert rederive(result, arrays) == (result.value, result.interval)
    table = choices.loss_table(results)
    assert [row[0].text for row in table.rows] == ["All three losses", "Image-level loss off"]
    assert table.rows[1][1].text == "–"
    assert table.rows[0][3].text.startswith("75.0 (")


def test_choices_stand_against_the_default(arrays, provenance):
    results = choices.choice_results(
        arrays, choices.CHOSEN_AGAIN, choices.AGAIN, provenance=provenance()
    )
    named = {r.claim.removeprefix("own.focus.choice.chosen-again."): r for r in results}
    assert set(named) == {
        *("sigma-0.accuracy", "sigma-0.moved"),
        *("bias-left-out.accuracy", "bias-left-out.moved"),
    }
    assert named["sigma-0.moved"].value == pytest.approx(100 * (0.5 + 0.25) / QUERIES)
    assert named["bias-left-out.moved"].value == 0, "the order of boxes does not matter"
    test = named["sigma-0.accuracy"].comparisons[0]
    assert (test["rectified"], test["spoiled"]) == (0, 6)
    first = np.arange(QUERIES)
    assert test["p"] == mcnemar(first < 24, first < 30)
    for result in results:
        assert rederive(result, arrays) == (result.value, result.interval)
        assert rederive_comparisons(result, arrays) == list(result.comparisons)


def test_the_table_corrects_over_its_lines(arrays, provenance):
    results = choices.choice_results(
        arrays, choices.CHOSEN_AGAIN, choices.AGAIN, provenance=provenance()
    )
    table = choices.choice_table(results)
    cells = [[cell.text for cell in row] for row in table.rows]
    assert [row[0] for row in cells] == ["No smoothing", "Biases left out of the map"]
    p = results[0].comparisons[0]["p"]
    assert cells[0][4] == f"{2 * p:.3f}"
    assert cells[1][4] == "1.000"
    assert cells[0][6].startswith("1.9 (")
    rows = choices.LOSSES | choices.TRAININGS
    trained = choices.choice_results(arrays, choices.TRAINED, rows, provenance=provenance())
    labels = ["Image-level loss off", "l = 2 regions join the whole"]
    assert [row[0].text for row in choices.choice_table(trained).rows] == labels
    assert {row[6].text for row in choices.choice_table(trained).rows} == {"–"}


def test_every_choice_can_be_asked_for():
    scale = presets.get("smoke", threads=1)
    default = region_spec(scale, "resnet18", "random", fold="held-out", seed=0)
    rows = choices.LOSSES | choices.TRAININGS | choices.claimed(default)
    for choice in rows.values():
        changes = {name: value for name, value in choice.changes.items() if name != "start"}
        region_spec(scale, "resnet18", "random", fold="held-out", seed=0, **changes)
    for choice in choices.AGAIN.values():
        assert set(choice.changes) <= set(FREE)


def test_claims_are_the_default_minus_what_was_trained_without(arrays, boxes, provenance):
    assert choices.claim_results(arrays, provenance=provenance()) == []
    runs = {"default": run(0, 30), "not-zoomed": run(1, 24), "separate-classifiers": run(2, 31)}
    found = choices.choice_arrays(runs, {"default": again(0, 30, boxes)})
    results = choices.claim_results(found, provenance=provenance())
    assert [r.claim for r in results] == ["focus.claim.zoom-helps", "focus.claim.sharing-helps"]
    assert [r.value for r in results] == pytest.approx([15.0, -2.5])
    for result in results:
        assert rederive(result, found) == (result.value, result.interval)


def test_a_region_that_is_not_zoomed_has_the_pixels_of_the_whole():
    spec = region_spec(presets.get("paper"), "resnet50", "random", fold="all", seed=0)
    assert choices.claimed(spec)["not-zoomed"].changes == {"crop_size": 160}
