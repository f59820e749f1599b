# SPDX-License-Identifier: Apache-2.0
"""A bundle's golden files: a frame, and what the model's outputs must be for it, raw and little-endian."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import BundleError
from .signature import Signature, Tensor

FOLDER = "golden"
SUFFIXES = {"float32": "f32", "uint8": "u8", "uint16": "u16le", "int16": "i16le"}
"""Dtype -> the name of such samples, which `biisnet-run --raw` has for those that a model may take."""


def image_name(signature: Signature) -> str:
    """The frame's path in the bundle: [H, W], of several channels [H, W, C], in the dtype that the model takes."""
    return f"{FOLDER}/image.{SUFFIXES[signature.inputs[0].dtype]}"


def result_names(signature: Signature) -> tuple[str, ...]:
    """The results', one an output, of its shape and dtype. The first, where it is float32, is called a probability,
    whatever it is; the others by their numbers."""
    (first, *others) = signature.outputs
    names = (_what(first), *(f"output{n}" for n in range(2, 2 + len(others))))
    return tuple(f"{FOLDER}/{n}.{SUFFIXES[t.dtype]}" for n, t in zip(names, signature.outputs, strict=True))


def _what(tensor: Tensor) -> str:
    return "probability" if tensor.dtype == "float32" else tensor.meaning


def raw_layout(signature: Signature) -> str:
    """The frame's, for `biisnet-run --raw`."""
    height, width = signature.size
    return f"{height}x{width}:{SUFFIXES[signature.inputs[0].dtype]}"


def image_bytes(image: npt.NDArray[Any]) -> bytes:
    """The frame's file: an image [C, H, W] pixel by pixel, as a camera has it."""
    return np.ascontiguousarray(image.transpose(1, 2, 0)).tobytes()


def image_of(data: bytes, signature: Signature) -> npt.NDArray[Any]:
    """The image [1, C, H, W] in such a file. Raises BundleError where it has another size."""
    source = signature.inputs[0]
    if len(data) != np.dtype(source.dtype).itemsize * int(np.prod(source.shape)):
        raise BundleError(
            f"{image_name(signature)}: has {len(data)} bytes, and is no frame of the model's; copy the bundle again"
        )
    pixels = np.frombuffer(data, source.dtype).reshape(*source.shape[2:], source.shape[1])
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))[None]
