"""focus's page on training: heads and choices by a loop, the loss against a second one."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from fgnb import claims, presets
from fgnb.focus import rows
from fgnb.focus.recipe import region_spec
from fgnb.focus.region_answers import FREE, RegionAnswers
from fgnb.metrics import mcnemar
from fgnb.pages.focus import training
from fgnb.report.records import Record
from fgnb.report.sheet import Sheet

QUERIES, CLASSES = 40, 4
DEFAULT = "ours-held-out"
P = SimpleNamespace(backbone="resnet50", weights="random", seed=0)


def run(seed, right):
    """A held-out run whose answer is right on so many of the first images."""
    rng = np.random.default_rng(seed)
    labels = np.arange(QUERIES) % CLASSES
    named = np.where(np.arange(QUERIES) < right, labels, (labels + 1) % CLASSES)
    kept = {
        "query_ids": np.arange(QUERIES),
        "query_labels": labels,
        "query_probs": np.eye(CLASSES)[named],
        "query_image_probs": rng.dirichlet([1.0] * CLASSES, QUERIES),
        "query_region_probs": rng.dirichlet([1.0] * CLASSES, (QUERIES, 6)),
    }
    return SimpleNamespace(predictions=kept)


@pytest.fixture
def sheet_of(origin):
    """A function that makes the page's sheet of runs, and of answers chosen again."""

    def make(runs, again=None):
        spec = {"weight_decay": 5e-4, "momentum": 0.9, "epochs": 1, "lr": 0.002}
        heads, sheet = training.head_arrays(runs, P), Sheet("focus")
        arrays = {
            row: {"classes": made.predictions["query_probs"].argmax(axis=1), **heads[row]}
            for row, made in runs.items()
        }
        for row, own in {**arrays, **(again or {})}.items():
            shared = {"ids": np.arange(QUERIES), "labels": np.arange(QUERIES) % CLASSES}
            sheet.add(Record("focus", row, shared | own, origin(spec=spec)))
        return sheet

    return make


@pytest.fixture
def again(monkeypatch):
    """Answers under two choices; of all others, the default's."""
    corner = np.arange(4, dtype=np.float32)[None, :, None] * 10 + np.zeros((QUERIES, 1, 2))
    boxes = np.concatenate([corner, corner + 5], axis=2).astype(np.float32)
    moved = boxes.copy()
    moved[0, :2] += 100
    moved[1, 0] += 100

    def answers_under(stage, made, settings):
        probs = {row: run(0, 30).predictions["query_probs"] for row in settings}
        probs["reselected-sigma-0"] = run(3, 24).predictions["query_probs"]
        found = {row: RegionAnswers(probs[row], boxes) for row in settings}
        found["reselected-sigma-0"] = RegionAnswers(probs["reselected-sigma-0"], moved)
        found["reselected-half"] = RegionAnswers(probs["reselected-half"], boxes[:, ::-1])
        return found

    monkeypatch.setattr(training.region_answers, "answers_under", answers_under)
    return training.reselected(None, None)


def by_claim(sheet, table):
    frame = sheet.numbers(table.numbers)
    return frame.drop_duplicates("claim").set_index("claim")


def test_heads_are_counted_one_by_one(sheet_of):
    sheet = sheet_of({DEFAULT: run(0, 30), "without-image": run(1, 20)})
    heads, answers = by_claim(sheet, training.HEADS), by_claim(sheet, training.ANSWERS)
    assert set(heads.index) == {
        f"own.focus.loss.{DEFAULT}.image",
        f"own.focus.loss.{DEFAULT}.region",
        "own.focus.loss.without-image.region",
    }, "a classifier without its loss has no line"
    made, hits = run(1, 20).predictions, 0
    for label, regions in zip(made["query_labels"], made["query_region_probs"], strict=True):
        hits += sum(int(probs.argmax()) == label for probs in regions)
    share = heads.loc["own.focus.loss.without-image.region", "value"]
    assert share == pytest.approx(100 * hits / (6 * QUERIES))
    assert answers.loc[f"own.focus.loss.{DEFAULT}.answer", "value"] == pytest.approx(75)
    step = answers.loc["own.step.focus.loss.without-image.answer"]
    assert step["value"] == pytest.approx(-25)
    assert step["reading"] == "", "the paper names no order"


def test_choices_at_test_stand_against_the_default(sheet_of, again):
    frame = by_claim(sheet_of({DEFAULT: run(0, 30)}, again), training.AT_TEST)
    moved = frame["value"].filter(like=".moved")
    assert moved["own.focus.choice.reselected-sigma-0.moved"] == pytest.approx(75 / QUERIES)
    assert moved["own.focus.choice.reselected-half.moved"] == 0, "order does not matter"
    assert len(moved) == len(training.REGION_CHOICES)
    test = frame.loc["own.step.focus.choice.reselected-sigma-0.accuracy", "test"]
    first = np.arange(QUERIES)
    assert (test["rectified"], test["spoiled"]) == (0, 6)
    assert test["p"] == mcnemar(first < 24, first < 30)


def test_the_chart_says_what_the_table_holds(sheet_of, again):
    sheet = sheet_of({DEFAULT: run(0, 30)}, again)
    page = SimpleNamespace(
        recorded=[], sheets=[sheet], numbers=lambda table, of: of.numbers(table.numbers)
    )
    figure = training.moved_chart(page)
    assert "No smoothing" in figure.alt
    assert "-15.0" in figure.alt
    assert "1.9" in figure.alt
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == [
        label for label, _ in training.REGION_CHOICES.values()
    ]


def test_claims_are_the_default_minus_what_was_trained_without(sheet_of):
    assert sheet_of({DEFAULT: run(0, 30)}).numbers(training.CLAIMS.numbers).empty
    runs = {DEFAULT: run(0, 30), "not-zoomed": run(1, 24), "separate-classifiers": run(2, 31)}
    frame = sheet_of(runs).numbers(training.CLAIMS.numbers)
    steps = frame[frame["kind"] == "difference"]
    assert list(steps["claim"]) == ["focus.claim.zoom-helps", "focus.claim.sharing-helps"]
    assert list(steps["value"]) == pytest.approx([15.0, -2.5])
    assert (steps["reading"] != "").all()


def test_every_row_is_one_of_the_papers_and_every_choice_can_be_made():
    p = SimpleNamespace(with_losses=True, with_claims=True, with_choices=True)
    assert set(training.wanted(p)) == set(rows.HELD_OUT)
    p = SimpleNamespace(with_losses=False, with_claims=False, with_choices=False)
    assert training.wanted(p) == [DEFAULT]
    for _, changes in training.REGION_CHOICES.values():
        assert set(changes) <= set(FREE)


def test_settings_stand_beside_the_papers(sheet_of):
    frame = by_claim(sheet_of({DEFAULT: run(0, 30)}), training.IN_USE)
    assert frame.loc["focus.setting.learning-rate", "value"] == 0.002
    assert frame.loc["focus.setting.learning-rate", "published"] == 0.01
    decay = frame.loc[["focus.setting.learning-rate-step", "focus.setting.learning-rate-factor"]]
    assert list(decay["value"]) == pytest.approx([40, 0.1])
    ledger = {e.id for e in claims.load("focus") if e.home == training.NOTEBOOK}
    answered = {number.claim for table in training.TABLES for number in table.numbers}
    assert ledger <= answered


def test_the_librarys_loss_is_the_sum_of_section_3_3():
    spec = region_spec(presets.get("demo"), "resnet50", "random", fold="held-out", seed=0)
    rng = np.random.default_rng(0)
    image, hybrid = (rng.normal(size=(3, CLASSES)).astype(np.float32) for _ in range(2))
    region, labels = rng.normal(size=(3, 6, CLASSES)).astype(np.float32), np.array([0, 2, 3])

    def entropy(scores, label):
        logs = scores - math.log(sum(math.exp(s) for s in scores))
        target = np.full(CLASSES, spec.label_smoothing / CLASSES)
        target[label] += 1 - spec.label_smoothing
        return -float((target * logs).sum())

    wanted = 0.0
    for n, label in enumerate(labels):
        parts = [entropy(image[n], label), entropy(hybrid[n], label)]
        parts.append(sum(entropy(scores, label) for scores in region[n]) / 6)
        wanted += sum(parts) / 3
    found = training.library_loss((image, region, hybrid), labels, spec)
    assert found == pytest.approx(wanted, rel=1e-5)
