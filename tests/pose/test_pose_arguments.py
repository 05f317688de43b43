"""What the room exports takes numbers in any form, and refuses by name what is none of its kind."""

import inspect

import forms
import numpy as np
import pytest

from fgnb import pose

FEATURES = np.arange(24.0).reshape(2, 3, 2, 2) / 4 - 2
POINTS = np.array([[[0.0, 1.0], [1.0, 1.0]], [[2.0, 0.0], [0.25, -1.0]]])


def maclaurin(features):
    return pose.RandomMaclaurin(3, 8)(features)


def sketch(features):
    return pose.TensorSketch(3, 8)(features)


USUAL = {
    "bilinear_pool": (pose.bilinear_pool, {"features": FEATURES}),
    "coordinate_transfer": (
        pose.coordinate_transfer,
        {"features": FEATURES, "points": POINTS, "window": 3},
    ),
    "of random maclaurin": (maclaurin, {"features": FEATURES}),
    "of tensor sketch": (sketch, {"features": FEATURES}),
    "signed_sqrt_l2": (pose.signed_sqrt_l2, {"x": FEATURES[0, 0]}),
}
ARGUMENTS = [(f, name) for f, (_, usual) in USUAL.items() for name in usual]
KINDS = dict.fromkeys(("features", "points", "x"), "f")


def test_no_exported_function_of_features_escapes():
    """What takes a run, an image set or a grid has tests of its own."""
    exported = {name: getattr(pose, name) for name in pose.__all__}
    parameters = {
        name: list(inspect.signature(of).parameters)
        for name, of in exported.items()
        if inspect.isfunction(of)
    }
    of_features = {name for name, given in parameters.items() if given[0] in ("features", "x")}
    assert of_features == {"bilinear_pool", "coordinate_transfer", "signed_sqrt_l2"}
    for name in of_features:
        assert set(parameters[name]) == set(USUAL[name][1])


@pytest.mark.parametrize(("function", "name"), ARGUMENTS)
def test_every_form_of_an_argument_gives_the_same(function, name):
    forms.answers_alike(*USUAL[function], name, KINDS.get(name, ""), 0.03)  # answers in bfloat16


@pytest.mark.parametrize(("function", "name"), ARGUMENTS)
def test_what_is_no_argument_is_refused_by_name(function, name):
    forms.refused_by_name(*USUAL[function], name)
