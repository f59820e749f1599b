# SPDX-License-Identifier: Apache-2.0
"""Storage: how a map's values are stored (encodings), and where each lies in memory (layouts).

Row kernels ask both for TIR, through the context that they are written in; nothing here imports TVM.
"""

from .bits import Bits
from .encoding import Comparison, Encoding
from .float32 import Float32
from .integer import Integer, is_integer
from .integer_bits import IntegerBits
from .interleaved import Interleaved
from .layout import Dense, Layout, Margin, Planes

__all__ = [
    "Bits",
    "Comparison",
    "Dense",
    "Encoding",
    "Float32",
    "Integer",
    "IntegerBits",
    "Interleaved",
    "Layout",
    "Margin",
    "Planes",
    "is_integer",
]
