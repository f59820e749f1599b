# SPDX-License-Identifier: Apache-2.0
"""The integer operators as functions with a gradient: values [N, C, H, W] are whole numbers in float32, constants [C].

By arithmetic and in place, and nothing is kept for the gradient but what is there anyway: a map is 9 MB at a batch of
four crops of 192x192, and what costs time here is memory.
"""

from __future__ import annotations

from typing import Any

import torch

Gradients = tuple[torch.Tensor | float | None, ...]


def each(values: torch.Tensor) -> torch.Tensor:
    """[C] as [C, 1, 1]."""
    return values.reshape(-1, 1, 1)


def total(values: torch.Tensor) -> torch.Tensor:
    """The sums of the channels, [C]."""
    return values.sum((0, 2, 3))


def two_slope(u: torch.Tensor, n: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
    """n u where u < 0, else p u."""
    return _call(_TwoSlope, u, n, p)


def hinge(d: torch.Tensor, a: torch.Tensor, b: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
    """a d + b max(d, k)."""
    return _call(_Hinge, d, a, b, k)


def requantised(v: torch.Tensor, shift: int, bits: int) -> torch.Tensor:
    """saturate(v >> shift), straight through but for results at the ends, which is 0. `v` is overwritten."""
    return _call(_Requantised, v, shift, bits)


def floored(x: torch.Tensor) -> torch.Tensor:
    """The next whole number below, straight through. `x` is overwritten."""
    return _call(_Floored, x)


def rounded(x: torch.Tensor) -> torch.Tensor:
    """The nearest whole number, of two the even one, straight through."""
    return x + (torch.round(x) - x).detach()


def _call(function: type[torch.autograd.Function], *arguments: Any) -> torch.Tensor:
    out = function.apply(*arguments)  # type: ignore[no-untyped-call]
    assert isinstance(out, torch.Tensor)
    return out


class _TwoSlope(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, u: torch.Tensor, n: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(u, n, p)
        return u.clamp(max=0).mul_(each(n - p)).addcmul_(u, each(p))

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Gradients:
        (g,), (u, n, p) = gradients, ctx.saved_tensors
        by_u = u * g
        all_, below = total(by_u), total(by_u.copy_(u).clamp_(max=0).mul_(g))
        positive = by_u.copy_(u).add_(0.5).sign_().mul_(0.5).add_(0.5)  # 0 stands for half a step
        return positive.mul_(each(p - n)).add_(each(n)).mul_(g), below, all_ - below


class _Hinge(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, d: torch.Tensor, a: torch.Tensor, b: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(d, a, b, k)
        return torch.maximum(d, each(k)).mul_(each(b)).addcmul_(d, each(a))

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Gradients:
        (g,), (d, a, b, k) = gradients, ctx.saved_tensors
        scratch = d * g
        to_a, to_b = total(scratch), total(torch.maximum(d, each(k), out=scratch).mul_(g))
        above = scratch.copy_(d).sub_(each(k)).sub_(0.5).sign_().mul_(0.5).add_(0.5)
        to_k = b * (total(g) - (above * g).sum((0, 2, 3)))
        return above.mul_(each(b)).add_(each(a)).mul_(g), to_a, to_b, to_k


class _Requantised(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, v: torch.Tensor, shift: int, bits: int) -> torch.Tensor:
        ctx.shift, ctx.most = shift, 2.0 ** (bits - 1)
        u = v.mul_(2.0**-shift).floor_().clamp_(-ctx.most, ctx.most - 1)
        ctx.mark_dirty(v)
        ctx.save_for_backward(u)
        return u

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Gradients:
        (u,) = ctx.saved_tensors
        inside = (u + 0.5).abs_().neg_().add_(ctx.most - 1).sign_().mul_(0.5).add_(0.5)
        return inside.mul_(gradients[0]).mul_(2.0**-ctx.shift), None, None


class _Floored(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.mark_dirty(x)
        return x.floor_()

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        return gradients[0]
