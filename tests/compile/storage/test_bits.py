# SPDX-License-Identifier: Apache-2.0
"""Bits: thresholds, packing by groups, and what their signs cost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import Expr
from biisnet.compile.ir.schedule import Schedule
from biisnet.compile.ir.stages import Stage
from biisnet.compile.ir.window import Window
from biisnet.compile.kernels import Add, BinaryDot, Convolution, HingeAdd, Load, ScaleShift
from biisnet.compile.kernels.row_kernel import build
from biisnet.compile.storage import Bits, Comparison, IntegerBits, Planes
from biisnet.targets.cores import CORTEX_A72, GENERIC, X86_64_V3, Core, Issue

from .maps import EDGES, groups_of, numbers

LAW = settings(max_examples=150, deadline=None)
ISSUE = Issue(per_cycle=2, integer=1, float=2, interleave=3)
COMPARED_AS_INTEGERS, COMPARED_AS_FLOATS = 4 * (1 + 1), 4 * (2 + 1)
"""Slots of a comparison and a shift, by vectors of 4 pixels."""


def test_signs() -> None:
    """Fails where -0.0 is below zero, or NaN is not below everything (equation 2)."""
    x = np.array([0, -0.0, np.nan, np.inf, -np.inf, 1e-45, -1e-45], np.float32).reshape(1, 1, -1)
    assert Bits().encode(x).ravel().tolist() == [True, True, False, True, False, True, False]
    above = Bits(threshold=np.array([1, -1], np.float32)).encode(np.zeros((2, 1, 1), np.float32))
    np.testing.assert_array_equal(above.ravel(), [False, True])


@LAW
@given(data=st.data(), channels=st.sampled_from(EDGES), width=st.sampled_from(EDGES), seed=st.integers(0, 2**32 - 1))
def test_thresholds(data: st.DataObject, channels: int, width: int, seed: int) -> None:
    """Fails where a channel is compared with another one's threshold, or what equals it is below."""
    rng = np.random.default_rng(seed)
    threshold = rng.standard_normal(data.draw(st.sampled_from((1, channels)))).astype(np.float32)
    x = numbers(rng, (channels, 2, width))
    at = rng.random(x.shape) < 0.25
    x = np.where(at, np.broadcast_to(threshold[:, None, None], x.shape), x)
    found = Bits(threshold=threshold).encode(x)
    assert found.shape == x.shape
    assert found.dtype == bool
    for c in range(channels):
        limit = threshold[c % len(threshold)]
        expected = [[bool(v >= limit) for v in row] for row in x[c]]
        assert found[c].tolist() == expected
    assert found[at].all()


@LAW
@given(data=st.data(), channels=st.sampled_from(EDGES), width=st.sampled_from(EDGES), seed=st.integers(0, 2**32 - 1))
def test_packing(data: st.DataObject, channels: int, width: int, seed: int) -> None:
    """Fails where a channel's bit is not at (channel % group's) % 8 of its plane, or an unused bit is set."""
    groups = data.draw(groups_of(channels))
    encoding, each = Bits(groups), channels // groups
    stored = np.random.default_rng(seed).random((channels, 2, width)) < 0.5
    planes = encoding.pack(stored)
    assert planes.dtype == np.uint8
    assert len(planes) == encoding.planes(channels) == groups * encoding.planes_per_group(channels)
    assert encoding.planes_per_group(channels) == -(-each // 8)
    unused = planes.copy()
    for c in range(channels):
        plane, bit = encoding.plane(channels, c), c % each % 8
        assert plane == c // each * -(-each // 8) + c % each // 8
        np.testing.assert_array_equal(planes[plane] >> bit & 1, stored[c])
        unused[plane] &= 255 ^ (1 << bit)
    assert not unused.any()
    np.testing.assert_array_equal(encoding.unpack(planes, channels), stored)


@LAW
@given(data=st.data(), channels=st.sampled_from(EDGES), width=st.sampled_from(EDGES), seed=st.integers(0, 2**32 - 1))
def test_halves_of_bytes(data: st.DataObject, channels: int, width: int, seed: int) -> None:
    """Fails where the halves of a byte are not two planes, each below 16, the lower one first."""
    groups = data.draw(groups_of(channels))
    whole, halves = IntegerBits(groups), IntegerBits(groups).of_core(X86_64_V3)
    assert halves.halves
    stored = np.random.default_rng(seed).random((channels, 2, width)) < 0.5
    planes = halves.pack(stored)
    assert len(planes) == halves.planes(channels) == 2 * whole.planes(channels)
    assert halves.planes_per_group(channels) == whole.planes_per_group(channels)
    assert (planes < 16).all()
    np.testing.assert_array_equal(planes[::2] + 16 * planes[1::2], whole.pack(stored))
    np.testing.assert_array_equal(halves.unpack(planes, channels), stored)


@pytest.mark.parametrize("core", [CORTEX_A72, GENERIC], ids=lambda core: core.name)
def test_whole_bytes_elsewhere(core: Core) -> None:
    """Fails where a core that counts bits gets halves of bytes, or a float network's bits become halves."""
    assert not IntegerBits().of_core(core).halves
    bits = Bits(2)
    assert bits.of_core(X86_64_V3) is bits


@LAW
@given(data=st.data(), channels=st.sampled_from(EDGES))
def test_cuts_and_joins(data: st.DataObject, channels: int) -> None:
    """Fails where channels that are computed together do not fill bytes of their own."""
    encoding = Bits(data.draw(groups_of(channels)))
    cuts = encoding.cuts(channels)
    for c in range(channels):
        first = c == 0 or encoding.plane(channels, c) != encoding.plane(channels, c - 1)
        assert (c in cuts) == first
        if encoding.joins(channels, c) and c >= 8:
            # a block of 8 before it, and one from it, are a byte each
            assert {c, c - 8} <= cuts
    assert max(cuts) < channels


def test_silence_keeps_signs() -> None:
    """Fails where accumulators are read of other signs than the reference's."""
    stored = np.random.default_rng(0).random((9, 2, 3)) < 0.5
    np.testing.assert_array_equal(Bits().silence(stored), stored)
    assert Bits().decode(stored) is None


def test_draw() -> None:
    """Fails where candidates are measured on maps that are all alike, or not the same each time."""
    first, again = (Bits().draw((9, 20, 30), np.random.default_rng(0)) for _ in range(2))
    assert first.dtype == bool
    assert 0.4 < first.mean() < 0.6
    np.testing.assert_array_equal(first, again)


def test_comparison_with_the_devices_own_map() -> None:
    """Fails where a sign is forgiven that is not the one of the map beside it, however near to the threshold."""
    encoding, own = Bits(), np.array([[[1e-9, -1e-9, 0.0, -0.0, np.nan]]], np.float32)
    reference, bound = -own, np.ones_like(own)
    assert encoding.compare(own >= 0, reference, bound, own) == Comparison(0.0, 0)
    assert encoding.compare(reference >= 0, reference, bound, own) == Comparison(0.0, 2)


def test_comparison_without_it() -> None:
    """Fails where rounding may flip more than what is within 1e-5 of what was summed, or a flip beyond is forgiven."""
    encoding = Bits(threshold=np.array([1.0, 0.0], np.float32))
    reference = np.array([[[1 + 2e-5, 1 - 0.5e-5]], [[2e-5, -0.5e-5]]], np.float32)
    bound = np.ones_like(reference)
    right = encoding.encode(reference)
    for channel, x, wrong in ((0, 0, 1), (0, 1, 0), (1, 0, 1), (1, 1, 0)):
        stored = right.copy()
        stored[channel, 0, x] ^= True
        assert encoding.compare(stored, reference, bound, None) == Comparison(0.0, wrong)
        # of larger sums more is rounding
        assert encoding.compare(stored, reference, 4 * bound, None).wrong == 0


# ---- what signs cost ----


def plain() -> Load:
    """A map of which anything may be, -0.0 too."""
    return Load(16, Buffer("r", "r", 16, 8, 64))


def scaled(shift: float) -> ScaleShift:
    """A map, shifted by the same everywhere."""
    return ScaleShift(16, plain(), np.ones(16, np.float32), np.full(16, shift, np.float32))


def hinge() -> HingeAdd:
    """An accumulator, bent."""
    bits = Buffer("x", "x", 16, 8, 64, Bits(), Planes("zero"))
    dot = BinaryDot(16, bits, np.ones((16, 16, 3, 3), bool), Window((3, 3), pads=(1, 1, 1, 1)), 1, 2, 384)
    ones = np.ones(16, np.float32)
    return HingeAdd(16, dot, plain(), ones, ones, ones)


def convolution(bias: float) -> Convolution:
    """A convolution, biased by the same everywhere."""
    weight = np.ones((16, 1, 3, 3), np.float32)
    source = Buffer("x", "x", 1, 8, 64, layout=Planes("zero"))
    return Convolution(16, source, weight, np.full(16, bias, np.float32), Window((3, 3), pads=(1, 1, 1, 1)))


ZERO, ONE, EACH = np.zeros(1, np.float32), np.ones(1, np.float32), np.arange(16, dtype=np.float32)
SIGNS: dict[str, tuple[Expr, np.ndarray, int]] = {
    "a hinge": (hinge(), ZERO, COMPARED_AS_INTEGERS),
    "a shift": (scaled(1), ZERO, COMPARED_AS_INTEGERS),
    "a shift of 0": (scaled(0), ZERO, COMPARED_AS_INTEGERS),
    "a convolution": (convolution(0), ZERO, COMPARED_AS_INTEGERS),
    "thresholds that are all 0": (scaled(1), np.zeros(16, np.float32), COMPARED_AS_INTEGERS),
    "a threshold of -0": (scaled(1), np.full(1, -0.0, np.float32), COMPARED_AS_INTEGERS),
    "a shift of -0": (scaled(-0.0), ZERO, COMPARED_AS_FLOATS),
    "a bias of -0": (convolution(-0.0), ZERO, COMPARED_AS_FLOATS),
    "a map": (plain(), ZERO, COMPARED_AS_FLOATS),
    "a sum": (Add(16, plain(), plain()), ZERO, COMPARED_AS_FLOATS),
    "a hinge above another threshold": (hinge(), ONE, COMPARED_AS_FLOATS),
    "a shift above other thresholds": (scaled(1), EACH, COMPARED_AS_FLOATS),
}


@pytest.mark.parametrize("name", SIGNS)
def test_the_bound_follows_the_kernel(name: str) -> None:
    """Fails where a sign is priced as one comparison and taken by another: of integers where what may be compared is
    never -0.0 and the threshold is zero, else of floats, which take twice the slots."""
    result, threshold, slots = SIGNS[name]
    encoding = Bits(threshold=threshold)
    assert CORTEX_A72.issue == ISSUE
    assert encoding.slots(result, ISSUE) == slots
    stage = Stage.of("case", (), (result,), [Buffer("out", "out", 16, 8, 64, encoding, Planes("zero"))])
    text = build(stage, "kernel", CORTEX_A72, Schedule(2)).func.script()
    by_integers = "2139095040" in text or "0x7f800000" in text.lower()  # the bits of infinity
    assert by_integers == (slots == COMPARED_AS_INTEGERS)
