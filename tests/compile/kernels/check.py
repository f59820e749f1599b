# SPDX-License-Identifier: Apache-2.0
"""Compares what a device stored with the numpy meaning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.stages import Stage
from biisnet.compile.kernels import Sigmoid
from biisnet.compile.kernels.reference import evaluate
from biisnet.compile.storage import Bits, Float32

from .device import Case

Array = npt.NDArray
RELATIVE = 1e-6
SMALLEST = 1e-37
"""Below normal numbers, a product and a sum round differently from a fused multiply-add."""


def magnitude(case: Case) -> float:
    """The largest finite value of any of the stage's expressions: rounding errors are relative to it."""
    largest = 0.0
    for e in case.stage.expressions():
        (value,) = evaluate(Stage.of("", (), (e,), case.stage.outputs[:1]), case.maps)
        largest = max(largest, float(np.abs(np.where(np.isfinite(value), value, 0)).max()))
    return largest


def check(case: Case, stored: dict[Buffer, Array], *, exact: bool) -> None:
    """Exactly the reference's numbers (but for Sigmoid, and what lies below normal numbers), or within 1e-6 of
    the largest; bits are those of the stored map, or of the reference where none is stored."""
    with np.errstate(all="ignore"):
        expected = evaluate(case.stage, case.maps)[0]  # a case stores one value in all its forms
        exact = exact and not any(isinstance(e, Sigmoid) for e in case.stage.expressions())
        near = SMALLEST if exact else RELATIVE * magnitude(case) + SMALLEST
        own = next((v for b, v in stored.items() if isinstance(b.encoding, Float32)), None)
        for b, value in stored.items():
            assert value.shape == expected.shape
            if b.encoding.is_whole:
                wrong = value != b.encoding.encode(expected)
            elif isinstance(b.encoding, Float32):
                wrong = ~(
                    (np.abs(value.astype(np.float64) - expected) <= near)
                    | (value == expected)
                    | (np.isnan(value) & np.isnan(expected))
                )
            else:
                assert isinstance(b.encoding, Bits)
                wrong = value != b.encoding.encode(expected if own is None else own)
                if own is None and not exact:
                    wrong &= np.abs(expected - b.encoding.threshold[:, None, None]) > near
            if wrong.any():
                o, y, x = np.argwhere(wrong)[0]
                raise AssertionError(
                    f"{wrong.sum()} of {wrong.size} wrong in {b.name}, first at channel {o}, row {y}, "
                    f"column {x}: {value[o, y, x]!r}, expected {expected[o, y, x]!r}: {case}"
                )


def agree(here: Sequence[dict[Buffer, Array]], there: Sequence[dict[Buffer, Array]]) -> None:
    """Two devices store the same bits (a NaN's payload aside, which IEEE leaves open)."""
    for a, b in zip(here, there, strict=True):
        for (buffer, x), y in zip(a.items(), b.values(), strict=True):
            if isinstance(buffer.encoding, Float32):
                x, y = (np.where(np.isnan(v), np.float32(np.nan), v).view(np.int32) for v in (x, y))
            np.testing.assert_array_equal(x, y, err_msg=repr(buffer))
