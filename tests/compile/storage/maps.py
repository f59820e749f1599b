# SPDX-License-Identifier: Apache-2.0
"""Sizes around whole vectors and bytes, and maps of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.storage import Bits, Encoding, Float32, Interleaved, Layout, Margin, Planes

Array = npt.NDArray
EDGES = (1, 7, 8, 9, 15, 16, 17, 31, 32, 33)
MARGINS: tuple[Margin, ...] = ("none", "zero", "edge")
SPECIAL = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 1e-45, -1e-45, 3.4e38], np.float32)


def numbers(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """float32 of which a quarter are NaN, infinite, denormal, huge or a signed zero."""
    normal = rng.standard_normal(shape).astype(np.float32)
    return np.where(rng.random(shape) < 0.25, rng.choice(SPECIAL, shape), normal)


@st.composite
def groups_of(draw: st.DrawFn, channels: int) -> int:
    """A count of groups that the channels can be cut into."""
    return draw(st.sampled_from([g for g in range(1, channels + 1) if channels % g == 0]))


@st.composite
def encodings(draw: st.DrawFn, channels: int, rng: np.random.Generator) -> Encoding:
    """Any encoding of so many channels."""
    if draw(st.booleans()):
        threshold = rng.standard_normal(draw(st.sampled_from((1, channels)))).astype(np.float32)
        return Bits(draw(groups_of(channels)), threshold)
    if draw(st.booleans()):
        return Float32()
    return Float32(*rng.standard_normal((2, channels)).astype(np.float32))


@st.composite
def layouts(draw: st.DrawFn, planes: int) -> Layout:
    """Any layout in the arena, of so many planes."""
    if draw(st.booleans()):
        block = draw(st.sampled_from([None, *(n for n in (1, 2, 8) if planes % n == 0)]))
        return Interleaved(block, *(draw(st.integers(0, 3)) for _ in range(2)), draw(st.sampled_from((1, 8, 16))))
    return Planes(draw(st.sampled_from(MARGINS)), draw(st.sampled_from((8, 16, 32))))


@st.composite
def buffers(draw: st.DrawFn) -> tuple[Buffer, Array]:
    """A map in any form, of the arena's or the user's, and a stored form that it may hold."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    channels, height, width = (
        draw(st.sampled_from(EDGES)),
        draw(st.sampled_from((1, 2, 3))),
        draw(st.sampled_from(EDGES)),
    )
    external = draw(st.sampled_from((None, None, 0)))
    encoding = Float32() if external is not None else draw(encodings(channels, rng))
    buffer = Buffer(
        "map", "value", channels, height, width, encoding, draw(layouts(encoding.planes(channels))), external
    )
    shape = (channels, height, width)
    return buffer, rng.random(shape) < 0.5 if encoding.is_exact else numbers(rng, shape)
