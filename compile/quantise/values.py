# SPDX-License-Identifier: Apache-2.0
"""Values of the network while it is taken apart: sums, the frame, logits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from .maps import F64, Sum
from .slopes import Slope


@dataclass(frozen=True)
class Grey:
    """scale * grey + shift of the frame, a value a channel; the float network's layers that extend it."""

    scale: F64
    shift: F64
    extended: tuple[str, ...] = ()


@dataclass(frozen=True)
class Logit:
    """A real number whose probability is asked for."""

    sum: Sum


Value: TypeAlias = Sum | Grey | Logit | tuple[Sum, ...]


def is_wide(value: Sum) -> bool:
    """Whether a sum is a map of 16 bits, the logits."""
    return is_view(value) and any(source.bits == 16 for view in value.views for source, _, _ in view.parts)


def is_view(value: Sum) -> bool:
    """Whether a sum is nothing but slopes of a stored map."""
    return len(value.terms) == 1 and type(value.terms[0]) is Slope and not value.offset.any()
