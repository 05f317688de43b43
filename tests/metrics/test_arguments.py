"""Every public function of the metrics takes numbers in any form, and gives plain numbers back."""

from __future__ import annotations

import importlib
import inspect
import math
import pkgutil

import forms
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fgnb import metrics

RIGHT = np.array([1, 0, 1, 1, 0, 1])
OTHER = np.array([1, 1, 0, 1, 0, 0])
PROBS = np.array([[0.5, 0.25, 0.25], [0.125, 0.75, 0.125], [0.25, 0.25, 0.5], [0.0, 0.5, 0.5]])
LABELS = np.array([0, 1, 0, 2])
BOXES = np.array([[[0.0, 0, 4, 4], [4, 0, 8, 4]], [[0, 0, 8, 8], [2, 2, 4, 4]]])
POINTS = np.array([[[4.0, 1], [1, 1]], [[3, 3], [9, 9]]])
SEEN = np.array([[1, 0], [1, 1]])
SCALES = np.array([[4, 4], [8, 4]])
ANCHORS = {"anchors": np.array([[0.0, 0, 4, 4], [4, 0, 8, 4], [0, 0, 8, 8]])}
ANCHORS["anchor_scales"] = np.array([4, 4, 8])
BIRDS = {"true": POINTS, "visible": SEEN, "boxes": np.array([[0.0, 0, 8, 4], [2, 2, 8, 6]])}
FOUND = {"pred": POINTS[:, ::-1] + 1, **BIRDS, "alpha": 0.375}
PART = np.array([[0.0, 0, 4, 4], [2, 2, 8, 8], [4, 4, 8, 8]])
GRID = np.array([[RIGHT, OTHER], [OTHER, 1 - RIGHT]])
DRAWN = {"draws": 50, "seed": 3}

# Good arguments of every public function, and the kinds of values that an argument may have.
USUAL = {
    "accuracy.accuracy": {"scores": PROBS, "labels": LABELS},
    "accuracy.changes": {"before_correct": RIGHT, "after_correct": OTHER},
    "accuracy.topn_curve": {"scores": PROBS, "labels": LABELS, "n_max": 3},
    "accuracy.true_class_ranks": {"scores": PROBS, "labels": LABELS},
    "calibration.expected_calibration_error": {
        "confidence": np.array([0.5, 0.75, 0.25, 1.0]),
        "correct": np.array([1, 0, 1, 1]),
        "bins": 4,
    },
    "calibration.fit_temperature": {"probs": PROBS, "labels": LABELS},
    "calibration.negative_log_likelihood": {"probs": PROBS, "labels": LABELS, "floor": 0.125},
    "calibration.reliability": {"probs": PROBS, "labels": LABELS, "bins": 4},
    "calibration.temper": {"probs": PROBS, "temperature": 1.5},
    "coverage.box_sides": {"boxes": BOXES},
    "coverage.boxes_moved": {"before": BOXES, "after": BOXES[:, ::-1] + 1},
    "coverage.centre_coverage": {
        **{"boxes": BOXES, "scales": SCALES, "objects": np.array([[0.0, 0, 5, 5], [2, 2, 8, 8]])},
        **ANCHORS,
    },
    "coverage.holds_point": {"boxes": BOXES, "points": POINTS, "visible": SEEN},
    "coverage.mean_interval": {
        **{"values": np.array([0.5, 0.25, 2.0]), "minus": np.array([3.0, 0.0, 200.0])},
        **{"level": 0.875, "seed": 2},
    },
    "coverage.part_coverage": {
        **{"boxes": BOXES, "scales": SCALES, "points": POINTS, "visible": SEEN},
        **{"groups": {"one": [0], "all": [0, 1]}, **ANCHORS},
    },
    "gains.gain_contrast": {"after": RIGHT, "before": OTHER, "within": 1 - OTHER, **DRAWN},
    "grid.accuracy_range": {"correct": GRID, "axis": 0, **DRAWN},
    "grid.best_value": {"correct": GRID, "values": np.array([0.25, 0.5]), "axis": 0, **DRAWN},
    "grid.calibration_interval": {
        **{"confidence": np.array([0.5, 0.75, 0.25, 1.0]), "correct": np.array([1, 0, 1, 1])},
        **{"bins": 4, **DRAWN},
    },
    "grid.gap_to_best": {"chosen": RIGHT, "correct": GRID[0], **DRAWN},
    "grid.range_gap": {"correct": GRID, **DRAWN},
    "grid.regret": {"correct": GRID, **DRAWN},
    "grouping.adjusted_rand": {"groups": LABELS, "others": np.array([1, 1, 0, 2])},
    "intervals.interval_p": {"value": 1.5, "low": 0.25, "high": 3.5, "n": 90},
    "intervals.interval_step": {"low": -1.0, "high": 3.5, "n": 90},
    "keypoint_interval.mean_pck": FOUND,
    "keypoint_interval.mean_pck_interval": {
        **{"hits": np.array([[1, 0], [1, 1]]), "visible": np.array([[1, 1], [1, 0]])},
        **{"level": 0.875, "seed": 3},
    },
    "keypoints.confusions": {**FOUND, "mirrored": np.array([1, 0])},
    "keypoints.grid_ceiling": {**BIRDS, "centres": np.array([[2.0, 2], [6, 2]]), "alpha": 0.25},
    "keypoints.keypoint_hits": FOUND,
    "keypoints.nearest_centres": {"points": POINTS, "centres": np.array([[2.0, 2], [6, 2]])},
    "keypoints.part_overlaps": {
        **{"pred_boxes": PART, "true_boxes": PART[::-1], "present": np.array([1, 1, 0])},
    },
    "keypoints.pck": FOUND,
    "keypoints.pcp": {
        **{"pred_boxes": PART, "true_boxes": PART[[0, 2, 1]], "present": np.array([1, 1, 0])},
        "iou": 0.25,
    },
    "power.found_step": {"n": 250, "changed_fraction": 0.0625, "power": 0.75, "alpha": 0.125},
    "power.interval_found_step": {"low": -1.0, "high": 3.5, "power": 0.75},
    "power.mcnemar_power": {
        **{"n": 250, "changed_fraction": 0.125, "difference": 0.0625, "alpha": 0.125},
    },
    "power.none_of": {"n": 250, "level": 0.875},
    "statistics.bootstrap": {"correct": GRID[0], "other": GRID[1], "level": 0.875, **DRAWN},
    "statistics.detectable_step": {"n": 250, "changed_fraction": 0.0625, "alpha": 0.125},
    "statistics.holm": {"pvalues": np.array([0.0, 0.25, 0.03125])},
    "statistics.image_counts": {"n": 5, **DRAWN},
    "statistics.mcnemar": {"correct_a": RIGHT, "correct_b": OTHER},
    "statistics.mcnemar_cutoff": {"n": 250, "difference": 0.0625, "alpha": 0.125},
    "statistics.wilson": {"k": 200, "n": 250, "level": 0.875},
}
KINDS = {
    **dict.fromkeys(("correct", "other", "after", "before_correct", "after_correct"), "fib"),
    **dict.fromkeys(("correct_a", "correct_b", "chosen", "within", "visible"), "fib"),
    **{"present": "fib", "hits": "fib"},
    **{"scales": "fi", "anchor_scales": "fi"},
}


def public_functions():
    """Each function that a module of the metrics defines without an underscore."""
    for module in pkgutil.iter_modules(metrics.__path__, "fgnb.metrics."):
        if module.name == "fgnb.metrics.checks":
            continue
        found = importlib.import_module(module.name)
        for name, value in vars(found).items():
            if inspect.isfunction(value) and value.__module__ == module.name and name[0] != "_":
                yield f"{module.name.removeprefix('fgnb.metrics.')}.{name}", value
            if hasattr(value, "cache_info") and value.__module__ == module.name and name[0] != "_":
                yield f"{module.name.removeprefix('fgnb.metrics.')}.{name}", value.__wrapped__


FUNCTIONS = dict(public_functions())
ARGUMENTS = [(f, name) for f, usual in USUAL.items() for name in usual if name != "groups"]


def test_no_public_name_escapes():
    assert set(USUAL) == set(FUNCTIONS)
    exported = {getattr(metrics, name) for name in metrics.__all__}
    assert {f for f in exported if inspect.isfunction(f)} <= set(FUNCTIONS.values())
    for name, function in FUNCTIONS.items():
        missing = set(inspect.signature(function).parameters) - set(USUAL[name])
        assert missing <= {"paired_seeds"}, name


def plain(value, path=""):
    """Every scalar is Python's own; arrays have an axis at least."""
    if isinstance(value, np.ndarray):
        assert value.ndim >= 1, path
    elif isinstance(value, dict):
        for name, part in value.items():
            plain(part, f"{path}.{name}")
    elif isinstance(value, tuple):
        for place, part in enumerate(value):
            plain(part, f"{path}[{place}]")
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            plain(getattr(value, name), f"{path}.{name}")
        for name in ("share", "excess"):
            plain(getattr(value, name, None), f"{path}.{name}")
    else:
        assert value is None or type(value) in (int, float), f"{path} is a {type(value)}"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_scalars_are_pythons_own_whatever_came_in(name):
    function, usual = FUNCTIONS[name], USUAL[name]
    narrow = {
        key: value
        if isinstance(value, dict)
        else torch.tensor(value.tolist(), dtype=torch.float16 if value.dtype.kind == "f" else None)
        if isinstance(value, np.ndarray)
        else np.int16(value)
        if isinstance(value, int)
        else np.float16(value)
        for key, value in usual.items()
    }
    for arguments in (usual, narrow):
        plain(function(**arguments), name)


@pytest.mark.parametrize(("function", "name"), ARGUMENTS)
def test_every_form_of_an_argument_gives_the_same(function, name):
    forms.answers_alike(FUNCTIONS[function], USUAL[function], name, KINDS.get(name, ""))


@pytest.mark.parametrize(("function", "name"), ARGUMENTS)
def test_what_is_no_argument_is_refused_by_name(function, name):
    if function == "grouping.adjusted_rand":
        return  # groups may have any names
    forms.refused_by_name(FUNCTIONS[function], USUAL[function], name)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 255), st.integers(0, 255), st.sampled_from(["uint8", "int16", "uint16", "int64"])
)
def test_narrow_counts_give_what_wide_ones_give(a, b, dtype):
    k, n = sorted((a, b))
    kind = np.dtype(dtype).type
    assert metrics.wilson(kind(k), kind(n)) == metrics.wilson(k, n)
    assert metrics.wilson(torch.tensor(k, dtype=getattr(torch, dtype)), n) == metrics.wilson(k, n)


def test_the_shares_that_overflowed():
    low, high = metrics.wilson(np.uint8(200), np.uint8(250))
    assert (round(low, 4), round(high, 4)) == (0.7460, 0.8449)
    assert (type(low), type(high)) == (float, float)


@pytest.mark.parametrize(
    ("k", "n", "message"),
    [
        (0.8, 250, r"k is 0\.8, needs a whole number"),
        (200.0, 250, r"k is 200\.0, needs a whole number"),
        (200, 250.0, r"n is 250\.0, needs a whole number"),
        (True, 1, "k is True, needs a whole number"),
        (np.bool_(True), 1, "k is True, needs a whole number"),
        (math.nan, 3, "k is nan, needs a whole number"),
        (np.array([1, 2]), 3, r"k has shape \(2,\), needs one whole number"),
        ([1], 3, r"k is \[1\], needs a whole number"),
        ("1", 3, "k is '1', needs a whole number"),
        (None, 3, "k is None, needs a whole number"),
        (-1, 3, "k is -1 and n is 3, needs 0 <= k <= n"),
        (4, 3, "k is 4 and n is 3, needs 0 <= k <= n"),
    ],
)
def test_counts_that_are_none_are_refused(k, n, message):
    with pytest.raises(ValueError, match=message):
        metrics.wilson(k, n)


def test_flags_are_noughts_and_ones():
    for bad in (np.array([[1, 2], [0, 1]]), np.array([[0.5, 1], [0, 1]])):
        with pytest.raises(ValueError, match=r"^visible holds values besides 0 and 1"):
            FUNCTIONS["coverage.holds_point"](BOXES, POINTS, bad)
    with pytest.raises(ValueError, match=r"^points holds a visible point that is not finite"):
        FUNCTIONS["coverage.holds_point"](BOXES, POINTS * np.nan, SEEN)
    with pytest.raises(ValueError, match=r"^group 'half' is \[0\.5\], needs"):
        FUNCTIONS["coverage.part_coverage"](
            **USUAL["coverage.part_coverage"] | {"groups": {"half": [0.5]}}
        )


@pytest.mark.parametrize("bad", [[[2.0, -1.0, 0.0]], [[0.2, 0.2, 0.2]], [[0.9, 0.9, 0.2]]])
@pytest.mark.parametrize("name", [n for n, usual in USUAL.items() if "probs" in usual])
def test_what_is_no_probability_is_refused_with_its_range(name, bad):
    usual = {k: v[:1] if k == "labels" else v for k, v in USUAL[name].items()}
    with pytest.raises(ValueError, match=r"^probs runs from .*needs rows of probabilities"):
        FUNCTIONS[name](**usual | {"probs": bad})


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 300),
    st.integers(0, 10_000),
    st.floats(0.1, 20),
    st.sampled_from(["float16", "bfloat16", "float32", "float64"]),
)
def test_a_softmax_of_any_precision_is_one(classes, seed, spread, dtype):
    generator = torch.Generator().manual_seed(seed)
    logits = spread * torch.randn(4, classes, generator=generator)
    probs = logits.to(getattr(torch, dtype)).softmax(1)
    assert metrics.reliability(probs, [0] * 4).count.sum() == 4
    assert metrics.reliability(logits.softmax(1).to(getattr(torch, dtype)), [0] * 4).ece >= 0
