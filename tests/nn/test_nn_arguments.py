"""What two papers share takes numbers in any form, and refuses by name what is none of its kind."""

import inspect

import forms
import numpy as np
import pytest
import torch

from fgnb.nn import regions
from fgnb.nn.arguments import as_integers, as_tensor
from fgnb.nn.ranking import ranking_loss

IMAGES = np.arange(32.0).reshape(1, 2, 4, 4)
BOXES = np.array([[0.0, 0, 4, 4], [1, 0, 4, 3], [0, 2, 2, 4]])
SCORES = np.array([[0.5, 0.25, 2.0], [1.0, 3.0, 0.5]])
OVERLAP = np.array([[1.0, 0.5, 0.0], [0.5, 1.0, 0.25], [0.0, 0.25, 1.0]])
ANCHORS = regions.Anchors.pyramid(64, [regions.Level(32, 24), regions.Level(64, 48)])
WIDE = np.array([[0.5, 0.25, 2.0, 1.0, 0.125], [1.0, 3.0, 0.5, 0.25, 0.25]])


def separated(scores, per_scale, iou):
    return regions.separated_nms(scores, ANCHORS, per_scale=per_scale, iou=iou)


USUAL = {
    "box_overlap": (regions.box_overlap, {"boxes": BOXES}),
    "crop_and_resize": (
        regions.crop_and_resize,
        {"images": IMAGES, "boxes": BOXES[None], "size": 2},
    ),
    "greedy_nms": (
        regions.greedy_nms,
        {"scores": SCORES, "overlap": OVERLAP, "count": 2, "iou": 0.25},
    ),
    "grid_boxes": (
        regions.grid_boxes,
        {"image_size": 64.0, "stride": 32.0, "box_size": 24.0, "ratio": 2.0},
    ),
    "separated_nms": (separated, {"scores": WIDE, "per_scale": 1, "iou": 0.25}),
    "ranking_loss": (ranking_loss, {"scores": SCORES, "confidence": OVERLAP[:2], "margin": 0.5}),
}
ARGUMENTS = [(f, name) for f, (_, usual) in USUAL.items() for name in usual]
KINDS = {"scores": "f", "images": "fi"}


def test_no_exported_name_escapes():
    functions = {n for n in regions.__all__ if inspect.isfunction(getattr(regions, n))}
    assert functions | {"ranking_loss"} == set(USUAL)
    for name, (function, usual) in USUAL.items():
        left = set(inspect.signature(function).parameters) - set(usual)
        assert left <= {"antialias", "gradient", "border"}, name


@pytest.mark.parametrize(("function", "name"), ARGUMENTS)
def test_every_form_of_an_argument_gives_the_same(function, name):
    tolerance = 0.01 if function in ("crop_and_resize", "ranking_loss") else 0.0
    forms.answers_alike(*USUAL[function], name, KINDS.get(name, ""), tolerance)


@pytest.mark.parametrize(("function", "name"), ARGUMENTS)
def test_what_is_no_argument_is_refused_by_name(function, name):
    forms.refused_by_name(*USUAL[function], name)


def test_anchors_are_anchors():
    with pytest.raises(ValueError, match=r"^anchors is a list, needs fgnb\.nn\.regions\.Anchors"):
        regions.separated_nms(torch.zeros(1, 3), [1, 2, 3], per_scale=1, iou=0.25)


def test_crops_of_bytes_are_floats_and_gradients_pass_to_pictures():
    bytes_ = torch.arange(48, dtype=torch.uint8).reshape(1, 3, 4, 4)
    box = [[[0, 0, 4, 2]]]
    found = regions.crop_and_resize(bytes_, box, 2)
    assert found.dtype == torch.float32
    assert torch.equal(regions.crop_and_resize(bytes_.numpy(), box, 2), found)
    pictures = bytes_.double().requires_grad_()
    regions.crop_and_resize(pictures, box, 2).sum().backward()
    assert pictures.grad.abs().sum() > 0


def test_a_tensor_stays_itself_and_an_array_is_not_copied_without_need():
    tensor = torch.zeros(2, requires_grad=True)
    assert as_tensor("x", tensor) is tensor
    array = np.zeros(3, np.float32)
    assert as_tensor("x", array).data_ptr() == array.ctypes.data
    assert as_integers("x", []).dtype == torch.int64
    with pytest.raises(ValueError, match=r"x is of dtype torch\.complex64, needs real numbers"):
        as_tensor("x", torch.zeros(1, dtype=torch.complex64))
