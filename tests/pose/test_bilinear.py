"""Bilinear pooling against loops, both compact forms against the kernel that they estimate."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fgnb.pose import FullBilinear, RandomMaclaurin, TensorSketch, bilinear_pool, signed_sqrt_l2

COMPACT = (RandomMaclaurin, TensorSketch)
SEEDS = 400


def maps(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def slow_kernel(x, y):
    """The polynomial kernel of degree 2, added up over all pairs of cells."""
    total = 0.0
    for u in x.flatten(1).T:
        for v in y.flatten(1).T:
            total += float(u @ v) ** 2
    return total


def test_the_full_form_is_a_sum_of_outer_products_and_has_the_kernel():
    x = maps(0, 2, 3, 2, 4)
    found = bilinear_pool(x)
    for image, pooled in zip(x, found, strict=True):
        expected = torch.zeros(3, 3, dtype=torch.float64)
        for row in range(2):
            for column in range(4):
                cell = image[:, row, column]
                expected += torch.outer(cell, cell)
        torch.testing.assert_close(pooled, expected.flatten())
    assert float(found[0] @ found[1]) == pytest.approx(slow_kernel(*x))
    layer = FullBilinear(3)
    assert layer.dim == 9
    assert torch.equal(layer(x), found)


@pytest.mark.parametrize("form", COMPACT)
@pytest.mark.parametrize("shape", [(1, 1), (2, 3)])
def test_over_seeds_the_mean_is_the_kernel_within_its_standard_error(form, shape):
    pair = maps(1, 2, 5, *shape)
    for x, y in ((pair[0], pair[1]), (pair[0], pair[0])):
        both = torch.stack([x, y])
        draws = torch.tensor(
            [float(torch.dot(*form(5, 32, seed)(both))) for seed in range(SEEDS)],
            dtype=torch.float64,
        )
        exact = slow_kernel(x, y)
        error = float(draws.std()) / math.sqrt(SEEDS)
        assert abs(float(draws.mean()) - exact) < 3.5 * error
        assert error < 0.1 * slow_kernel(x, x), "a wide error would let anything pass"


def test_the_scaling_of_public_code_is_smaller_by_the_dimension():
    x = maps(2, 3, 4, 2, 2)
    ours, public = RandomMaclaurin(4, 50, 7)(x), RandomMaclaurin(4, 50, 7, scaling="public")(x)
    torch.testing.assert_close(public * math.sqrt(50), ours)
    torch.testing.assert_close(signed_sqrt_l2(public), signed_sqrt_l2(ours))


def slow_maclaurin(layer, image):
    total = torch.zeros(layer.dim, dtype=torch.float64)
    for cell in image.flatten(1).T:
        for k in range(layer.dim):
            first = sum(float(s) * float(v) for s, v in zip(layer.first[:, k], cell, strict=True))
            second = sum(float(s) * float(v) for s, v in zip(layer.second[:, k], cell, strict=True))
            total[k] += first * second / math.sqrt(layer.dim)
    return total


@pytest.mark.parametrize("shape", [(4, 1, 1), (2, 5, 6)])
def test_random_maclaurin_is_its_formula_in_both_orders(shape):
    c, *space = shape
    layer = RandomMaclaurin(c, 7, 3)
    from_matrix = 2 * math.prod(space) * 7 > c * (math.prod(space) + 7)
    assert from_matrix == (c == 2), "one case of each"
    x = maps(3, 2, *shape)
    for image, found in zip(x, layer(x), strict=True):
        torch.testing.assert_close(found, slow_maclaurin(layer, image))
    assert {*layer.first.unique().tolist(), *layer.second.unique().tolist()} == {-1, 1}


def slow_sketch(layer, image):
    """The count sketch of the outer product: each pair of channels into its bucket, no FFT."""
    out = torch.zeros(layer.dim, dtype=torch.float64)
    (h1, h2), (s1, s2) = layer.buckets.tolist(), layer.signs.tolist()
    for cell in image.flatten(1).T.tolist():
        for i, u in enumerate(cell):
            for j, v in enumerate(cell):
                out[(h1[i] + h2[j]) % layer.dim] += s1[i] * s2[j] * u * v
    return out


@given(st.integers(0, 1000), st.integers(1, 6), st.integers(1, 9))
@settings(max_examples=30, deadline=None)
def test_tensor_sketch_is_the_sketch_without_fft(seed, c, dim):
    layer = TensorSketch(c, dim, seed)
    x = maps(seed, 2, c, 2, 2)
    for image, found in zip(x, layer(x), strict=True):
        torch.testing.assert_close(found, slow_sketch(layer, image))


@pytest.mark.parametrize("form", COMPACT)
def test_more_dimensions_estimate_better(form):
    pair = maps(4, 2, 16, 2, 2)
    exact = slow_kernel(*pair)
    spread = []
    for dim in (16, 256):
        draws = [float(torch.dot(*form(16, dim, seed)(pair))) for seed in range(60)]
        spread.append(math.sqrt(sum((d - exact) ** 2 for d in draws) / 60))
    assert spread[1] < 0.4 * spread[0]  # a sixteenth of the variance: a quarter


@pytest.mark.parametrize("form", COMPACT)
def test_a_seed_is_a_projection_and_a_checkpoint_holds_it(form):
    x = maps(5, 2, 6, 3, 3)
    one, again, other = form(6, 40, 1), form(6, 40, 1), form(6, 40, 2)
    assert torch.equal(one(x), again(x))
    assert not torch.allclose(one(x), other(x))
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(x), other(x))
    assert not list(one.parameters())
    state = torch.get_rng_state()
    form(6, 40, 3)
    assert torch.equal(state, torch.get_rng_state()), "the global generator stays"


@pytest.mark.parametrize("form", [FullBilinear, *COMPACT])
def test_gradients_pass(form):
    x = maps(6, 2, 3, 2, 2).requires_grad_()
    layer = form(3) if form is FullBilinear else form(3, 5)
    assert torch.autograd.gradcheck(layer, (x,))


@pytest.mark.parametrize("form", COMPACT)
def test_a_cast_module_keeps_its_signs_and_half_precision_its_type(form):
    x = maps(7, 2, 6, 3, 3)
    expected = form(6, 40)(x)
    found = form(6, 40).half()(x.bfloat16())
    assert found.dtype == torch.bfloat16
    assert (found - expected).abs().max() < 0.05 * expected.abs().max()
    assert form(6, 40).double()(x.float()).dtype == torch.float32


@pytest.mark.parametrize("form", [FullBilinear, *COMPACT])
def test_no_image_is_no_error(form):
    layer = form(4) if form is FullBilinear else form(4, 10)
    assert layer(torch.zeros(0, 4, 2, 2)).shape == (0, layer.dim)


def test_signed_sqrt_l2_by_hand_and_at_zero():
    found = signed_sqrt_l2(torch.tensor([[9.0, -16.0, 0.0], [0.0, 0.0, 0.0], [0.0, 1e-30, 0.0]]))
    torch.testing.assert_close(
        found, torch.tensor([[0.6, -0.8, 0.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    )
    x = torch.tensor([[0.0, 2.0, -1.0], [0.0, 0.0, 0.0]], requires_grad=True)
    signed_sqrt_l2(x)[:, 1].sum().backward()
    assert x.grad.isfinite().all()
    assert x.grad[0, 0] == 0
    assert (x.grad[1] == 0).all()
    away = (maps(8, 3, 6).sign() * (maps(8, 3, 6).abs() + 0.1)).requires_grad_()
    assert torch.autograd.gradcheck(signed_sqrt_l2, (away,))


@given(st.integers(0, 2**31), st.floats(1e-3, 1e3))
@settings(max_examples=40, deadline=None)
def test_signed_sqrt_l2_has_length_one_and_knows_no_scale(seed, scale):
    x = maps(seed, 4, 7)
    found = signed_sqrt_l2(x)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(4, dtype=torch.float64))
    torch.testing.assert_close(signed_sqrt_l2(scale * x), found)
    assert torch.equal(found.sign(), x.sign())


def test_half_precision_has_room():
    found = signed_sqrt_l2(torch.full((1, 5000), 6e4, dtype=torch.float16))
    torch.testing.assert_close(found.float().norm(), torch.tensor(1.0), atol=1e-2, rtol=0)


def test_what_is_wrong_is_named():
    for form in COMPACT:
        with pytest.raises(ValueError, match=r"^features has shape \(2, 4, 3, 3\), needs \(B, 5,"):
            form(5, 10)(torch.zeros(2, 4, 3, 3))
        with pytest.raises(ValueError, match=r"^in_channels is 0, needs at least 1"):
            form(0, 10)
        with pytest.raises(ValueError, match=r"^dim is 0, needs at least 1"):
            form(5, 0)
        with pytest.raises(ValueError, match=r"^seed is -1, needs at least 0"):
            form(5, 10, -1)
    with pytest.raises(ValueError, match=r"^features has shape \(4, 3, 3\), needs \(B, c, h, w\)"):
        bilinear_pool(torch.zeros(4, 3, 3))
    with pytest.raises(ValueError, match=r"^scaling is 'own', needs one of unbiased, public"):
        RandomMaclaurin(5, 10, scaling="own")
    with pytest.raises(ValueError, match=r"^x has shape \(3,\), needs \(B, D\)"):
        signed_sqrt_l2(torch.zeros(3))
