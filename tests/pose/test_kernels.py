"""The kernel behind bilinear features, against sums over pairs of cells and whole features."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fgnb.pose import RandomMaclaurin, TensorSketch, bilinear_pool, signed_sqrt_l2
from fgnb.pose.kernels import estimates, exact_kernel, gram, normalised_gram, relative_errors


def maps(n=5, c=37, side=3):
    return torch.randn(n, c, side, side, generator=torch.Generator().manual_seed(0))


def test_the_exact_kernel_is_that_of_the_features_and_of_the_pairs():
    x = maps(3, 4, 2)
    features = bilinear_pool(x.double())
    np.testing.assert_allclose(exact_kernel(x), (features @ features.T).numpy(), rtol=1e-6)
    cells = x.flatten(2).transpose(1, 2).double()
    total = sum(float(u @ v) ** 2 for u in cells[0] for v in cells[2])
    assert exact_kernel(x)[0, 2] == pytest.approx(total)


def test_the_gram_in_blocks_is_that_of_the_whole_features():
    """37 channels: two whole blocks of sixteen and a part of one."""
    whole = signed_sqrt_l2(bilinear_pool(maps().double()))
    np.testing.assert_allclose(normalised_gram(maps()), (whole @ whole.T).numpy(), atol=1e-5)
    np.testing.assert_allclose(np.diagonal(normalised_gram(maps())), 1.0)


@pytest.mark.parametrize("form", [RandomMaclaurin, TensorSketch])
def test_estimates_are_inner_products_of_each_seed(form):
    x = maps(3, 4, 2)
    found = estimates(x, form, 50, 2)
    for seed in range(2):
        features = form(4, 50, seed)(x).double()
        np.testing.assert_allclose(found[seed], (features @ features.T).numpy())
    if form is RandomMaclaurin:
        public = estimates(x, form, 50, 2, scaling="public")
        np.testing.assert_allclose(50 * public, found, rtol=1e-5)


def test_an_error_is_a_root_mean_square_over_seeds_and_others():
    exact = np.array([[4.0, 1.0, 0.0], [1.0, 9.0, 2.0], [0.0, 2.0, 1.0]])
    said = np.stack([exact + 1.0, exact - 3.0])
    expected = []
    for i in range(3):
        squares = [
            ((one[i, j] - exact[i, j]) / np.sqrt(exact[i, i] * exact[j, j])) ** 2
            for one in said
            for j in range(3)
            if j != i
        ]
        expected.append(np.sqrt(np.mean(squares)))
    np.testing.assert_allclose(relative_errors(exact, said), expected)
    assert relative_errors(exact, exact[None]).tolist() == [0.0] * 3


def test_gram_of_raw_features():
    x = torch.tensor([[4.0, 0.0], [9.0, -16.0]])
    np.testing.assert_allclose(gram(x), [[1.0, 0.6], [0.6, 1.0]], atol=1e-6)
