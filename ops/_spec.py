# SPDX-License-Identifier: Apache-2.0
"""Parts of every custom operator: a name, an ONNX function body and a numpy meaning."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from onnx import FunctionProto
from onnx.parser import parse_function

DOMAIN = "com.biisnet"
VERSION = 1
"""The version that files of float32 networks import."""
INTEGER_VERSION = 2
"""The version that files of integer networks import: those of version 1 are in it, unchanged."""
OPSET = 18
"""The version of the standard ONNX operators that the function bodies use."""


@dataclass(frozen=True)
class Op:
    """One operator of domain `com.biisnet`.

    `text` is the signature and body in ONNX's textual syntax; `reference` takes the same inputs in the same
    order as numpy arrays, and the attributes as keywords, and returns the output. `since` is the version of the domain
    in which it came.
    """

    name: str
    text: str
    reference: Callable[..., np.ndarray]
    since: int = VERSION

    def function(self) -> FunctionProto:
        """Return a new FunctionProto of the op: standard operators of opset 18 only."""
        header = f'<domain: "{DOMAIN}", opset_import: ["" : {OPSET}]>'
        return parse_function(f"{header}\n{self.name} {self.text}")


def per_channel(values: np.ndarray) -> np.ndarray:
    """[C] (or [1]) to [C, 1, 1], which broadcasts over [N, C, H, W]."""
    return np.asarray(values, dtype=np.float32).reshape(-1, 1, 1)


def integer_per_channel(values: np.ndarray) -> np.ndarray:
    """[C] (or [1]) integers to int32 [C, 1, 1], which broadcasts over [N, C, H, W]."""
    return np.asarray(values).astype(np.int32).reshape(-1, 1, 1)


def saturate(values: np.ndarray, dtype: type[np.signedinteger]) -> np.ndarray:
    """Integers as a narrower type: what is out of its range becomes the nearest that is in it."""
    info = np.iinfo(dtype)
    return np.clip(values, info.min, info.max).astype(dtype)
