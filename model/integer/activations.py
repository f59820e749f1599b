# SPDX-License-Identifier: Apache-2.0
"""Activations of the line that a binary convolution and its BatchNorm are: bends of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from ..layers import HardTanh, ReLU, RPReLU
from .sums import Sum
from .terms import Hinge


def parts(line: Sum) -> tuple[Hinge, torch.Tensor]:
    """The line, and ones [C]."""
    hinge = line.line
    assert hinge is not None
    return hinge, torch.ones_like(line.offset)


def rprelu(layer: RPReLU, line: Sum) -> Sum:
    """x - a + b above a, else c (x - a) + b."""
    hinge, one = parts(line)
    bent = hinge.bent(line.offset - layer.a.double(), layer.c.double(), one)
    return Sum((bent,), layer.b.double())


def clamp(layer: HardTanh, line: Sum) -> Sum:
    """-1 + max(x + 1, 0) - max(x - 1, 0)."""
    hinge, one = parts(line)
    lower, upper = line.offset + one, line.offset - one
    return Sum((hinge.bent(lower, 0 * one, one), hinge.bent(upper, 0 * one, -one)), -one)


def relu(layer: ReLU, line: Sum) -> Sum:
    """max(x, 0)."""
    hinge, one = parts(line)
    return Sum((hinge.bent(line.offset, 0 * one, one),), 0 * one)


def nothing(layer: nn.Identity, line: Sum) -> Sum:
    """x."""
    return line


ACTIVATIONS: dict[type[nn.Module], Callable[[Any, Sum], Sum]] = {
    RPReLU: rprelu,
    HardTanh: clamp,
    ReLU: relu,
    nn.Identity: nothing,
}
