# SPDX-License-Identifier: Apache-2.0
"""Sign and its straight-through estimators: forward Sign, backward the derivative of an approximation.

    Sign(a) = -1 if a < 0 else +1, -1 for NaN                            (2)
    d loss / d a = d loss / d Sign(a) * f_Appr'(a)                       (7), (8)

The approximations, by name:
    dysoftsign   k x / (1 + |k x|), derivative k / (1 + |k x|)**2, k learnable   (20) to (22)
    clip         x in [-1, 1], derivative 1 inside (BNN)
    quad         2 x + x**2 below 0, 2 x - x**2 above, derivative 2 - 2 |x| inside [-1, 1] (Bi-Real Net)
    tanh         tanh(k x), derivative k (1 - tanh(k x)**2) (BBCU)
    ede          max(1 / k, 1) tanh(k x), derivative max(1, k) (1 - tanh(k x)**2); k grows from 0.1 to 10 while the
                 network is trained (IR-Net)

k is learned for dysoftsign alone.
"""

from typing import Any

import torch

MINIMUM_K = 1e-3
"""A learned k below this counts as this: at and below 0, DySoftSign is no approximation of Sign."""


def sign(x: torch.Tensor) -> torch.Tensor:
    """Equation 2: +1 where x >= 0 (also -0.0), else -1 (also NaN); dtype and shape of x."""
    return torch.where(x >= 0, 1.0, -1.0).to(x.dtype)


def estimate_sign(x: torch.Tensor, k: torch.Tensor, estimator: str) -> torch.Tensor:
    """`sign(x)` with the named estimator's gradient for x and, for `dysoftsign`, for the scalar k."""
    if not (torch.is_grad_enabled() and (x.requires_grad or k.requires_grad)):
        return sign(x)
    if estimator == "dysoftsign":
        k = at_least(k, MINIMUM_K)
    out = _StraightThrough.apply(x, k, estimator)
    assert isinstance(out, torch.Tensor)
    return out


class _StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, k: torch.Tensor, estimator: str) -> torch.Tensor:
        ctx.save_for_backward(x, k)
        ctx.estimator = estimator
        return sign(x)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None, None]:
        (gradient,) = gradients
        x, k = ctx.saved_tensors
        to_x = gradient * _derivative(x, k, ctx.estimator)
        if ctx.estimator != "dysoftsign":
            return to_x, None, None
        # d/dk of k x / (1 + |k x|)
        to_k = (gradient * x / (1 + (k * x).abs()) ** 2).sum().to(k.dtype).reshape(k.shape)
        return to_x, to_k, None


def _derivative(x: torch.Tensor, k: torch.Tensor, estimator: str) -> torch.Tensor:
    if estimator == "dysoftsign":
        return k / (1 + (k * x).abs()) ** 2
    if estimator == "clip":
        return within_one(x)
    if estimator == "quad":
        return (2 - 2 * x.abs()).clamp(min=0)
    if estimator == "tanh":
        return k * (1 - torch.tanh(k * x) ** 2)
    if estimator == "ede":
        return k.clamp(min=1) * (1 - torch.tanh(k * x) ** 2)
    raise ValueError(f"unknown estimator {estimator!r}")


def within_one(x: torch.Tensor) -> torch.Tensor:
    """1.0 where |x| <= 1, else 0.0; NaN for NaN. By arithmetic: what a comparison gives is kept for the gradient as
    bytes, which AVX2 and AVX-512 read and write one by one, a third of a step's time."""
    return 2 - x.abs().clamp(1, 2).ceil()


def annealed_k(progress: float) -> float:
    """k of `ede` when `progress` (0 to 1) of the training is done."""
    return float(0.1 * 100**progress)


def at_least(x: torch.Tensor, minimum: float) -> torch.Tensor:
    """max(x, minimum) with the gradient of x everywhere: with clamp's, what gets below would never come back."""
    return x + (minimum - x).clamp(min=0).detach()


def to_levels(signs: torch.Tensor, levels: tuple[float, float]) -> torch.Tensor:
    """-1 to `levels[0]`, +1 to `levels[1]`; exact for levels of -1, 0 and +1."""
    lower, upper = levels
    if levels == (-1.0, 1.0):
        return signs
    return signs * ((upper - lower) / 2) + (upper + lower) / 2


def centre(
    weight: torch.Tensor, dims: tuple[int, ...], scale: str = "deviation", mean: bool = True
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Equations 5 and 6: weights around their mean, their spread alpha and mean beta over `dims` (kept as 1).

    `scale` is one of WEIGHT_SCALES; without `mean` beta is 0. For `power` the centred weights have a deviation of 1, as
    IR-Net standardises them before its sign (Libra-PB).
    The mean is taken in float64, whatever the dtype: a weight's bit must not hang on the order of a sum.
    """
    wide = weight.double()
    beta = wide.mean(dims, keepdim=True)
    if not mean:
        beta = torch.zeros_like(beta)
    centred = wide - beta
    if scale == "power":
        centred = centred / _spread(centred, dims, "deviation")
    alpha = _spread(centred, dims, scale)
    return centred.to(weight.dtype), alpha.to(weight.dtype), beta.to(weight.dtype)


def _spread(centred: torch.Tensor, dims: tuple[int, ...], scale: str) -> torch.Tensor:
    if scale == "deviation":
        # sqrt has no derivative at 0, where all weights are equal
        return (centred.square().mean(dims, keepdim=True) + 1e-24).sqrt()
    magnitude = centred.abs().mean(dims, keepdim=True)
    if scale == "magnitude":
        return magnitude
    if scale == "power":
        return torch.exp2(torch.log2(magnitude.detach() + 1e-24).round())
    return torch.ones_like(magnitude)
