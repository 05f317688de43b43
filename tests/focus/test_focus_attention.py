"""Equation 2 and its smoothing against loops over cells and classes."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from fgnb.focus import attention_map
from fgnb.focus.attention import CLASSES_AT_A_TIME, smooth


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def class_map(features, row, y, x):
    return sum(float(row[i]) * float(features[i, y, x]) for i in range(len(row)))


def slow_attention(features, weight, of=None):
    """Cell by cell the largest class sum, or that of class ``of[b]``."""
    images, _, height, width = features.shape
    found = torch.empty(images, height, width, dtype=torch.float64)
    for b in range(images):
        classes = range(len(weight)) if of is None else [of[b]]
        for y in range(height):
            for x in range(width):
                found[b, y, x] = max(class_map(features[b], weight[k], y, x) for k in classes)
    return found


def bounced(place, cells):
    """A place beyond the border, walked back step by step; the outermost cell counts twice."""
    while not 0 <= place < cells:
        place = -1 - place if place < 0 else 2 * cells - 1 - place
    return place


def slow_smooth(grid, sigma, radius):
    height, width = grid.shape
    steps = range(-radius, radius + 1)
    total = sum(math.exp(-0.5 * (k / sigma) ** 2) for k in steps)
    out = torch.zeros_like(grid)
    for y in range(height):
        for x in range(width):
            for dy in steps:
                for dx in steps:
                    weight = math.exp(-0.5 * (dy**2 + dx**2) / sigma**2) / total**2
                    out[y, x] += weight * grid[bounced(y + dy, height), bounced(x + dx, width)]
    return out


def test_the_maximum_over_classes_worked_by_hand():
    features = torch.tensor([[[[1.0, 0.0]], [[0.0, 2.0]]]])
    weight = torch.tensor([[1.0, 0.0], [0.0, 3.0], [0.5, 0.5]])
    assert attention_map(features, weight, sigma=0).tolist() == [[[1.0, 6.0]]]


@pytest.mark.parametrize("classes", [1, 5, CLASSES_AT_A_TIME, CLASSES_AT_A_TIME + 3])
def test_the_maximum_is_that_of_loops(classes):
    features, weight = drawn(2, 3, 4, 2), drawn(classes, 3, seed=1)
    found = attention_map(features, weight, sigma=0)
    torch.testing.assert_close(found, slow_attention(features, weight))


def test_the_single_class_form_is_that_of_loops():
    features, weight = drawn(3, 4, 2, 2), drawn(5, 4, seed=1)
    classes = torch.tensor([4, 0, 2])
    found = attention_map(features, weight, sigma=0, reduce="class", classes=classes)
    torch.testing.assert_close(found, slow_attention(features, weight, of=classes.tolist()))


def test_the_predicted_class_is_the_arg_max_of_equation_1():
    features, weight = drawn(6, 4, 3, 3), drawn(5, 4, seed=1)
    scores = [
        [sum(float(w[i]) * float(f[i].mean()) for i in range(4)) for w in weight] for f in features
    ]
    predicted = [max(range(5), key=row.__getitem__) for row in scores]
    assert len(set(predicted)) > 1
    found = attention_map(features, weight, sigma=0, reduce="predicted")
    torch.testing.assert_close(found, slow_attention(features, weight, of=predicted))


def test_the_maximum_is_smoothed_after_it_is_taken():
    features, weight = drawn(2, 3, 5, 5), drawn(4, 3, seed=1)
    plain = attention_map(features, weight, sigma=0)
    torch.testing.assert_close(attention_map(features, weight, sigma=1.3), smooth(plain, 1.3))
    torch.testing.assert_close(attention_map(features, weight), smooth(plain, 1.0))


@pytest.mark.parametrize(("shape", "sigma"), [((4, 5), 1.0), ((2, 3), 1.5), ((1, 4), 0.7)])
def test_smoothing_is_a_slow_convolution_with_reflection(shape, sigma):
    grid = drawn(*shape)
    slow = slow_smooth(grid, sigma, radius=int(4 * sigma + 0.5))
    torch.testing.assert_close(smooth(grid[None], sigma)[0], slow)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.25])
def test_smoothing_is_scipys(sigma):
    grid = drawn(7, 6)
    expected = gaussian_filter(grid.numpy(), sigma, mode="reflect", truncate=4)
    torch.testing.assert_close(smooth(grid[None], sigma)[0], torch.from_numpy(expected))


@pytest.mark.parametrize("sigma", [0.05, 0.4, 1.0, 3.0])
def test_the_kernel_reaches_two_sigma(sigma):
    grid = torch.zeros(1, 41, 1, dtype=torch.float64)
    grid[0, 20] = 1
    reached = smooth(grid, sigma)[0, :, 0]
    expected = math.exp(-0.5 * (math.ceil(2 * sigma) / sigma) ** 2)
    assert float(reached[20 + math.ceil(2 * sigma)] / reached[20]) == pytest.approx(expected)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 8), st.integers(1, 8), st.floats(0, 5), st.integers(0, 99))
def test_smoothing_keeps_the_mean_and_stays_in_range(height, width, sigma, seed):
    grid = drawn(1, height, width, seed=seed)
    out = smooth(grid, sigma)
    assert float(out.mean()) == pytest.approx(float(grid.mean()), abs=1e-9)
    assert float(out.max()) <= float(grid.max()) + 1e-9
    assert float(out.min()) >= float(grid.min()) - 1e-9


def test_gradients_pass_to_features_and_weights():
    features, weight = drawn(1, 3, 3, 3).requires_grad_(), drawn(70, 3, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda f, w: attention_map(f, w), (features, weight))


def test_no_images_and_untouched_input():
    weight = drawn(2, 3)
    assert attention_map(torch.empty(0, 3, 2, 2).double(), weight).shape == (0, 2, 2)
    features = drawn(1, 3, 2, 2)
    kept = features.clone()
    attention_map(features, weight)
    assert torch.equal(features, kept)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": torch.zeros(3, 2, 2)}, r"features has shape \(3, 2, 2\), needs"),
        ({"weight": torch.zeros(5, 2)}, r"weight has shape \(5, 2\), needs \(C, 3\)"),
        ({"weight": torch.zeros(0, 3)}, r"weight has shape \(0, 3\)"),
        ({"sigma": -1.0}, "sigma is -1.0, needs"),
        ({"sigma": math.nan}, "sigma is nan"),
        ({"reduce": "mean"}, "reduce is 'mean', needs one of max, class, predicted"),
        ({"reduce": "class"}, "classes is None, needs"),
        ({"classes": torch.tensor([0, 0])}, "classes is given, needs None"),
        ({"reduce": "class", "classes": torch.tensor([0])}, r"classes has shape \(1,\)"),
        ({"reduce": "class", "classes": torch.tensor([0, 5])}, "from 0 to 5, needs 0 to 4"),
        ({"reduce": "class", "classes": torch.tensor([-1, 0])}, "from -1 to 0, needs 0 to 4"),
        ({"reduce": "class", "classes": torch.zeros(2)}, "classes has dtype torch.float32"),
    ],
)
def test_bad_input_is_named(changes, message):
    given_ = {"features": torch.zeros(2, 3, 2, 2), "weight": torch.zeros(5, 3), **changes}
    features, weight = given_.pop("features"), given_.pop("weight")
    with pytest.raises(ValueError, match=message):
        attention_map(features, weight, **given_)


def test_a_map_made_for_answers_leaves_nothing_behind_that_training_cannot_use():
    """What is kept of a first call in inference mode serves a later one that has a gradient."""
    features = torch.rand(2, 3, 5, 5, dtype=torch.float64)
    weight = torch.rand(4, 3, dtype=torch.float64, requires_grad=True)
    with torch.inference_mode():
        attention_map(features, weight, sigma=0.8125)
    attention_map(features, weight, sigma=0.8125).sum().backward()
    assert weight.grad.abs().sum() > 0
