# SPDX-License-Identifier: Apache-2.0
"""Stored forms: the ways in which the readers of a map want it stored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tvm
from tvm import relax
from tvm.ir import Expr as RelaxExpr

from ..errors import CompileError
from ..refusals import whole
from ..storage import Bits, Encoding, Float32, Integer, IntegerBits, Margin
from ..storage.integer import CENTRE, is_integer


@dataclass(frozen=True)
class Signs:
    """Packed sign bits, as a binary convolution reads them: groups of channels, thresholds."""

    groups: int
    threshold: tuple[float, ...]


@dataclass(frozen=True)
class StoredForm:
    """A way in which a map is stored: its signs, or else its values."""

    margin: Margin = "none"
    signs: Signs | None = None
    centred: bool = False
    """Whether uint8 values are stored as int8, 128 less."""

    def encoding_of(self, dtype: str) -> Encoding:
        """As a buffer has it, of values of a type. Raises CompileError for those that are never stored."""
        if not is_integer(dtype):
            if self.signs is None:
                return Float32()
            return Bits(self.signs.groups, np.array(self.signs.threshold, np.float32))
        if dtype == "int32":
            raise CompileError(
                "an integer sum that is not requantised (com.biisnet::Requantize) cannot be stored", whole.SUM_STORED
            )
        if self.signs is None:
            return Integer("int8", CENTRE) if self.centred else Integer(dtype)
        return IntegerBits(self.signs.groups, np.array(self.signs.threshold, np.int16))

    @property
    def place(self) -> tuple[str, ...]:
        """Its place among a map's forms."""
        signs = ("bits", self.margin, str(self.signs)) if self.signs else None
        return signs or ("centred" if self.centred else "values", self.margin)


PLAIN = StoredForm()


def operator(value: RelaxExpr) -> str:
    """The name of the operator that is called."""
    return value.op.name if isinstance(value, relax.Call) and isinstance(value.op, tvm.ir.Op) else ""
