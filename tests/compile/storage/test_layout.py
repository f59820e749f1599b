# SPDX-License-Identifier: Apache-2.0
"""Layouts: every element has one place, and is found there again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.storage import Bits, Dense, Float32, Interleaved, Margin, Planes
from biisnet.compile.storage.layout import round_up

from .maps import EDGES, MARGINS, Array, buffers

LAW = settings(max_examples=150, deadline=None)


def elements(b: Buffer, memory: bytes) -> Array:
    """The memory's elements, flat."""
    return np.frombuffer(memory, b.encoding.element)


def place(b: Buffer, plane: int, y: int, x: int) -> int:
    """The element of a map's memory that a kernel of row y finds by `at`: it is given the row's start, or, where planes
    are whole maps, the row of plane 0."""
    return y * b.row_bytes // b.encoding.itemsize + b.layout.at(b, plane, x)


@LAW
@given(case=buffers())
def test_memory_round_trip(case: tuple[Buffer, Array]) -> None:
    """Fails where a stored map is not found again, for any encoding, group, margin and width."""
    b, stored = case
    memory = b.to_memory(stored)
    assert len(memory) == b.map_bytes
    found = b.from_memory(memory)
    assert found.dtype == stored.dtype
    np.testing.assert_array_equal(found, stored)


@LAW
@given(case=buffers())
def test_elements_lie_where_kernels_look(case: tuple[Buffer, Array]) -> None:
    """Fails where `at`, which kernels address rows by, is not where `to_memory` puts an element."""
    b, stored = case
    planes, memory = b.encoding.pack(stored), elements(b, b.to_memory(stored))
    assert planes.shape == (b.planes, b.height, b.width)
    index = np.array([[[place(b, p, y, x) for x in range(b.width)] for y in range(b.height)] for p in range(b.planes)])
    assert len(np.unique(index)) == index.size
    np.testing.assert_array_equal(memory[index], planes)
    assert b.layout.defined(b)[index].all()


@LAW
@given(case=buffers())
def test_vectors_lie_strides_apart(case: tuple[Buffer, Array]) -> None:
    """Fails where `strides`, by which vectors of columns and of planes are addressed, are not those of `at`."""
    b, _ = case
    column, plane = b.layout.strides(b)
    block = b.layout.block_of(b) if isinstance(b.layout, Interleaved) else b.planes
    for p, x in ((0, 0), (b.planes - 1, b.width - 1)):
        assert [b.layout.at(b, p, n) - b.layout.at(b, p, 0) for n in range(x + 1)] == [n * column for n in range(x + 1)]
        assert b.layout.at(b, p, x, 1) - b.layout.at(b, p, x) == column
        first = p // block * block
        at = [b.layout.at(b, first + n, x) - b.layout.at(b, first, x) for n in range(block)]
        assert at == [n * plane for n in range(block)]


@LAW
@given(case=buffers())
def test_columns_beside_a_row_are_zero(case: tuple[Buffer, Array]) -> None:
    """Fails where a window that looks left or right of an interleaved row finds anything."""
    b, stored = case
    if not isinstance(b.layout, Interleaved):
        return
    rows = elements(b, b.to_memory(stored)).reshape(b.height, b.planes // b.layout.block_of(b), b.layout.columns(b), -1)
    assert b.layout.columns(b) >= b.layout.left + max(b.width + b.layout.right, round_up(b.width, b.layout.lanes))
    assert not rows[:, :, : b.layout.left].any()
    assert not rows[:, :, b.layout.left + b.width :].any()
    assert b.layout.is_padded == (b.layout.lanes > 1)


@LAW
@given(case=buffers())
def test_what_is_defined_follows_from_the_map(case: tuple[Buffer, Array]) -> None:
    """Fails where verification would compare what a kernel need not write, or overlook what windows read."""
    b, stored = case
    memory, defined = elements(b, b.to_memory(stored)), b.layout.defined(b)
    assert defined.shape == memory.shape
    assert defined.dtype == bool
    if isinstance(b.layout, Dense):
        assert defined.all()
        return
    if isinstance(b.layout, Interleaved):
        block, wanted = b.layout.block_of(b), b.layout.left + b.width + b.layout.right
        rows = defined.reshape(b.height, b.planes // block, -1)
        assert (rows.sum(axis=2) == wanted * block).all()
    else:
        assert isinstance(b.layout, Planes)
        rows = defined.reshape(b.height, b.planes, -1)
        assert (rows.sum(axis=2) == b.width + 2 * b.layout.origin).all()
    assert not (np.diff(rows.astype(int), axis=2) > 0).any()  # none behind one that is not
    # whatever lies elsewhere, the map is found again
    noise = np.random.default_rng(0).integers(0, 256, memory.nbytes, np.uint8).view(memory.dtype)
    np.testing.assert_array_equal(b.from_memory(np.where(defined, memory, noise).tobytes()), stored)


@LAW
@given(case=buffers())
def test_margins(case: tuple[Buffer, Array]) -> None:
    """Fails where what a window reads left or right of a row is not zero, or not the border repeated."""
    b, stored = case
    if not isinstance(b.layout, Planes):
        return
    planes, origin = b.encoding.pack(stored), b.layout.origin
    assert origin == (0 if b.layout.margin == "none" else b.layout.lanes)
    rows = elements(b, b.to_memory(stored)).reshape(b.height, b.planes, -1).transpose(1, 0, 2)
    for dx in range(1, origin + 1):
        left, right = (rows[:, :, b.layout.at(b, 0, x, d)] for x, d in ((0, -dx), (b.width - 1, dx)))
        edge = b.layout.margin == "edge"
        np.testing.assert_array_equal(left, planes[:, :, 0] if edge else np.zeros_like(left))
        np.testing.assert_array_equal(right, planes[:, :, -1] if edge else np.zeros_like(right))


@pytest.mark.parametrize("margin", MARGINS)
@pytest.mark.parametrize("width", EDGES)
def test_whole_vectors_fit(width: int, margin: Margin) -> None:
    """Fails where the last vector of a row reaches into the next plane, or a row has room that nothing needs."""
    b = Buffer("map", "value", 3, 2, width, layout=Planes(margin))
    assert isinstance(b.layout, Planes)
    stride = b.layout.plane_stride(b)
    vectors = -(-width // 16)
    assert b.layout.at(b, 0, 16 * vectors) <= b.layout.at(b, 1, 0) - b.layout.origin
    assert stride == 16 * vectors + 2 * b.layout.origin
    assert b.row_bytes == 3 * stride * 4
    assert b.map_bytes == 2 * b.row_bytes
    assert b.layout.is_padded
    assert [b.layout.at(b, p, x, dx) for p, x, dx in ((0, 0, 0), (1, 0, 0), (1, 2, -1))] == [
        b.layout.origin,
        stride + b.layout.origin,
        stride + b.layout.origin + 1,
    ]


def test_layout_of_bits() -> None:
    """Fails where bit i of plane j of a group is not channel 8j+i of the group."""
    value = np.zeros((18, 1, 2), bool)
    value[8, 0, 1] = value[9, 0, 0] = value[17, 0, 0] = True  # with 2 groups: channel 8 of 0, channels 0 and 8 of 1
    buffer = Buffer("b", "b", 18, 1, 2, Bits(2), Planes("zero"))
    rows = elements(buffer, buffer.to_memory(value)).reshape(1, 4, 48)
    np.testing.assert_array_equal(rows[0, :, 16:18], [[0, 0], [0, 1], [1, 0], [1, 0]])
    assert not rows[0, :, :16].any()
    assert not rows[0, :, 18:].any()


def test_edge_margin() -> None:
    """Fails where what interpolation reads past the border is not the border."""
    buffer = Buffer("b", "b", 1, 2, 3, layout=Planes("edge"))
    rows = elements(buffer, buffer.to_memory(np.array([[[1, 2, 3], [4, 5, 6]]], np.float32))).reshape(2, 48)
    np.testing.assert_array_equal(rows[:, [0, 15, 16, 18, 19, 34]], [[1, 1, 1, 3, 3, 3], [4, 4, 4, 6, 6, 6]])


def test_the_users_maps_are_dense() -> None:
    """Fails where a tensor of the user's gets margins, or is not [channel][row][column]."""
    b = Buffer("x", "x", 2, 3, 5, layout=Planes("edge"), external=0)
    assert b.layout == Dense()
    assert not b.layout.is_padded
    assert (b.row_bytes, b.map_bytes) == (5 * 4, 2 * 3 * 5 * 4)
    value = np.arange(30, dtype=np.float32).reshape(2, 3, 5)
    assert b.to_memory(value) == value.tobytes()
    assert b.to_memory(value[:, :, ::-1]) == value[:, :, ::-1].copy().tobytes()
    assert b.layout.at(b, 1, 2, -1) == 15 + 1


def test_defaults() -> None:
    """Fails where a map is anything but plain numbers without a margin, unless that is asked for."""
    b = Buffer("x", "x", 2, 3, 5)
    assert isinstance(b.encoding, Float32)
    assert b.encoding.is_plain
    assert b.layout == Planes("none", 16)


@given(n=st.integers(0, 1000), multiple=st.integers(1, 100))
def test_round_up(n: int, multiple: int) -> None:
    found = round_up(n, multiple)
    assert found % multiple == 0
    assert n <= found < n + multiple
