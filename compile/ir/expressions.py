# SPDX-License-Identifier: Apache-2.0
"""Expressions: what a stage computes at one pixel of one channel, and what each kind of them must know.

A kind is a class in a file of kernels/: its dataclass, and every arm below, in one place. `kind` registers it, and
refuses one that lacks an arm.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from ..errors import CompileError
from .buffers import Operand

if TYPE_CHECKING:
    from ...targets.cores import Core, Issue
    from .stages import Stage

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Inputs:
    """Inputs of a node's numpy meaning: the values of its parts, [C, H, W] each, the stored forms of maps
    by their buffers' names, and the height and width of the stage."""

    parts: Sequence[Array]
    stored: Mapping[str, Array]
    height: int
    width: int


@dataclass(frozen=True)
class Work:
    """Multiply-adds for one pixel: binary and full-precision ones."""

    binary: int = 0
    full: int = 0


@dataclass(frozen=True, eq=False)
class Expr(ABC):
    """A value at every pixel of `channels` channels."""

    channels: int

    leads: ClassVar[int | None]
    """The place of the kind among those that name a stage's kernel and choose its schedule, the first being the
    heaviest, no two of them the same (they are tens, so that there is room between them); None for kinds that never
    do."""

    # ---- structure ----

    @abstractmethod
    def children(self) -> tuple[Expr, ...]:
        """The expressions it is made of."""

    @abstractmethod
    def operands(self) -> tuple[Operand, ...]:
        """The rows of stored maps that output row y reads."""

    @abstractmethod
    def slice(self, start: int, stop: int) -> Expr:
        """Channels start .. stop-1 of it. Raises CompileError where it cannot be cut."""

    @property
    @abstractmethod
    def is_square(self) -> bool:
        """Whether it reaches as far along rows as along columns."""

    @property
    @abstractmethod
    def is_never_negative_zero(self) -> bool:
        """Whether its values are never -0.0. (A sum is only where all its parts are.)"""

    # ---- meaning ----

    @abstractmethod
    def reference(self, inputs: Inputs) -> Array:
        """The values, [channels, height, width] or larger (then the top left corner counts)."""

    @abstractmethod
    def error_bound(self, magnitudes: Inputs, value: Callable[[Expr], Array]) -> Array:
        """The size [channels, height, width] of the numbers that are added up, which rounding errors are relative to.

        `magnitudes` has the bounds of the parts, and stored maps without their signs; `value` is the meaning of a node
        on the stored maps as they are.
        """

    @abstractmethod
    def identity(self) -> Expr | None:
        """It with constants that make it transparent: of what it is given it changes nothing. None where there are
        none, so that a stage's accumulators cannot be read through it."""

    # ---- cost ----

    @property
    @abstractmethod
    def work(self) -> Work:
        """Multiply-adds for one pixel of all channels."""

    @abstractmethod
    def slots(self, issue: Issue) -> int:
        """Issue slots of vector arithmetic for one vector of one channel that no kernel can do without."""

    def suits_band(self, stage: Stage) -> int | None:
        """The rows that a call of its stage's kernel had best compute; None where its kind's default is as good."""
        return None

    # ---- TIR ----

    def prepare(self, ctx: Any) -> Any:
        """TIR before all loops, of what depends on the row alone; kept as `ctx.prepared(self)`."""
        return None

    def begin_block(self, ctx: Any, channels: list[Any]) -> Any:
        """TIR for all channels of a block at once; kept as `ctx.block(self)`."""
        return None

    def span(self, core: Core) -> int | None:
        """Blocks of channels that its kernel had best begin together; None where it is the same to it."""
        return None

    def begin_span(self, ctx: Any, channels: list[Any]) -> Any:
        """TIR for the channels of so many blocks at once; kept as `ctx.spanned(self)`."""
        return None

    comes_first: ClassVar[bool] = False
    """Whether it loops over its taps, for several channels at once: what the rest of the stage reads before that would
    have to wait in memory."""

    takes_channels: ClassVar[bool] = False
    """Whether its TIR may be of vectors whose lanes are channels: of 8 neighbouring ones, 8 neighbouring ones of its
    parts."""

    has_channel_lanes: ClassVar[bool] = False
    """Whether its TIR is of such vectors alone: then all of its stage's is."""

    def part_channels(self, channels: list[Any]) -> list[Any]:
        """The channels of its parts that become `channels` of it."""
        return channels

    @abstractmethod
    def emit(self, ctx: Any, channels: list[Any]) -> list[Any]:
        """TIR of the values of some channels at the place at hand (`kernels.context.Context`)."""


KINDS: dict[str, type[Expr]] = {}
"""Every kind of expression by its name; the modules of kernels/ fill it."""
Kind = TypeVar("Kind", bound=type[Expr])


def kind(cls: Kind) -> Kind:
    """Register a kind of expression. Raises TypeError where an arm is missing, or the name is taken."""
    missing = sorted(getattr(cls, "__abstractmethods__", ()))
    missing += [] if hasattr(cls, "leads") else ["leads"]
    if missing or inspect.isabstract(cls):
        raise TypeError(f"{cls.__name__} lacks {', '.join(missing)}: a kind of expression has every arm")
    if cls.__name__ in KINDS:
        raise TypeError(f"{cls.__name__} is registered already")
    KINDS[cls.__name__] = cls
    return cls


@dataclass(frozen=True, eq=False)
class Leaf(Expr):
    """A kind that reads a stored map."""

    def children(self) -> tuple[Expr, ...]:
        return ()

    @property
    def lane_order(self) -> str:
        """The order of columns in its vectors: "columns", "even first", or "any", where it follows the others."""
        return "columns"

    @property
    def repeats_border(self) -> bool:
        """Whether it gives values past the map's right border, to stages that are wider than the map."""
        return False

    @property
    def bounds_columns(self) -> bool:
        """Whether columns of the stage past the width of its map are none of the map's, so that vectors must not read
        there where a row has no slack behind it."""
        return True

    def error_bound(self, magnitudes: Inputs, value: Callable[[Expr], Array]) -> Array:
        return self.reference(magnitudes)


@dataclass(frozen=True, eq=False)
class Pointwise(Expr):
    """A kind whose value follows from its parts' at the same pixel. Arrays among its fields have a value a channel."""

    leads: ClassVar[int | None] = None

    def children(self) -> tuple[Expr, ...]:
        return tuple(part for f in fields(self) if isinstance(part := getattr(self, f.name), Expr))

    def operands(self) -> tuple[Operand, ...]:
        return ()

    def slice(self, start: int, stop: int) -> Expr:
        new: dict[str, Any] = {"channels": stop - start}
        for f in fields(self):
            match getattr(self, f.name):
                case Expr() as part:
                    new[f.name] = slice_channels(part, start, stop)
                case np.ndarray() as constants:
                    new[f.name] = constants[start:stop]
        return replace(self, **new)

    @property
    def is_square(self) -> bool:
        return True

    @property
    def is_never_negative_zero(self) -> bool:
        return False

    @property
    def work(self) -> Work:
        return Work()

    def emit(self, ctx: Any, channels: list[Any]) -> list[Any]:
        parts = [ctx.emit(part, self.part_channels(channels)) for part in self.children()]
        return [self.emit_channel(ctx, o, *(values[i] for values in parts)) for i, o in enumerate(channels)]

    @abstractmethod
    def emit_channel(self, ctx: Any, o: Any, *parts: Any) -> Any:
        """TIR of channel `o`, given the values of its parts."""


def slice_channels(e: Expr, start: int, stop: int) -> Expr:
    """Channels start .. stop-1 of an expression. Raises CompileError where it cannot be cut."""
    return e if stop - start == e.channels else e.slice(start, stop)


def not_sliceable(e: Expr) -> CompileError:
    """The error of a kind that cannot be cut."""
    return CompileError(f"a split of channels after {type(e).__name__} is not supported")


def each(values: Array) -> Array:
    """[C] as [C, 1, 1]: a value a channel, beside maps [C, H, W]."""
    return values[:, None, None]
