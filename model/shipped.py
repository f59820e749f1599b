# SPDX-License-Identifier: Apache-2.0
"""Trained files that come with the package: `data/<preset>.{onnx,safetensors}`, `data/<preset>-int8.onnx`."""

from pathlib import Path

DATA = Path(__file__).parent / "data"


def shipped_onnx(preset: str = "biisnet") -> Path | None:
    """Path of the preset's exported network (symbolic height and width), or None where none is shipped."""
    return _existing(f"{preset}.onnx")


def shipped_weights(preset: str = "biisnet") -> Path | None:
    """Path of the preset's trained weights, or None where none are shipped."""
    return _existing(f"{preset}.safetensors")


def shipped_integers(preset: str = "biisnet") -> Path | None:
    """Path of the preset's integer network, calibrated on infrared frames, or None where none is shipped."""
    return _existing(f"{preset}-int8.onnx")


def _existing(name: str) -> Path | None:
    path = DATA / name
    return path if path.is_file() else None
