# SPDX-License-Identifier: Apache-2.0
"""One kernel's schedule, and where it is from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

Value = int | str
"""A value of a Schedule's field; JSON has it as it is."""
CHOICE = "choice"
"""The key of a field's Choice in its metadata."""


@dataclass(frozen=True)
class Choice:
    """The values of a Schedule's field that a tuner may choose, and the kinds of kernel that it chooses them for."""

    values: tuple[Value, ...]
    kinds: tuple[str, ...] | None  # None: all
    without: tuple[str, ...]  # but these
    defaults: Mapping[str, Value]

    def of(self, kind: str) -> tuple[Value, ...]:
        """The values for kernels of a kind, the default one first; that one alone where there is nothing to choose."""
        default = self.defaults.get(kind, self.values[0])
        if kind in self.without or (self.kinds is not None and kind not in self.kinds):
            return (default,)
        return default, *(v for v in self.values if v != default)


def choice(
    *values: Value,
    kinds: tuple[str, ...] | None = None,
    without: tuple[str, ...] = (),
    defaults: Mapping[str, Value] = MappingProxyType({}),
) -> Any:
    """A field of a Schedule: its values, the kinds of kernel that it is of (all where None, but those that it is
    `without`), and the default of those kinds that have one of their own.

    The first value is the default of all other kinds, and of records that were written before there was the field.
    """
    return field(default=values[0], metadata={CHOICE: Choice(values, kinds, without, defaults)})


CHANNELS = dict.fromkeys(
    ("BinaryDot", "Convolution", "Load", "IntegerDot", "IntegerConvolution", "IntegerPool", "IntegerUpsample"), 2
)
"""Kinds of kernel whose epilogues of two channels side by side are better than one after the other."""


TILED = (
    "ChannelDot",
    "ChannelConvolution",
    "ChannelPooledDepthwise",
    "ChannelDepthwise",
    "ChannelLoad",
    "ChannelMaxPool",
    "ChannelPoolSum",
)
"""Kinds of kernel whose lanes are channels."""
BANDS = {
    "BinaryDot": 1,
    "ChannelDot": 2,
    "ChannelConvolution": 1,
    "ChannelPooledDepthwise": 1,
    "IntegerDot": 4,
    "IntegerMix": 4,
    "IntegerConvolution": 2,
    "IntegerPool": 2,
    "IntegerUpsample": 2,
    "Upsample": 1,
}
"""Kinds of kernel that may compute several rows a call, and how many where nothing was measured. Of float networks one:
rings of float32 maps grow by it, and may have to be cut into more groups than it saves misses."""


@dataclass(frozen=True)
class Schedule:
    """The blocking of a kernel. A field is all that a choice needs: spaces, defaults and records follow from it."""

    channels: int = choice(1, 2, 4, 8, without=TILED, defaults=CHANNELS)
    """Channels whose epilogues are computed side by side: more share the loads of a convolution's pixels and hide
    latency, until registers spill."""
    counted: int = choice(8, 4, 2, kinds=("BinaryDot", "IntegerDot"), defaults={"IntegerDot": 4})
    """Channels of a block whose bits are counted together: more share a tap's pixels, with a register each."""
    unrolled: int = choice(1, 2, 4, kinds=("BinaryDot", "IntegerDot"))
    """Planes of packed bits that one turn of the counting loop takes: more hide the loop, until registers spill."""
    vectors: int = choice(
        1, 2, kinds=("BinaryDot", "IntegerDot", "IntegerUpsample"), defaults={"IntegerDot": 2, "IntegerUpsample": 2}
    )
    """Vectors of columns that are computed side by side and share each constant's load."""
    outer: str = choice(
        "columns",
        "channels",
        kinds=("BinaryDot", "IntegerDot", "IntegerUpsample", "Upsample"),
        defaults=dict.fromkeys(("IntegerDot", "IntegerUpsample"), "channels"),
    )
    """The outer loop: columns, or blocks of 8 channels, whose weights then stay in the first-level cache for a row."""
    band: int = choice(1, 2, 4, 8, kinds=tuple(BANDS), defaults=BANDS)
    """Rows that one call computes: a block's weights stay for so many, but what it writes must still be near when it is
    read."""
    within: str = choice("columns", "rows", kinds=("Upsample",))
    """The inner loop of a band: columns, or rows, which then read what they have in common while it is near."""
    pixels: int = choice(8, 7, 6, 5, 4, kinds=TILED)
    """The most pixels of a tile, which share a block's weights: with more, registers spill."""


@dataclass(frozen=True)
class Record:
    """The schedule of a kernel that was measured to be its fastest."""

    key: str  # row_kernel.key_of
    schedule: Schedule
    seconds: float  # over the whole map
    database: str  # a word for whose it is
