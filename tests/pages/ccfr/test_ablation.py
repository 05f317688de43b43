"""Table 3 by hand: accuracies, steps and controls, Holm over the five steps, ids by data set."""

import numpy as np
import pytest

from fgnb.metrics import mcnemar
from fgnb.pages.ccfr import ablation
from fgnb.presets import get
from fgnb.report import folds
from fgnb.report.records import Record
from fgnb.report.sheet import Sheet

NAMES = [*ablation.TRAINED, "ccfr"]


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
    predictions |= {"random-boxes": predictions["plain"]}
    predictions |= {"equal-compute": predictions["multi-level"]}
    return labels, predictions


@pytest.fixture
def sheet(rows, origin):
    def make(**changed):
        labels, predictions = rows
        made = Sheet("ccfr", recorded=True)
        for row, classes in predictions.items():
            arrays = {"ids": np.arange(200), "labels": labels, "classes": classes}
            made.add(Record("ccfr", row, arrays, origin(**changed)))
        return made

    return make


def test_rows_are_counted_and_steps_are_paired_with_the_row_above(rows, sheet):
    labels, predictions = rows
    frame = sheet().numbers(ablation.TABLE3.numbers)
    right = {name: predictions[name] == labels for name in NAMES}
    values = frame[frame["kind"] == "accuracy"]
    assert values["claim"].tolist() == [f"ccfr.table3.{name}" for name in NAMES]
    assert values["value"].tolist() == pytest.approx([100 * right[n].mean() for n in NAMES])
    steps = frame[frame["kind"] == "difference"].drop_duplicates("rule")
    for above, name, (_, step) in zip(NAMES, NAMES[1:], steps.iterrows(), strict=False):
        assert step["p"] == mcnemar(right[name], right[above])
        assert step["value"] == pytest.approx(100 * (right[name].mean() - right[above].mean()))


def test_steps_answer_the_papers_claims(rows, sheet):
    labels, predictions = rows
    numbers = [*ablation.TABLE3.numbers, *ablation.TOGETHER.numbers]
    frame = sheet().numbers(numbers)
    claims = frame[frame["kind"] == "difference"]["claim"].tolist()
    assert claims == [
        "ccfr.claim.multi-level-helps",
        "ccfr.claim.local-regions-help",
        "ccfr.claim.scale-separated-nms-helps",
        "ccfr.claim.fusion-helps",
        "own.ccfr.ablation.rerank-helps",
        "ccfr.text.gain.multi-level",
        "ccfr.claim.features-conflict",
    ]
    value = dict(zip(frame["claim"], frame["value"], strict=True))
    both = np.mean(predictions["fusion"] == labels) - np.mean(predictions["multi-level"] == labels)
    assert value["ccfr.claim.features-conflict"] == pytest.approx(100 * both)
    reading = dict(zip(frame["claim"], frame["reading"], strict=True))
    assert reading["ccfr.claim.features-conflict"] == "contradicted", "the claim expects a loss"
    elsewhere = sheet(dataset="cars", manifest="d" * 64).numbers(ablation.TABLE3.numbers)
    assert "ccfr.text.gain.multi-level" not in set(elsewhere["claim"])
    assert "own.ccfr.table3.plain.cars" in set(elsewhere["claim"])


def test_p_values_are_corrected_over_the_five_steps(sheet):
    frame = sheet().numbers(ablation.TABLE3.numbers)
    steps = frame[frame["kind"] == "difference"].drop_duplicates("rule")
    p = steps["p"].tolist()
    slow, highest = {}, 0.0
    for rank, i in enumerate(sorted(range(5), key=lambda i: p[i])):
        highest = max(highest, min(1.0, p[i] * (5 - rank)))
        slow[i] = highest
    assert steps["p_holm"].tolist() == pytest.approx([slow[i] for i in range(5)])
    assert steps["reading"].tolist()[1] == "supported"
    assert steps["published"].tolist() == pytest.approx([0.7, 5.1, 0.1, 0.3, 0.4])


def test_the_whole_test_says_how_few_published_answers_may_have_changed(sheet):
    made = sheet()
    text = folds.tests(ablation.TABLE3, [(made, made.numbers(ablation.TABLE3.numbers))])
    # 0.1 points are 6 of 5,794 answers, significant only if no answer was lost
    lines = [line for line in text.split("<tr>") if "scale-separated NMS, minus" in line]
    assert lines[0].endswith(">6</td></tr>")
    assert ">125</td></tr>" in text


def test_controls_are_held_against_the_full_model(sheet):
    frame = sheet().numbers(ablation.CONTROLS.numbers)
    value = dict(zip(frame["claim"], frame["value"], strict=True))
    assert value["own.ccfr.control.random-boxes"] == 60.0
    assert value["own.ccfr.control.full-minus-random-boxes"] == pytest.approx(22.5)
    assert value["own.ccfr.control.full-minus-equal-compute"] == pytest.approx(21.5)
    assert "own.ccfr.control.centre-boxes" not in value, "it was not trained"


def test_choosing_regions_is_held_against_regions_at_random(sheet):
    made = sheet(dataset="drawn-control", protocol="drawn")
    frame = made.numbers(ablation.CONTROL_SET.numbers)
    by = {
        claim.rpartition(".")[2]: v for claim, v in zip(frame["claim"], frame["value"], strict=True)
    }
    assert by == pytest.approx(
        {"plain": 60, "full": 82.5, "random": 60, "looking": 0, "gain": 22.5, "choice": 22.5}
    )


def test_the_control_set_is_small_in_the_demonstration_alone():
    demo, paper = (ablation.control_scale(get(name)) for name in ("demo", "paper"))
    assert (demo.species, demo.train_per_class) == (6, 12)
    assert paper == get("paper")


def test_at_most_eight_claims_stand_in_the_first_table():
    short = [n.short for table in ablation.TABLES for n in table.numbers if n.short]
    assert len(short) == len(set(short)) <= 8
