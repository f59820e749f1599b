# SPDX-License-Identifier: Apache-2.0
"""Layers that the networks share: signs with their straight-through estimators, and convolutions of signs.

Each estimator is written as its authors' users write it, since each leaves other operators in an ONNX file.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional


class SteSign(torch.autograd.Function):
    """+1 where x >= 0, else -1; the gradient passes where |x| <= 1 (Hubara et al., "Binarized Neural Networks")."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return torch.where(x >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        (x,) = ctx.saved_tensors
        return gradients[0] * (x.abs() <= 1)


class ClippedSign(nn.Module):
    """sign(x) with sign(0) = +1, behind a hard tanh whose gradient it takes: Courbariaux's and BMXNet's."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        clipped = functional.hardtanh(x)
        sign = torch.sign(clipped)
        sign = torch.where(sign == 0, torch.ones_like(sign), sign)
        return clipped + (sign - clipped).detach()


class ApproxSign(nn.Module):
    """sign(x); backwards a piecewise polynomial (Liu et al., "Bi-Real Net", section 3.2), as its code has it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        forwards = torch.sign(x)
        below, negative, under = x < -1, x < 0, x < 1
        left = (-1) * below.type(torch.float32) + (x * x + 2 * x) * (1 - below.type(torch.float32))
        inner = left * negative.type(torch.float32) + (-x * x + 2 * x) * (1 - negative.type(torch.float32))
        smooth = inner * under.type(torch.float32) + 1 * (1 - under.type(torch.float32))
        return forwards.detach() - smooth.detach() + smooth


class SignConv2d(nn.Conv2d):
    """A convolution by sign(w) alone, of signs that are padded with +1: Larq's QuantConv2D(pad_values=1)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        p = int(self.padding[0])
        x = functional.pad(x, (p, p, p, p), value=1.0) if p else x
        return functional.conv2d(x, SteSign.apply(self.weight), None, self.stride, 0, self.dilation, self.groups)


class ScaledConv2d(nn.Conv2d):
    """A convolution by sign(w) mean|w|, a scale a filter (XNOR-Net); backwards through a clamp: Bi-Real's and
    ReActNet's HardBinaryConv."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        w = self.weight
        scale = w.abs().mean((1, 2, 3), keepdim=True).detach()
        hard, soft = scale * torch.sign(w), torch.clamp(w, -1.0, 1.0)
        weight = hard.detach() - soft.detach() + soft
        return functional.conv2d(x, weight, None, self.stride, self.padding, self.dilation, self.groups)


class LearnableBias(nn.Module):
    """A shift a channel: RSign is this and a sign, RPReLU this, a PReLU and this (Liu et al., "ReActNet")."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.bias.expand_as(x)


def rprelu(channels: int) -> nn.Sequential:
    """RPReLU (ReActNet, equation 5)."""
    return nn.Sequential(LearnableBias(channels), nn.PReLU(channels), LearnableBias(channels))
