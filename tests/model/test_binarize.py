# SPDX-License-Identifier: Apache-2.0
"""Sign, and the gradients of its straight-through estimators."""

import math
from collections.abc import Callable

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from biisnet.model.binarize import MINIMUM_K, annealed_k, centre, estimate_sign, sign, to_levels  # noqa: E402
from biisnet.model.config import ESTIMATORS  # noqa: E402

APPROXIMATIONS = {
    "dysoftsign": lambda x, k: k * x / (1 + (k * x).abs()),
    "clip": lambda x, k: x.clamp(-1, 1),
    "quad": lambda x, k: torch.where(x.abs() < 1, torch.where(x < 0, 2 * x + x * x, 2 * x - x * x), torch.sign(x)),
    "ede": lambda x, k: k.clamp(min=1) / k * torch.tanh(k * x),
    "tanh": lambda x, k: torch.tanh(k * x),
}


def test_sign_of_special_values() -> None:
    x = torch.tensor([0.0, -0.0, math.nan, math.inf, -math.inf, -1e-45, 1e-45])
    assert sign(x).tolist() == [1, 1, -1, 1, -1, -1, 1]


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("k_value", [0.001, 1.0, 3.0])
def test_gradient_is_that_of_the_approximation(estimator: str, k_value: float) -> None:
    x = torch.linspace(-2.45, 2.45, 50, dtype=torch.float64, requires_grad=True)
    k = torch.tensor(k_value, dtype=torch.float64, requires_grad=True)
    weights = torch.cos(torch.arange(50.0, dtype=torch.float64))
    out = estimate_sign(x, k, estimator)
    assert torch.equal(out, sign(x))
    gradients = torch.autograd.grad((out * weights).sum(), (x, k), allow_unused=True)
    surrogate = (APPROXIMATIONS[estimator](x, k) * weights).sum()
    expected = torch.autograd.grad(surrogate, (x, k), allow_unused=True)
    torch.testing.assert_close(gradients[0], expected[0])
    if estimator == "dysoftsign":
        torch.testing.assert_close(gradients[1], expected[1])
    else:
        assert gradients[1] is None


def test_a_k_that_got_below_its_minimum_comes_back() -> None:
    x = torch.linspace(-2, 2, 9)
    k = torch.tensor(-0.5, requires_grad=True)
    minimum = torch.tensor(MINIMUM_K, requires_grad=True)
    for value in (k, minimum):
        (estimate_sign(x, value, "dysoftsign") * x).sum().backward()
    assert k.grad != 0
    assert k.grad == minimum.grad


def test_irnet_standardises_weights() -> None:
    """Libra-PB: mean 0 and deviation 1 before the sign; the scale is a power of two."""
    weight = torch.from_numpy(np.random.default_rng(0).normal(1, 5, (3, 5, 3, 3)))
    centred, alpha, _ = centre(weight, (1, 2, 3), "power")
    torch.testing.assert_close(centred.mean((1, 2, 3)), torch.zeros(3, dtype=torch.float64))
    torch.testing.assert_close(centred.square().mean((1, 2, 3)), torch.ones(3, dtype=torch.float64))
    magnitude = centred.abs().mean((1, 2, 3))
    torch.testing.assert_close(alpha.flatten(), torch.exp2(torch.log2(magnitude).round()))


def test_levels_are_exact() -> None:
    signs = torch.tensor([-1.0, 1.0])
    for levels in [(-1.0, 1.0), (0.0, 1.0), (-1.0, 0.0)]:
        assert to_levels(signs, levels).tolist() == list(levels)


def test_centre_is_equations_5_and_6() -> None:
    weight = np.random.default_rng(0).normal(1, 2, (3, 5, 3, 3)).astype(np.float32)
    centred, alpha, beta = centre(torch.from_numpy(weight), (1, 2, 3))
    mean = weight.astype(np.float64).mean((1, 2, 3), keepdims=True)
    norm = np.sqrt(((weight - mean) ** 2).sum((1, 2, 3), keepdims=True))
    np.testing.assert_allclose(beta, mean, rtol=1e-6)
    np.testing.assert_allclose(alpha, norm / np.sqrt(45), rtol=1e-6)
    np.testing.assert_allclose(centred, weight - mean, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("scale", "expected"),
    [("none", lambda w: 1.0), ("magnitude", lambda w: np.abs(w).mean())],
)
def test_scales_of_other_networks(scale: str, expected: Callable[[np.ndarray], float]) -> None:
    """Without a mean, as BNN, Bi-Real Net and ReActNet have it."""
    weight = np.random.default_rng(0).normal(1, 2, (1, 5, 3, 3))
    centred, alpha, beta = centre(torch.from_numpy(weight), (1, 2, 3), scale, mean=False)
    assert beta.item() == 0
    assert alpha.item() == pytest.approx(expected(weight))
    np.testing.assert_array_equal(centred, weight)


def test_annealed_k_is_irnets() -> None:
    assert [annealed_k(p) for p in (0, 0.5, 1)] == pytest.approx([0.1, 1, 10])


def test_equal_weights_have_a_gradient() -> None:
    weight = torch.ones(1, 2, 3, 3, requires_grad=True)
    centre(weight, (1, 2, 3))[1].sum().backward()
    assert weight.grad is not None
    assert torch.isfinite(weight.grad).all()
