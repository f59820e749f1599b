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

from .elementary import exponential
from .signature import LOGIT, Signature, Tensor

F32 = npt.NDArray[np.float32]
Values = npt.NDArray[Any]


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
