"""Key points and labels come as arrays, tensors or lists; what is none is refused by name."""

import forms
import numpy as np
import pytest
import torch

from fgnb.data import PKSampler, part_boxes, shuffled_batches
from fgnb.data.arguments import as_array, as_number, as_whole

POINTS = np.arange(30.0).reshape(15, 2)
SEEN = np.isin(np.arange(15), [1, 4, 5, 8, 10, 13, 14])


def batches(labels, classes_per_batch, images_per_class, seed):
    return PKSampler(labels, classes_per_batch, images_per_class, seed).batches(1)


USUAL = {
    "part_boxes": (part_boxes, {"points": POINTS, "visible": SEEN}),
    "PKSampler": (
        batches,
        {
            **{"labels": np.array([0, 1, 0, 2, 1, 2]), "classes_per_batch": 2},
            **{"images_per_class": 2, "seed": 1},
        },
    ),
    "shuffled_batches": (shuffled_batches, {"count": 7, "size": 3, "seed": 1, "epoch": 2}),
}
ARGUMENTS = [(f, name) for f, (_, usual) in USUAL.items() for name in usual]


@pytest.mark.parametrize(("function", "name"), ARGUMENTS)
def test_every_form_of_an_argument_gives_the_same(function, name):
    forms.answers_alike(*USUAL[function], name, "fib" if name == "visible" else "")


@pytest.mark.parametrize(("function", "name"), ARGUMENTS)
def test_what_is_no_argument_is_refused_by_name(function, name):
    forms.refused_by_name(*USUAL[function], name)


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64]
)
def test_boxes_are_of_the_kind_that_the_points_were(dtype):
    points = torch.tensor(POINTS).to(dtype)
    if dtype.is_floating_point:
        points.requires_grad_()
    boxes = part_boxes(points, SEEN)
    for name, box in part_boxes(POINTS, SEEN).items():
        assert boxes[name].dtype == dtype
        assert not boxes[name].requires_grad
        assert boxes[name].tolist() == box.tolist()
    assert isinstance(part_boxes(POINTS.tolist(), SEEN.tolist())["head"], np.ndarray)
    assert part_boxes(POINTS.astype(np.float32), SEEN)["head"].dtype == np.float32


def test_visibility_is_true_or_false():
    for bad in (np.full(15, 2), np.full(15, 0.5), np.full(15, np.nan)):
        with pytest.raises(ValueError, match=r"^visible holds values besides 0 and 1"):
            part_boxes(POINTS, bad)


def test_numbers_out_of_range_are_named():
    for arguments, message in (
        ((-1, 2, 0, 0), "count is -1, needs at least 0"),
        ((3, 0, 0, 0), "size is 0, needs at least 1"),
        ((3, 1, -1, 0), "seed is -1, needs at least 0"),
        ((3, 1, 0, -2), "epoch is -2, needs at least 0"),
    ):
        with pytest.raises(ValueError, match=message):
            shuffled_batches(*arguments)
    assert shuffled_batches(0, 2, 0, 0) == []


def test_plain_numbers_are_pythons_own():
    assert type(as_number("x", np.float32(0.5))) is float
    assert type(as_number("x", torch.tensor(3))) is int
    assert type(as_whole("x", np.uint8(3))) is int
    assert as_array("x", torch.ones(2, dtype=torch.bfloat16)).dtype == np.float32
    with pytest.raises(ValueError, match="x is no array of numbers"):
        as_array("x", [torch.ones(1, requires_grad=True), torch.ones(1)])
