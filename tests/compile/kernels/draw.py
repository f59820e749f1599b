# SPDX-License-Identifier: Apache-2.0
"""Hypothesis strategies: numbers, maps, stored forms and stages around one expression.

Numbers are multiples of 1/8 and constants multiples of 1/4, all small, so that float32 computes them without
rounding in any order and the reference is met exactly; `real` maps are any numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Expr
from biisnet.compile.ir.stages import Stage
from biisnet.compile.ir.window import Window
from biisnet.compile.kernels import Add, Load, ScaleShift, TwoSlope
from biisnet.compile.storage import Bits, Margin, Planes

from .device import Case

Array = npt.NDArray
WIDTHS = (1, 2, 3, 4, 5, 7, 9, 15, 16, 17, 18, 31, 32, 33, 47, 50, 64, 65)
HEIGHTS = (1, 2, 3, 4, 5, 7)
CHANNELS = (1, 3, 7, 8, 9, 13, 16, 17, 24, 32)
CHANNEL_SIZES = ((1, 1), (1, 8), (2, 9), (3, 17), (5, 7), (7, 7), (14, 14), (4, 28))
"""Results of kernels whose lanes are channels: rows around a tile of 8 pixels, and those of networks."""
SPECIAL = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 2.0**-140, -(2.0**-140)], np.float32)

BATCH = settings(
    max_examples=3,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
"""An example is a batch of cases and takes seconds: few, and no shrinking (a failure names its case)."""


def batches(case: st.SearchStrategy[Case], cases: int) -> st.SearchStrategy[list[Case]]:
    """Lists of independent cases (the first list that hypothesis draws is the simplest case, repeated)."""
    return st.lists(case, min_size=cases, max_size=cases)


def dyadic(rng: np.random.Generator, shape: Any, unit: float = 0.125, most: int = 32) -> npt.NDArray[np.float32]:
    """Multiples of `unit`."""
    return (rng.integers(-most, most + 1, shape) * unit).astype(np.float32)


def constants(rng: np.random.Generator, n: int) -> npt.NDArray[np.float32]:
    """Per-channel constants."""
    return dyadic(rng, n, 0.25, 8)


def plain_map(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Numbers that are computed exactly."""
    return dyadic(rng, shape)


def special_map(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """A quarter of them are NaN, infinite, denormal or a signed zero."""
    return np.where(rng.random(shape) < 0.25, rng.choice(SPECIAL, shape), dyadic(rng, shape))


def real_map(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Any numbers, of any sign."""
    return rng.normal(0, 4, shape).astype(np.float32)


@st.composite
def sizes(draw: st.DrawFn) -> tuple[int, int]:
    """Height and width: 1x1, around whole vectors, and others."""
    return draw(st.sampled_from(HEIGHTS)), draw(st.sampled_from(WIDTHS))


@st.composite
def generators(draw: st.DrawFn) -> np.random.Generator:
    """Where a case's numbers come from."""
    return np.random.default_rng(draw(st.integers(0, 2**32 - 1)))


def groups_of(channels: int) -> list[int]:
    """How many groups the channels can be cut into."""
    return [g for g in (1, 2, 3, 4) if channels % g == 0]


@st.composite
def outputs(draw: st.DrawFn, channels: int, height: int, width: int) -> list[Buffer]:
    """Up to three stored forms of a map."""
    rng, buffers = draw(generators()), []
    for n in range(draw(st.integers(1, 3))):
        form = draw(st.sampled_from(("bits", "float32", "external")))
        margin: Margin = draw(st.sampled_from(("none", "zero", "edge")))
        shape = (f"out{n}", "value", channels, height, width)
        if form == "external":
            buffers.append(Buffer(*shape, external=n))
        elif form == "float32":
            buffers.append(Buffer(*shape, layout=Planes(margin)))
        else:
            kinds = [np.zeros(1, np.float32), dyadic(rng, 1), dyadic(rng, channels)]
            threshold = draw(st.sampled_from(kinds))
            margin = "zero" if margin == "edge" else margin
            groups = draw(st.sampled_from(groups_of(channels)))
            buffers.append(Buffer(*shape, Bits(groups, threshold), Planes(margin)))
    return buffers


@st.composite
def epilogues(draw: st.DrawFn, e: Expr, width: int, height: int, maps: dict[str, Array]) -> Expr:
    """Up to two per-channel nodes on top of `e`; a residual's map is added to `maps`."""
    rng = draw(generators())
    for n in range(draw(st.integers(0, 2))):
        kind = draw(st.sampled_from(("scale", "two_slope", "residual", "self")))
        if kind == "scale":
            e = ScaleShift(e.channels, e, constants(rng, e.channels), constants(rng, e.channels))
        elif kind == "two_slope":
            e = TwoSlope(e.channels, e, constants(rng, e.channels), constants(rng, e.channels))
        elif kind == "residual":
            b = Buffer(f"residual{n}", "residual", e.channels, height, width)
            maps[b.name] = plain_map(rng, (e.channels, height, width))
            e = Add(e.channels, Load(e.channels, b), e)
        else:
            e = Add(e.channels, e, e)
    return e


@st.composite
def around(draw: st.DrawFn, e: Expr, height: int, width: int, maps: dict[str, Array]) -> Case:
    """A stage that stores `e`, with an epilogue, in some forms."""
    e = draw(epilogues(e, width, height, maps))
    return Case(Stage.of("case", ("case",), (e,), draw(outputs(e.channels, height, width))), maps)


Maps = Callable[[np.random.Generator, tuple[int, ...]], Array]


def input_size(window: Window, height: int, width: int) -> tuple[int, int]:
    """The smallest map for which a window's result is height x width."""
    spans = [(k - 1) * n + 1 for k, n in zip(window.kernel, window.dilations, strict=True)]
    sizes = zip((height, width), window.strides, spans, window.pads[:2], window.pads[2:], strict=True)
    rows, columns = (max((n - 1) * stride + span - before - after, 1) for n, stride, span, before, after in sizes)
    return rows, columns
