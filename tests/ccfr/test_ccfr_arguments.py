"""What the room exports takes numbers in any form, and refuses by name what is none of its kind."""

import dataclasses
import inspect
import math

import forms
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fgnb import ccfr
from fgnb.ccfr.retrieval import Neighbors

PROBS = np.array([[0.5, 0.25, 0.25], [0.125, 0.75, 0.125]])
SIMS = np.array([[0.875, 0.75, 0.5, 0.25], [0.5, 0.5, 0.25, 0.125]])
NEAR = np.array([[1, 0, 2, 1], [0, 2, 1, 1]])
SETTING = {"topn": 2, "topm": 3, "t_sf": 0.75, "t_sc": 0.125, "alpha": 0.5, "beta": 0.25}
LOGITS = np.array([[1.0, -2.0, 0.5], [0.25, 0.0, 3.0]])
PARENTS = np.array([0, 1, 0])
VECTORS = np.array([[1.0, 0.5], [0.25, 2.0], [1.0, 1.0], [-1.0, 0.25]])
BOXES = np.array([[0.0, 0, 9, 9], [1, 0, 10, 9], [20, 0, 29, 9], [0, 0, 20, 20]])
NEIGHBORS = Neighbors(SIMS, np.zeros_like(NEAR), NEAR)


def loss(parents, weight, child_logits, parent_logits, target):
    return ccfr.MultiLevelLoss(parents, weight)(child_logits, parent_logits, target)


def tune(probs, truth):
    return ccfr.tune(probs, NEIGHBORS, truth, ccfr.Settings(0.5, 0.5)).accuracy


def choose(probs, truth):
    base = ccfr.Settings(0.5, 0.5)
    return ccfr.choose("held-out", probs, NEIGHBORS, truth, base, t_sc_rule="held-out")[0].t_sc


def settings_scores(probs):
    return ccfr.Settings(**SETTING).scores(probs, NEIGHBORS)


USUAL = {
    "rerank": (ccfr.rerank, {"probs": PROBS, "sims": SIMS, "labels": NEAR[0], **SETTING}),
    "rerank_neighbors": (
        ccfr.rerank_neighbors,
        {"probs": PROBS, "sims": SIMS, "labels": NEAR, **SETTING},
    ),
    "MultiLevelLoss": (
        loss,
        {
            **{"parents": PARENTS, "weight": 0.5, "child_logits": LOGITS},
            **{"parent_logits": LOGITS[:, :2], "target": np.array([2, 0])},
        },
    ),
    "hinge": (
        ccfr.hinge,
        {"child_probs": PROBS, "parent_probs": PROBS[:, :2], "parents": PARENTS},
    ),
    "build_hierarchy": (
        ccfr.build_hierarchy,
        {"features": VECTORS, "labels": np.array([0, 1, 2, 2]), "n_parents": 2, "seed": 1},
    ),
    "class_means": (ccfr.class_means, {"features": VECTORS, "labels": np.array([0, 1, 2, 2])}),
    "scale_separated_nms": (
        ccfr.scale_separated_nms,
        {
            **{"boxes": BOXES, "scores": np.array([0.5, 0.25, 1.0, 2.0])},
            **{"scales": np.array([9, 9, 9, 20]), "per_scale": 1, "iou": 0.25},
        },
    ),
    "nearest": (
        ccfr.nearest,
        {
            **{"queries": VECTORS[:2], "database": VECTORS, "labels": np.array([0, 1, 2, 2])},
            **{"k": 3, "chunk": 1},
        },
    ),
    "triplet_loss": (
        ccfr.triplet_loss,
        {"embeddings": VECTORS, "targets": np.array([0, 0, 1, 1]), "margin": 0.25},
    ),
    "region_margins": (
        ccfr.region_margins,
        {"regions": np.stack([VECTORS, VECTORS[::-1]], 1), "targets": np.array([0, 0, 1, 1])},
    ),
    "mean_top1": (ccfr.mean_top1, {"probs": PROBS}),
    "tune": (tune, {"probs": PROBS, "truth": np.array([1, 1])}),
    "choose": (choose, {"probs": PROBS, "truth": np.array([1, 1])}),
    "Settings": (settings_scores, {"probs": PROBS}),
}
# What takes a run, an image set or a row's name instead of numbers.
OTHERS = {"Answers", "ROWS", "STAGES", "row_stage", "global_stage", "multi_level_stage"}
OTHERS |= {"region_stage", "warm_up_stage", "equal_compute_stage"}
ARGUMENTS = [(f, name) for f, (_, usual) in USUAL.items() for name in usual]
KINDS = {"probs": "f", "child_probs": "f", "parent_probs": "f", "scales": "fi", "targets": "i"}
COARSE = 0.03  # of sums in bfloat16


def test_no_exported_name_escapes():
    assert set(ccfr.__all__) == set(USUAL) | OTHERS
    for name, (function, usual) in USUAL.items():
        left = set(inspect.signature(function).parameters) - set(usual)
        assert left <= {"gate", "children", "mining"}, name


@pytest.mark.parametrize(("function", "name"), ARGUMENTS)
def test_every_form_of_an_argument_gives_the_same(function, name):
    coarse = function in ("MultiLevelLoss", "triplet_loss", "region_margins", "hinge")
    tolerance = COARSE if coarse else 1e-6
    forms.answers_alike(*USUAL[function], name, KINDS.get(name, ""), tolerance)


@pytest.mark.parametrize(("function", "name"), ARGUMENTS)
def test_what_is_no_argument_is_refused_by_name(function, name):
    forms.refused_by_name(*USUAL[function], name)


@pytest.mark.parametrize(
    ("function", "name"),
    [(f, n) for f, n in ARGUMENTS if n in ("labels", "target", "parents", "truth")],
)
def test_booleans_and_floats_are_no_classes(function, name):
    call, usual = USUAL[function]
    for bad in (usual[name] > 0, torch.tensor(usual[name] > 0), usual[name] * 1.0):
        with pytest.raises(ValueError, match=rf"^{name} has dtype (torch\.)?\w+, needs integers"):
            call(**usual | {name: bad})


@pytest.mark.parametrize(
    ("function", "name"), [(f, n) for f, n in ARGUMENTS if KINDS.get(n) == "f"]
)
def test_logits_are_refused_with_their_range(function, name):
    call, usual = USUAL[function]
    logits = 4 * usual[name] - 1
    for bad in (logits, torch.tensor(logits), torch.tensor(logits).bfloat16(), usual[name] * 1.2):
        with pytest.raises(ValueError, match=rf"^{name} runs from .*needs rows of prob") as caught:
            call(**usual | {name: bad})
        numbers = torch.as_tensor(bad).double()
        assert f"from {float(numbers.min()):.4g} to {float(numbers.max()):.4g}" in str(caught.value)
    for value in (math.nan, math.inf):
        with pytest.raises(ValueError, match=rf"^{name} holds nan"):
            call(**usual | {name: np.full_like(usual[name], value)})


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.integers(2, 250),
    st.integers(0, 10_000),
    st.floats(0.1, 30),
    st.sampled_from([torch.float16, torch.bfloat16, torch.float32, torch.float64]),
    st.integers(1, 6),
)
def test_rows_of_half_precision_and_rows_cut_to_their_best_pass(classes, seed, spread, dtype, kept):
    generator = torch.Generator().manual_seed(seed)
    logits = spread * torch.randn(3, classes, generator=generator)
    probs = logits.softmax(1).to(dtype)
    sims = torch.rand(3, 7, generator=generator)
    labels = torch.randint(classes, (7,), generator=generator)
    setting = {"t_sf": 0.9, "t_sc": 0.25, "topn": kept}
    scores = ccfr.rerank(probs, sims, labels, **setting)
    cut = probs * (probs >= probs.topk(min(kept, classes), dim=1).values[:, -1:])
    best = probs.argsort(dim=1, descending=True, stable=True)[:, :kept]
    assert torch.equal(
        ccfr.rerank(cut, sims, labels, **setting).gather(1, best), scores.gather(1, best)
    )
    if logits.max() > 1.1 or logits.min() < -0.1:
        with pytest.raises(ValueError, match=r"^probs runs from "):
            ccfr.rerank(logits.to(dtype), sims, labels, **setting)


def test_logits_would_have_been_other_classes():
    logits = torch.tensor([[2.0, 1.9, -1.0]])
    sims, labels = torch.tensor([[0.9]]), torch.tensor([1])
    setting = {"t_sf": 0.8, "t_sc": 0.5, "topn": 2}
    assert ccfr.rerank(logits.softmax(1), sims, labels, **setting).argmax() == 1
    with pytest.raises(ValueError, match=r"^probs runs from -1 to 2 .*not its logits"):
        ccfr.rerank(logits, sims, labels, **setting)
    with pytest.raises(ValueError, match=r"^probs runs from -1 to 2 .*not its logits"):
        ccfr.rerank_neighbors(logits, sims, labels[None], **setting)


def test_lists_are_compared_in_double_precision():
    assert ccfr.rerank([[0.45, 0.55]], [[0.9]], [0], t_sf=0.55, t_sc=0.0).argmax() == 1
    assert ccfr.rerank([[0.45, 0.55]], [[0.7]], [0], t_sf=0.6, t_sc=0.7).argmax() == 1
    assert ccfr.rerank([[0.6, 0.4]], [[]], [], t_sf=0.9, t_sc=0.0).tolist() == [[0.6, 0.4]]


def test_any_similarity_will_do():
    scores = ccfr.rerank([[0.6, 0.4]], [[3.0, 12.0]], [0, 1], t_sf=0.9, t_sc=1.0)
    assert scores.tolist() == [[0.2, 0.8]]


def test_gradients_pass_through_the_losses_from_every_type():
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        child = torch.tensor(LOGITS, dtype=dtype, requires_grad=True)
        ccfr.MultiLevelLoss(PARENTS)(child, LOGITS[:, :2], [2, 0]).backward()
        points = torch.tensor(VECTORS, dtype=dtype, requires_grad=True)
        ccfr.triplet_loss(points, [0, 0, 1, 1], margin=1).backward()
        assert child.grad.abs().sum() > 0
        assert points.grad.abs().sum() > 0


def test_settings_that_are_no_numbers_are_named():
    for field in dataclasses.fields(ccfr.Settings):
        with pytest.raises(ValueError, match=rf"^{field.name} is "):
            ccfr.Settings(**SETTING | {field.name: None}).scores(PROBS, NEIGHBORS)
