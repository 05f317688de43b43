"""What the room exports takes numbers in any form, and refuses by name what is none of its kind."""

import inspect

import forms
import numpy as np
import pytest
import torch

from fgnb import focus

FEATURES = np.arange(24.0).reshape(2, 3, 2, 2) / 4 - 2
WEIGHT = np.array([[1.0, 0.5, -1.0], [0.25, 2.0, 0.0], [-1.0, 0.5, 0.5], [2.0, 0.0, 1.0]])
MAPS = np.array([[[0.0, 1.0], [3.0, 2.0]], [[2.0, 0.5], [0.5, 0.25]]])


def of_classes(features, weight, classes):
    return focus.attention_map(features, weight, sigma=0.5, reduce="class", classes=classes)


def of_predicted(features, weight):
    return focus.attention_map(features, weight, reduce="predicted")


USUAL = {
    "attention_map": (focus.attention_map, {"features": FEATURES, "weight": WEIGHT, "sigma": 0.5}),
    "of classes": (
        of_classes,
        {"features": FEATURES, "weight": WEIGHT, "classes": np.array([3, 1])},
    ),
    "of predicted": (of_predicted, {"features": FEATURES, "weight": WEIGHT}),
    "propose_regions": (
        focus.propose_regions,
        {"maps": MAPS, "image_size": 64.0, "box_size": 32.0, "count": 2, "iou": 0.25},
    ),
}
# What takes a run, an image set or a row's name instead of numbers.
OTHERS = {"ROWS", "STAGES", "class_maps", "every_class_map", "passed", "row_stage"}
OTHERS |= {"global_stage", "region_stage", "equal_compute_stage"}
ARGUMENTS = [(f, name) for f, (_, usual) in USUAL.items() for name in usual]
KINDS = {"features": "f", "weight": "f", "maps": "f"}


def test_no_exported_name_escapes():
    assert set(focus.__all__) == OTHERS | {"attention_map", "propose_regions"}
    for name in ("attention_map", "propose_regions"):
        function, usual = USUAL[name]
        left = set(inspect.signature(function).parameters) - set(usual)
        assert left <= {"reduce", "classes", "border"}, name


@pytest.mark.parametrize(("function", "name"), ARGUMENTS)
def test_every_form_of_an_argument_gives_the_same(function, name):
    tolerance = 0.0 if function == "propose_regions" else 0.03  # sums in bfloat16
    forms.answers_alike(*USUAL[function], name, KINDS.get(name, ""), tolerance)


@pytest.mark.parametrize(("function", "name"), ARGUMENTS)
def test_what_is_no_argument_is_refused_by_name(function, name):
    forms.refused_by_name(*USUAL[function], name)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int64, torch.bool])
def test_maps_of_whole_numbers_are_those_of_floats(dtype):
    generator = torch.Generator().manual_seed(0)
    maps = torch.randint(0, 2 if dtype == torch.bool else 9, (3, 7, 7), generator=generator)
    options = {"image_size": 224, "box_size": 80, "count": 4}
    expected = focus.propose_regions(maps.double(), **options)
    assert torch.equal(focus.propose_regions(maps.to(dtype), **options), expected)
    features, weight = maps.to(dtype)[None], torch.tensor([[1, 2, 0], [0, -1, 3]])
    found = focus.attention_map(features, weight, sigma=0)
    assert torch.equal(found, focus.attention_map(maps[None].double(), weight.double(), sigma=0))


def test_booleans_are_no_classes():
    for bad in (np.array([True, False]), torch.tensor([True, False]), [True, False]):
        with pytest.raises(ValueError, match=r"^classes has dtype torch\.bool, needs integers"):
            of_classes(FEATURES, WEIGHT, bad)


@pytest.mark.parametrize("narrow", [torch.bfloat16, torch.float16, torch.float32])
def test_features_and_weights_of_two_precisions_meet_in_the_wider(narrow):
    features, weight = torch.tensor(FEATURES), torch.tensor(WEIGHT)
    for call in (focus.attention_map, of_predicted):
        found = call(features.to(narrow), weight)
        assert found.dtype == torch.float64
        torch.testing.assert_close(found, call(features, weight))
        assert call(features, weight.to(narrow)).dtype == torch.float64


def test_gradients_pass_to_both_from_every_type():
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        features = torch.tensor(FEATURES, dtype=dtype, requires_grad=True)
        weight = torch.tensor(WEIGHT, requires_grad=True)
        of_classes(features, weight, [3, 1]).sum().backward()
        assert features.grad.dtype == dtype
        assert weight.grad.abs().sum() > 0
