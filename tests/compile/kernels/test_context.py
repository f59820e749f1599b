# SPDX-License-Identifier: Apache-2.0
"""Places and constants: border classes against a list of all places, and the parameter block's layout."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tvm import tirx
from tvm.sym.analyzer import Analyzer

from biisnet.compile.kernels.context import (
    REPLICATE,
    SECTIONS,
    Parameters,
    place_class,
    place_count,
    place_example,
    runs_of,
)
from biisnet.compile.storage.layout import round_up


@pytest.mark.parametrize(
    ("first", "last", "total"),
    [(0, 0, 1), (1, 1, 1), (1, 1, 2), (1, 1, 3), (1, 1, 9), (3, 0, 4), (0, 2, 5), (2, 3, 5), (2, 3, 6), (9, 0, 9)],
)
def test_place_class(first: int, last: int, total: int) -> None:
    """Fails where two border places share a class, or the interior has more than one."""
    if total <= first + last:
        classes = list(range(total))
    else:
        classes = [min(i, first) if i < total - last else first + 1 + i - (total - last) for i in range(total)]
    simplify = Analyzer().simplify
    found = [int(simplify(place_class(tirx.const(i, "int32"), first, last, total))) for i in range(total)]
    assert found == classes
    assert place_count(first, last, total) == len(set(classes))
    for c in set(classes):
        assert classes[place_example(c, first, last, total)] == c


def test_parameters_layout() -> None:
    """Fails where a constant is not at the offset that the kernel was given, or a section is not aligned."""
    parameters = Parameters()
    arrays: list[np.ndarray] = [
        np.arange(3, dtype=np.uint8),
        np.arange(17, dtype=np.float32),
        np.array([[1, -2], [3, 4]], np.int16),
        np.arange(2, dtype=np.float32),
        np.array([200], np.uint8),
    ]
    places = [parameters.add(a) for a in arrays]
    assert places == [0, 0, 0, 17, 3]
    offsets, block = parameters.section_offsets(), parameters.to_bytes()
    assert list(offsets) == [*SECTIONS, "end"]
    assert all(offset % 64 == 0 for offset in offsets.values())
    sizes = [parameters.sizes[s] * np.dtype(s).itemsize for s in SECTIONS]
    starts = dict(zip(SECTIONS, np.cumsum([0, *(round_up(n, 4) for n in sizes)]), strict=False))
    assert len(block) == sum(round_up(n, 4) for n in sizes)
    replicated = dict(zip(SECTIONS, np.diff(list(offsets.values())), strict=True))
    for section, n in zip(SECTIONS, sizes, strict=True):
        assert replicated[section] == round_up(n * REPLICATE[section], 64)
    for array, place in zip(arrays, places, strict=True):
        at = starts[str(array.dtype)] + place * array.itemsize
        np.testing.assert_array_equal(np.frombuffer(block, array.dtype, array.size, at), array.ravel())


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from((1, 2, 30, 255, 256, 257, 600)))))
def test_runs(pieces: list[tuple[int, int]]) -> None:
    """Fails where runs are not the bytes again, or there are more of them than there must be."""
    data = np.concatenate([np.zeros(0, np.uint8), *(np.full(n, value, np.uint8) for value, n in pieces)])
    runs = np.frombuffer(runs_of(data), np.uint8).reshape(-1, 2)
    np.testing.assert_array_equal(np.repeat(runs[:, 1], runs[:, 0].astype(int) + 1), data)
    lengths = [sum(n for _, n in group) for _, group in itertools.groupby(pieces, key=lambda piece: piece[0])]
    assert len(runs) == sum(-(-n // 256) for n in lengths)


def test_no_parameters() -> None:
    """Fails where a stage without constants gets a block."""
    assert Parameters().to_bytes() == b""
    assert Parameters().section_offsets() == dict.fromkeys((*SECTIONS, "end"), 0)
