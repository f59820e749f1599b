# SPDX-License-Identifier: Apache-2.0
"""Scales of a stored map, and the sum that is requantised by them.

    v = sum of round(gain * f) * feature + round((offset + correction) * f),  f = 2**shift / sigma
    u = saturate(v >> shift)

`sigma` is what calibration chose, larger where a gain has grown out of a byte since: calibration would do the same.
`correction` is what calibration added to the bias so that the map's mean is right. `nudges` are zeros, but for gains
so near the middle of two whole numbers that float32, which the exported file has them in, is on its other side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
import torch

from ...ops.rounding import MOST
from ..errors import InputError
from .constants import MapConstants
from .functions import each, requantised, rounded
from .sums import Sum
from .terms import Slope, Stored, Tensors, byte

NEAR = 2e-3
"""Distance from the middle of two whole numbers up to which float32 and float64 may round apart."""


@dataclass(frozen=True)
class MapScale:
    """What calibration leaves of a stored map."""

    name: str
    bits: int
    shift: int
    sigma: torch.Tensor
    """float64 [C], as the next two."""
    correction: torch.Tensor
    nudges: tuple[Tensors, ...]


class Stores:
    """Stored maps, one after the other, by the scales of each."""

    def __init__(self, scales: list[MapScale]) -> None:
        self.scales, self.stored = scales, 0

    def step(self, value: Sum) -> tuple[torch.Tensor, int]:
        """Step and shift of the next map."""
        scale = self.scales[self.stored]
        return scale.sigma, scale.shift

    def scale(self, exact: list[Tensors], bias: torch.Tensor) -> MapScale:
        """The next map's scale, given its constants before they are rounded."""
        return self.scales[self.stored]

    def store(self, value: Sum) -> Sum:
        """A sum as a stored map."""
        sigma, shift = self.step(value)
        gains = [term.gains() for term in value.terms]
        for found in gains:
            for gain in found.values():
                largest = gain.detach().abs().reshape(len(gain), -1).amax(1)
                sigma = torch.maximum(sigma, largest * 2.0**shift / MOST)
        f = 2.0**shift / sigma
        exact = [
            {name: gain * f.reshape(-1, *[1] * (gain.ndim - 1)) for name, gain in found.items()} | term.knees()
            for term, found in zip(value.terms, gains, strict=True)
        ]
        scale = self.scale(exact, value.offset * f)
        parts = [
            term.value({name: byte(x + nudges[name]) for name, x in constants.items()})
            for term, constants, nudges in zip(value.terms, exact, scale.nudges, strict=True)
        ]
        v = parts[0].add_(each(rounded((value.offset + scale.correction) * f).float()))
        for part in parts[1:]:
            v = v.add_(part)
        u = requantised(v, scale.shift, scale.bits)
        self.stored += 1
        return Sum.of(Slope.of(Stored(u, sigma)), len(sigma))


class Anchor(Stores):
    """Stored maps by a calibration's constants, whose scales it finds on the way."""

    def __init__(self, constants: list[MapConstants]) -> None:
        super().__init__([])
        self.constants = constants

    def step(self, value: Sum) -> tuple[torch.Tensor, int]:
        if self.stored == len(self.constants):
            raise untrainable(f"the compiler's integer network has {self.stored} stored maps, this one has more")
        known = self.constants[self.stored]
        shape, own = (len(known.terms), len(known.sigma)), (len(value.terms), len(value.offset))
        if shape != own:
            raise self.differs(f"{shape[0]} terms of {shape[1]} channels, not {own[0]} of {own[1]}")
        return torch.from_numpy(known.sigma), known.shift

    def scale(self, exact: list[Tensors], bias: torch.Tensor) -> MapScale:
        known = self.constants[self.stored]
        nudges = tuple(
            {name: self.nudge(name, x.detach(), wanted) for name, x in found.items()}
            for found, wanted in zip(exact, known.terms, strict=True)
        )
        sigma = torch.from_numpy(known.sigma)
        correction = (torch.from_numpy(known.b).double() - bias.detach()) * sigma * 2.0**-known.shift
        self.scales.append(MapScale(known.name, known.bits, known.shift, sigma, correction, nudges))
        return self.scales[-1]

    def nudge(self, name: str, x: torch.Tensor, wanted: Mapping[str, npt.NDArray[Any]]) -> torch.Tensor:
        """Zeros, or what brings constants across the middle of two bytes to the calibration's."""
        if name not in wanted:
            raise self.differs(f"no {name}, but {', '.join(wanted)}")
        bytes_ = torch.from_numpy(wanted[name]).double()
        if bytes_.shape != x.shape:
            raise self.differs(f"{name} of {[*bytes_.shape]}, not {[*x.shape]}")
        nudge = torch.where(byte(x) == bytes_, 0.0, torch.sign(bytes_ - x) * NEAR)
        if not (byte(x + nudge) == bytes_).all():
            raise self.differs(f"another {name}, by {float((x - bytes_).abs().max()):.3g}")
        return nudge

    def differs(self, what: str) -> InputError:
        """The error of the map at hand."""
        name = self.constants[self.stored].name
        return untrainable(f"layer '{name}' is another one in the compiler's integer network ({what})")

    def check_all(self) -> None:
        """Raise InputError where the calibration has more maps."""
        if self.stored != len(self.constants):
            raise untrainable(
                f"the compiler's integer network has {len(self.constants)} stored maps, not {self.stored}"
            )


def untrainable(why: str) -> InputError:
    """The error of a network that the compiler makes another one of."""
    return InputError(f"{why}: this network cannot be trained in integers; train it in float32")
