# SPDX-License-Identifier: Apache-2.0
"""An output's values -> probabilities, and the value that stands for a threshold; runner/answer.c is the same, bit for
bit. numpy only.

    logit:        probability = 1 / (1 + exp(-scale * value))
    probability:  probability = scale * value,  or the value itself where it is float32

in float64, rounded to float32. A threshold of probabilities becomes one of values, once: the greatest value whose
probability is not above it, so that both say the same of every pixel. Of 0.5 and a logit that is 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from .signature import LOGIT, Signature, Tensor

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Values = npt.NDArray[Any]
LN2_HIGH, LN2_LOW, LOG2_E = 6.93147180369123816490e-01, 1.90821492927058770002e-10, 1.44269504088896338700e00
"""The logarithm of 2 in two parts: of the first, multiples up to 2^11 are exact. (Cody and Waite, Software Manual for
the Elementary Functions, 1980.)"""
TERMS, LARGEST = 14, 700.0


def exponential(x: F64) -> F64:
    """exp(x), by additions, multiplications and divisions alone, in an order that answer.c has, too: libraries' own
    differ in the last bit. x = k ln 2 + r, |r| <= ln 2 / 2; the series of exp(r) by Horner's rule, to below 1e-18."""
    x = np.clip(x, -LARGEST, LARGEST)
    k = np.rint(x * LOG2_E)
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    total = np.ones_like(r)
    for n in range(TERMS, 0, -1):
        total = 1 + r / n * total
    result: F64 = np.ldexp(total, k.astype(np.int32))
    return result


@dataclass(frozen=True)
class Answer:
    """The reading of one output: a probability or a logit (`Tensor.is_answer`)."""

    tensor: Tensor

    @cached_property
    def table(self) -> F32:
        """The probability of each value of an integer type, in the order of the values."""
        assert self.tensor.scale is not None
        kind = np.iinfo(self.tensor.dtype)
        meant = self.tensor.scale * np.arange(kind.min, kind.max + 1, dtype=np.float64)
        return (1 / (1 + exponential(-meant)) if self.tensor.meaning == LOGIT else meant).astype(np.float32)

    @property
    def is_float(self) -> bool:
        """Whether values are the probabilities themselves."""
        return self.tensor.dtype == "float32"

    def probability(self, values: Values) -> F32:
        """float32 probabilities of values in the output's dtype, any shape; the same array where they are such."""
        if values.dtype != self.tensor.dtype:
            raise TypeError(f"values: have dtype {values.dtype}; the output has {self.tensor.dtype}")
        if self.is_float:
            return values
        return np.take(self.table, values.astype(np.int64) - np.iinfo(self.tensor.dtype).min)

    def threshold(self, probability: float) -> float:
        """The value that stands for a threshold: its probability, and no greater value's, is at most `probability`."""
        if self.is_float:
            return probability
        count = np.searchsorted(self.table, np.float32(probability), side="right")
        return float(np.iinfo(self.tensor.dtype).min + count - 1)


def own_threshold(signature: Signature) -> float | None:
    """A detection's threshold as a value of its output, which is what the library is told; None of other tasks."""
    if signature.threshold is None:
        return None
    return Answer(signature.outputs[0]).threshold(signature.threshold)
