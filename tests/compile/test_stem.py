# SPDX-License-Identifier: Apache-2.0
"""The stem of a ResNet compiles, and its machine code computes what ONNX Runtime does: margins and rows above and below
are part of that, which a kind's meaning in numpy does not see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from biisnet.compile.frontend.loader import from_proto
from biisnet.compile.pipeline import compile_model
from biisnet.ops import DOMAIN, pack_weights
from biisnet.targets import resolve

from .frontend.models import model_of, node

POOL = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}
SIZES = [(33, 62), (64, 67)]


@pytest.mark.parametrize("size", SIZES)
def test_host(size: tuple[int, int], tmp_path: Path) -> None:
    """Fails where padding counts among numbers that are all below zero."""
    check_stem("host", size, tmp_path)


@pytest.mark.emulator
@pytest.mark.parametrize("size", SIZES)
def test_emulated(size: tuple[int, int], emulated: None, tmp_path: Path) -> None:
    """Fails where the board's code does not do as this machine's."""
    check_stem("rpi4", size, tmp_path)


def check_stem(target: str, size: tuple[int, int], tmp_path: Path) -> None:
    """The pooled map is read with zeros around it and with its border repeated, the image without either."""
    rng = np.random.default_rng(0)
    weights = {n: rng.normal(0, 0.01, s).astype(np.float32) for n, s in (("w", (8, 1, 7, 7)), ("v", (8, 8, 3, 3)))}
    nodes = [
        node("MaxPool", "x", output="image", kernel_shape=[2, 2], strides=[1, 1]),
        node("Conv", "image", "w", "b", output="conv", strides=[2, 2], pads=[3, 3, 3, 3]),
        node("MaxPool", "conv", output="pool", **POOL),
        node("Conv", "pool", "v", output="block", pads=[1, 1, 1, 1]),
        node("Add", "block", "pool", output="sum"),
        node("MaxPool", "pool", output="wide", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("Add", "wide", "sum", output="both"),
        node("MaxPool", "both", **POOL),
    ]
    proto = model_of(nodes, {**weights, "b": np.full(8, -200, np.float32)}, (1, 1, "h", "w"))
    model, output = from_proto(proto, "net.onnx"), tmp_path / "net"
    verified = compile_model(model, size, resolve(target), output, say=print, allow_float=True).verified
    assert verified.stages >= 5
    assert verified.stage_error < 1e-6
    assert verified.mask_pixels_differing == 0


@pytest.mark.emulator
def test_shortcut(emulated: None, tmp_path: Path) -> None:
    """Fails where a pooled shortcut hides a binary convolution's accumulators from the proof."""
    rng = np.random.default_rng(0)
    levels = np.array([-1, 1], np.float32)
    binary = {
        "w": pack_weights(rng.random((8, 8, 3, 3)) < 0.5),
        "scale": np.ones(8, np.float32),
        "offset": np.zeros(8, np.float32),
        "a": levels,
        "l": levels[None],
        "t": np.zeros(1, np.float32),
    }
    same = {"strides": [2, 2], "pads": [1, 1, 1, 1]}
    nodes = [
        node("Conv", "x", "stem", output="conv", pads=[1, 1, 1, 1]),
        node("BinaryConv2d", "conv", *binary, output="dot", domain=DOMAIN, channels=8, **same),
        node("MaxPool", "conv", output="pool", **POOL),
        node("Add", "dot", "pool"),
    ]
    proto = model_of(nodes, {**binary, "stem": rng.normal(0, 0.01, (8, 1, 3, 3)).astype(np.float32)}, (1, 1, "h", "w"))
    model = from_proto(proto, "net.onnx")
    verified = compile_model(model, (33, 62), resolve("rpi4"), tmp_path / "net", say=print).verified
    assert verified.accumulators == 8 * 17 * 31
