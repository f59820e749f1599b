# SPDX-License-Identifier: Apache-2.0
"""Roundings whose gradient is that of the number itself (straight through)."""

from __future__ import annotations

import torch


def rounded(x: torch.Tensor) -> torch.Tensor:
    """The nearest whole number, of two the even one."""
    return x + (torch.round(x) - x).detach() if x.requires_grad else torch.round(x)


def floored(x: torch.Tensor) -> torch.Tensor:
    """The next whole number below."""
    out = _Floor.apply(x)
    assert isinstance(out, torch.Tensor)
    return out


class _Floor(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, x: torch.Tensor) -> torch.Tensor:
        return torch.floor(x)

    @staticmethod
    def backward(ctx: object, *gradients: torch.Tensor) -> torch.Tensor:
        return gradients[0]
