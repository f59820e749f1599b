# SPDX-License-Identifier: Apache-2.0
"""Terms: what is added up to a stored map, one class a kind, each with every arm that quantising asks for.

Each is, per channel, a sum of gains times features of bytes: v = sum of round(f*gain) * feature, f being what turns
the real value into the sum before the shift. An arm says it in real numbers (`real`), one in integers (`raw`), one as
ONNX nodes (`write`).

| term, in         | features                               | integer operators                 |
|------------------|----------------------------------------|-----------------------------------|
| Slope, slopes    | min(u, 0), max(u, 0)                   | IntegerTwoSlope                   |
| Pooled, slopes   | their sums over 2x2 pixels             | IntegerTwoSlope, IntegerSumPool   |
| Reduced, slopes  | min(u, 0), max(u, 0) of every channel  | IntegerTwoSlope, ReduceSum        |
| Hinge, counts    | d, max(d, k); d a count, or a map      | IntegerBinaryConv2d, IntegerHinge |
| Greys, greys     | the taps of a window of grey levels    | ConvInteger                       |
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from ..ir.window import Window
from .intervals import Interval
from .maps import F64, View

if TYPE_CHECKING:
    from .counts import Count
    from .greys import Greys

Array = npt.NDArray[Any]
Constants = Mapping[str, Array]


class State(Protocol):
    """Calibration so far: what terms ask of it."""

    frames: int

    @property
    def path(self) -> str:
        """The float network's file."""

    def values(self, view: View, frame: int) -> Array:
        """Bytes of a view on a frame, [C, H, W]."""

    def sigma(self, view: View) -> F64:
        """Real size of a step of a view, [C]."""

    def grey(self, source: Greys, frame: int) -> Array:
        """The frame that a convolution reads, uint8 [C, H, W]."""

    def dot(self, count: Count, frame: int) -> Array:
        """Its sums on a frame, exact, [M, H, W]."""


class Writer(Protocol):
    """The ONNX graph so far: what terms ask of it."""

    def node(self, op: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> str:
        """Add a node; the name of its output."""

    def integer(self, op: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Add a node of com.biisnet."""

    def constant(self, name: str, values: Array) -> str:
        """Add a constant; its name."""

    def view(self, view: View) -> str:
        """The value that holds a view."""

    def grey(self, source: Greys) -> str:
        """The value that holds the frame as a convolution reads it."""

    def count(self, count: Count, name: str) -> str:
        """The value that holds a count, made by the first who asks under `name`."""


@dataclass(frozen=True)
class Prepared:
    """A term on the calibration frames: its gains, its features' means over all pixels, and constants that no gain
    changes."""

    gains: dict[str, F64]
    means: dict[str, F64]
    fixed: dict[str, Array] = field(default_factory=dict)


class Term(ABC):
    """A real number at every pixel of some channels."""

    @property
    @abstractmethod
    def views(self) -> Iterator[View]:
        """The maps that it reads."""

    @abstractmethod
    def scaled(self, scale: F64) -> Term:
        """scale [C] times it."""

    @abstractmethod
    def prepared(self, state: State) -> Prepared:
        """Gains and means."""

    @abstractmethod
    def real(self, state: State, frame: int) -> F64:
        """Its value on a frame, [C, H, W]."""

    @abstractmethod
    def raw(self, constants: Constants, state: State, frame: int) -> Array:
        """Its integer value on a frame, int32 [C, H, W]."""

    @abstractmethod
    def ends(self, constants: Constants) -> tuple[Interval, ...]:
        """The extremes of the parts that it is added up from, each of which has to fit 16 bits."""

    @abstractmethod
    def write(self, writer: Writer, constants: Constants, name: str) -> str:
        """Its nodes, their values' names beginning with `name`; the name of the last."""

    def joins(self, other: Term) -> bool:
        """Whether it and another are one term."""
        return False

    def joined(self, other: Term) -> Term:
        """That one term."""
        raise NotImplementedError


def each(values: Array) -> Array:
    """[C] as [C, 1, 1]."""
    return values[:, None, None]


def geometry(window: Window, group: int) -> dict[str, Any]:
    """Attributes of an ONNX convolution."""
    return {
        "strides": [*window.strides],
        "pads": [*window.pads],
        "dilations": [*window.dilations],
        "group": group,
    }


def mean_of(features: Iterator[dict[str, Array]], frames: int) -> dict[str, F64]:
    """The means over the pixels of all frames of features [C, H, W]."""
    total: dict[str, F64] = {}
    for found in features:
        for name, values in found.items():
            total[name] = total.get(name, 0) + values.mean((1, 2), dtype=np.float64) / frames
    return total
