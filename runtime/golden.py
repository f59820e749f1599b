# SPDX-License-Identifier: Apache-2.0
"""A bundle's golden files: a frame, and what the model's first output must be for it, raw and little-endian."""

from __future__ import annotations

from .signature import Signature, Tensor

FOLDER = "golden"
SUFFIXES = {"float32": "f32", "uint8": "u8", "uint16": "u16le", "int16": "i16le"}
"""Dtype -> the name of such samples, which `biisnet-run --raw` has for those that a model may take."""


def image_name(signature: Signature) -> str:
    """The frame's path in the bundle: [C, H, W] in the dtype that the model takes."""
    return f"{FOLDER}/image.{SUFFIXES[signature.inputs[0].dtype]}"


def result_name(signature: Signature) -> str:
    """The result's: of the output's shape and dtype. One in float32 is called a probability, whatever it is."""
    (first, *_) = signature.outputs
    return f"{FOLDER}/{_what(first)}.{SUFFIXES[first.dtype]}"


def _what(tensor: Tensor) -> str:
    return "probability" if tensor.dtype == "float32" else tensor.meaning


def raw_layout(signature: Signature) -> str:
    """The frame's, for `biisnet-run --raw`."""
    height, width = signature.size
    return f"{height}x{width}:{SUFFIXES[signature.inputs[0].dtype]}"
