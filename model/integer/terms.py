# SPDX-License-Identifier: Apache-2.0
"""Terms: what is added up to a stored map, and the gains of it, in PyTorch.

Each is, per channel, a sum of round(f * gain) * feature over whole numbers, f being what turns the real value into the
sum before the shift. `gains` are real, float64, and have gradients; `knees` are rounded as they are; `value` is the sum
that the rounded ones, float32, make.

| term    | gains | features                                                     |
|---------|-------|--------------------------------------------------------------|
| Slope   | n, p  | min(u, 0), max(u, 0) of a stored map's bytes u               |
| Pooled  | n, p  | their sums over 2x2 pixels                                   |
| Reduced | n, p  | min(u, 0), max(u, 0) of every channel                        |
| Hinge   | a, b  | d, max(d, k); d the saturated half of a dot product, negated |
| Greys   | w     | the taps of a window of grey levels                          |
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as functional

from .functions import hinge, rounded, two_slope

Tensors = dict[str, torch.Tensor]
LOW, HIGH = -128.0, 127.0
"""Ends of a byte."""


@dataclass(frozen=True, eq=False)
class Stored:
    """A stored map, or some of its channels: whole numbers [N, C, H, W], and the real size of a step, float64 [C]."""

    bytes: torch.Tensor
    step: torch.Tensor


class Term(ABC):
    """A real number at every pixel of some channels."""

    @abstractmethod
    def gains(self) -> Tensors:
        """Real factors, the first axis that of the result's channels."""

    def knees(self) -> Tensors:
        """Real constants of other units."""
        return {}

    @abstractmethod
    def value(self, constants: Tensors) -> torch.Tensor:
        """The sum, of constants that are whole."""

    @abstractmethod
    def scaled(self, scale: torch.Tensor) -> Term:
        """scale [C] times it."""


@dataclass(frozen=True, eq=False)
class Slope(Term):
    """negative * x where x < 0, else positive * x, x the real value of a stored map; float64 [C]."""

    view: Stored
    negative: torch.Tensor
    positive: torch.Tensor

    @classmethod
    def of(cls, view: Stored) -> Slope:
        """The map itself."""
        ones = torch.ones_like(view.step)
        return cls(view, ones, ones)

    @property
    def is_linear(self) -> bool:
        """Whether both slopes are one."""
        return bool((self.negative == self.positive).all())

    def scaled(self, scale: torch.Tensor) -> Slope:
        return replace(self, negative=self.negative * scale, positive=self.positive * scale)

    def bent(self, negative: torch.Tensor, positive: torch.Tensor) -> Slope:
        """A two-slope of it, which is a two-slope."""
        below = torch.where(self.negative > 0, negative, positive) * self.negative
        above = torch.where(self.positive >= 0, positive, negative) * self.positive
        return replace(self, negative=below, positive=above)

    def slice(self, start: int, stop: int) -> Slope:
        """Some channels."""
        view = Stored(self.view.bytes[:, start:stop], self.view.step[start:stop])
        return Slope(view, self.negative[start:stop], self.positive[start:stop])

    def real(self) -> torch.Tensor:
        """The real value, float32 [N, C, H, W]."""
        below, above = ((slope * self.view.step).float() for slope in (self.negative, self.positive))
        return two_slope(self.view.bytes + 0.5, below, above)

    def gains(self) -> Tensors:
        return {"n": self.view.step * self.negative, "p": self.view.step * self.positive}

    def value(self, constants: Tensors) -> torch.Tensor:
        return two_slope(self.view.bytes, constants["n"].float(), constants["p"].float())


@dataclass(frozen=True, eq=False)
class Pooled(Slope):
    """The sum of a Slope over 2x2 pixels, stride 2."""

    def value(self, constants: Tensors) -> torch.Tensor:
        return functional.avg_pool2d(super().value(constants), 2) * 4  # quarters of whole numbers are exact


@dataclass(frozen=True, eq=False)
class Reduced(Term):
    """The sum over the channels of a Slope: a 1x1 convolution to one channel."""

    slope: Slope

    def gains(self) -> Tensors:
        return {name: gains[None] for name, gains in self.slope.gains().items()}

    def value(self, constants: Tensors) -> torch.Tensor:
        return self.slope.value({name: c[0] for name, c in constants.items()}).sum(1, keepdim=True)

    def scaled(self, scale: torch.Tensor) -> Reduced:
        return Reduced(self.slope.scaled(scale.expand_as(self.slope.negative)))


@dataclass(frozen=True, eq=False)
class Hinge(Term):
    """A two-slope of x = scale * dot + shift: negative * x where x < 0, else positive * x; `count` is -dot / 2 in a
    byte."""

    count: torch.Tensor
    scale: torch.Tensor
    shift: torch.Tensor
    negative: torch.Tensor
    positive: torch.Tensor

    @classmethod
    def line(cls, count: torch.Tensor, scale: torch.Tensor) -> Hinge:
        """scale * dot."""
        one = torch.ones_like(scale)
        return cls(count, scale, 0 * one, one, one)

    def scaled(self, scale: torch.Tensor) -> Hinge:
        return replace(self, negative=self.negative * scale, positive=self.positive * scale)

    def bent(self, shift: torch.Tensor, negative: torch.Tensor, positive: torch.Tensor) -> Hinge:
        """A two-slope of a line and a shift."""
        return Hinge(self.count, self.scale * self.positive, self.shift * self.positive + shift, negative, positive)

    def _halves(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Slopes below and above the knee, along the count."""
        along = self.scale * -2
        rising = along > 0
        below = torch.where(rising, self.negative, self.positive) * along
        above = torch.where(rising, self.positive, self.negative) * along
        return below, above

    def gains(self) -> Tensors:
        below, above = self._halves()
        return {"a": below, "b": above - below}

    def knees(self) -> Tensors:
        along = self.scale * -2
        flat = along == 0
        below, above = self._halves()
        knee = torch.where(flat, 0, -self.shift / torch.where(flat, 1, along))
        return {"k": torch.where(below == above, 0, knee)}

    def value(self, constants: Tensors) -> torch.Tensor:
        return hinge(self.count, *(constants[name].float() for name in "abk"))


@dataclass(frozen=True, eq=False)
class Greys(Term):
    """A 3x3 convolution of grey levels less that which padded taps are taken for, [N, C, H, W]; weights float64 [M, C,
    3, 3]."""

    image: torch.Tensor
    weight: torch.Tensor

    def gains(self) -> Tensors:
        return {"w": self.weight}

    def value(self, constants: Tensors) -> torch.Tensor:
        return functional.conv2d(self.image, constants["w"].float(), padding=1)

    def scaled(self, scale: torch.Tensor) -> Greys:
        return replace(self, weight=self.weight * scale.reshape(-1, 1, 1, 1))


def byte(x: torch.Tensor) -> torch.Tensor:
    """The nearest byte; beyond it the gradient goes on, for a gain that got too large to come back."""
    whole = rounded(x)
    return whole + (whole.clamp(LOW, HIGH) - whole).detach()
