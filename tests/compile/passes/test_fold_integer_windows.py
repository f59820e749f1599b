# SPDX-License-Identifier: Apache-2.0
"""fold_integer_windows: a binary convolution of a map beside itself reads the map once, and counts the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from tvm import relax

from biisnet.compile.frontend import import_onnx
from biisnet.compile.frontend.loader import from_proto
from biisnet.compile.passes.fold_integer_windows import fold_integer_windows
from biisnet.compile.passes.rewrite import counts, misses
from biisnet.compile.pipeline import compile_model
from biisnet.ops import DOMAIN, INTEGER_VERSION
from biisnet.targets import resolve

from ..frontend.models import compiled, model_of, node, onnx_runtime

PASS, CHANNELS = "fold_integer_windows", 8


def beside_itself(copies: int, group: int, thresholds: np.ndarray | None = None) -> onnx.ModelProto:
    """A map of 8 channels several times in a row, and a binary convolution of it in groups."""
    rng = np.random.default_rng(copies * 16 + group)
    constants = {
        "w": rng.integers(-3, 4, (CHANNELS, 1, 3, 3)).astype(np.int8),
        "b": rng.integers(-99, 99, CHANNELS).astype(np.int32),
        "v": rng.choice(np.int8([-1, 1]), (2 * group, copies * CHANNELS // group, 3, 3)),
        "t": np.tile(rng.integers(-40, 40, CHANNELS), copies).astype(np.int16) if thresholds is None else thresholds,
        "one": np.ones(2 * group, np.int8),
        "zero": np.zeros(2 * group, np.int8),
        "none": np.zeros(2 * group, np.int32),
    }
    nodes = [
        node("ConvInteger", "x", "w", output="sums", pads=[1, 1, 1, 1]),
        node("Requantize", "sums", "b", output="map", domain=DOMAIN, shift=4),
        node("Concat", *["map"] * copies, output="beside", axis=1),
        node("IntegerBinaryConv2d", *("beside", "v", "t"), output="counts", domain=DOMAIN, group=group),
        node("IntegerHinge", "counts", "one", "zero", "zero", output="same", domain=DOMAIN),
        node("Requantize", "same", "none", domain=DOMAIN, to=TensorProto.INT16),
    ]
    proto = model_of(nodes, constants, (1, 1, 6, 10), kind=TensorProto.UINT8)
    proto.opset_import[1].version = INTEGER_VERSION
    proto.graph.output[0].type.tensor_type.elem_type = TensorProto.INT16
    return proto


def folded(proto: onnx.ModelProto) -> tuple[int, dict[str, str], list[tuple[int, int]]]:
    """How often the pass fired, why not, and the groups and tiles of binary convolutions then."""
    module = fold_integer_windows(import_onnx(from_proto(proto, "net.onnx"), None))
    calls = [b.value for block in module["main"].body.blocks for b in block.bindings]
    dots = [c.attrs for c in calls if isinstance(c, relax.Call) and c.op.name == "biisnet.integer_dot"]
    return counts(module)[PASS], misses(module)[PASS], [(int(a["group"]), int(a["tile"])) for a in dots]


@pytest.mark.parametrize(
    ("copies", "group", "tile"), [(2, 1, 2), (3, 1, 3), (2, 2, 1), (4, 2, 2), (2, 4, None), (3, 2, None), (3, 6, None)]
)
def test_same_counts(copies: int, group: int, tile: int | None) -> None:
    """Fails where a group reads other channels of the map than it did of the maps side by side, or a right fold is
    left out."""
    proto = beside_itself(copies, group)
    fired, why, dots = folded(proto)
    assert (fired, dots) == ((0, [(group, 1)]) if tile is None else (1, [(1, tile)]))
    assert list(why.values()) == ([] if tile else ["a group does not read whole copies of the map"])
    image = np.random.default_rng(0).integers(0, 256, (1, 6, 10), np.uint8)
    (expected,), (found,) = onnx_runtime(proto, image), compiled(proto, image)
    assert len(np.unique(expected)) > 10
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("copies", "group"), [(4, 2), (2, 4)])
def test_kernels(copies: int, group: int, tmp_path: Path) -> None:
    """Fails where the kernel, which is compared with ONNX Runtime stage by stage, counts other channels."""
    model = from_proto(beside_itself(copies, group), "net.onnx")
    verified = compile_model(model, None, resolve("host"), tmp_path / "b", say=lambda _: None).verified
    assert verified.whole_values > verified.mask_pixels > 0
    assert "3 stages equal, " in verified.summary()


def test_copies_with_different_thresholds() -> None:
    """Fails where the bits of one copy are taken for those of another."""
    fired, why, dots = folded(beside_itself(2, 2, np.repeat(np.int16([3, 4]), CHANNELS)))
    assert (fired, list(why.values()), dots) == (0, ["the copies of a map have different thresholds"], [(2, 1)])
