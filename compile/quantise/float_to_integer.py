# SPDX-License-Identifier: Apache-2.0
"""Float network -> integer network: what `--precision int8` does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tvm
from tvm import relax

from ...ops import DOMAIN
from ..errors import CompileError
from ..frontend import OnnxModel, import_onnx
from ..frontend.loader import from_proto
from ..frontend.shapes import input_shape
from ..passes.relax_ops import shape_of
from ..passes.relax_passes import RELAX_PASSES
from ..refusals import integers
from .calibrate import Calibration, Sizes
from .proof import prove
from .structure import find_structure
from .write_onnx import write_onnx

RESIZING = ("biisnet.extend", "biisnet.crop")


def quantise(
    model: OnnxModel, frames: Sequence[npt.NDArray[np.uint8]], say: Callable[[str], None] = lambda _: None
) -> OnnxModel:
    """The integer network of a float one, calibrated on grey frames, uint8 [H, W] or [C, H, W], all of one size.

    The result is exact on every machine: int8 maps, sums that no frame can drive out of 16 bits (`proof.prove`, whose
    summary is said). Equal networks and frames give equal bytes. Raises CompileError, which names the first layer
    without an integer form.
    """
    calibration = calibrate(model, frames)
    for name, share in calibration.saturated.items():
        say(f"note: layer '{name}': {share:.0%} of its counts do not fit a byte and are cut off")
    integer = from_proto(write_onnx(model, calibration), model.path)
    say(prove(integer).summary())
    return integer


def calibrate(model: OnnxModel, frames: Sequence[npt.NDArray[np.uint8]]) -> Calibration:
    """The integer network's maps and their constants, as `quantise` writes them. Raises CompileError."""
    refuse_integer(model)
    size = size_of(frames, model.path)
    check_channels(frames, input_shape(model.proto.graph, size, model.path)[1], model.path)
    if any(node.op_type in ("Pad", "Slice") for node in model.proto.graph.node):
        # where sizes are symbolic, one at which nothing has to be extended would hide what extends
        try:
            module = lowered(model, (size[0] | 1, size[1] | 1))
        except CompileError:
            module = lowered(model, size)
    else:
        module = lowered(model, size)
    structure = find_structure(module, model.path)
    calibration = Calibration(structure, list(frames), sizes_at(model, size))
    calibration.run()
    return calibration


def is_integer(model: OnnxModel) -> bool:
    """Whether a model is an integer network: what its layers do, not what its metadata says, decides."""
    return any(n.domain == DOMAIN and n.op_type == "Requantize" for n in model.proto.graph.node)


def refuse_integer(model: OnnxModel) -> None:
    """Raise CompileError where a model is an integer network, which has nothing left to be calibrated."""
    if is_integer(model):
        raise CompileError(
            f"{model.path}: is an integer network already; leave --precision out, or give the float one",
            integers.ALREADY,
        )


def size_of(frames: Sequence[npt.NDArray[Any]], path: str) -> tuple[int, int]:
    """Height and width of all frames. Raises CompileError where they differ, or are no bytes, or there are none."""
    if not frames:
        raise CompileError(f"{path}: calibration needs at least one frame", integers.FRAMES)
    if any(f.dtype != np.uint8 or f.ndim not in (2, 3) for f in frames):
        raise CompileError(f"{path}: calibration frames are uint8 grey levels [H, W]", integers.FRAMES)
    sizes = {f.shape[-2:] for f in frames}
    if len(sizes) > 1:
        raise CompileError(f"{path}: calibration frames have sizes {sorted(sizes)}; one is supported", integers.FRAMES)
    height, width = sizes.pop()
    return int(height), int(width)


def check_channels(frames: Sequence[npt.NDArray[Any]], channels: int, path: str) -> None:
    """Raise CompileError where frames [H, W] or [C, H, W] have not as many channels as a network takes."""
    found = sorted({1 if f.ndim == 2 else len(f) for f in frames} - {channels})
    if found:
        raise CompileError(
            f"{path}: calibration frames have {found[0]} channels, and it takes {channels}; give uint8 "
            f"{'[H, W]' if channels == 1 else f'[{channels}, H, W]'}",
            integers.FRAMES,
        )


def lowered(model: OnnxModel, size: tuple[int, int]) -> tvm.IRModule:
    """The Relax module of a size, all layers lowered."""
    module = import_onnx(model, size)
    for relax_pass in RELAX_PASSES:
        module = relax_pass(module)
    return module


def sizes_at(model: OnnxModel, size: tuple[int, int]) -> Sizes:
    """The sizes of what layers extend or crop, of frames of a size; those that change nothing are left out."""
    module = import_onnx(model, size)
    names = {str(k): str(v) for k, v in module.attrs["onnx_names"].items()}
    found: dict[str, tuple[int, int]] = {}
    for block in module["main"].body.blocks:
        for b in block.bindings:
            if isinstance(b.value, relax.Call) and str(b.value.op.name) in RESIZING:
                height, width = shape_of(b.var)[2:]
                found[names[str(b.var.name)]] = (height, width)
    return found
