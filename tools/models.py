# SPDX-License-Identifier: Apache-2.0
"""Models as a user may call them: an ONNX file, a checkpoint, a preset's name, or nothing for the shipped one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import onnx

from ..compile.errors import CompileError
from ..compile.frontend import OnnxModel, load_model
from ..compile.frontend.loader import from_proto
from ..model import NETWORKS, shipped_integers, shipped_onnx, shipped_weights
from .checkpoints import (
    CHECKPOINT,
    DEFAULT,
    NAMES,
    known_checkpoint,
    load_checkpoint,
    random_network,
    refuse_run_folder,
)


def resolve_model(name: str | None) -> OnnxModel:
    """The ONNX model behind a name. Raises CompileError where it is nothing of the kind."""
    name = name or DEFAULT
    if name in NETWORKS:
        path = shipped_onnx(name)
        if path is None:
            raise CompileError(
                f"preset '{name}' is not shipped; train it (biisnet train {name} --data DIR), or export it with random "
                f"weights (biisnet export {name} -o {name}.onnx)"
            )
        return replace(load_model(path), path=name)  # what a user is told of is what they called it
    refuse_run_folder(name)
    path = Path(name)
    if not path.exists():
        raise CompileError(
            f"{name}: no such file or preset; give an ONNX file, a {CHECKPOINT} checkpoint, or one of {NAMES}"
        )
    if path.suffix == CHECKPOINT:
        return from_proto(export_checkpoint(name, None), name)
    return load_model(path)


def integer_file(name: str | None) -> Path | None:
    """The file of the integer network that a preset comes with; None for others, and for models that are no preset."""
    name = name or DEFAULT
    return shipped_integers(name) if name in NETWORKS else None


def shipped_in_integers(name: str | None) -> OnnxModel | None:
    """What `integer_file` has, read."""
    path = integer_file(name)
    return replace(load_model(path), path=name or DEFAULT) if path else None


def known_model(name: str, size: tuple[int, int] | None) -> OnnxModel:
    """A float model for `size`, or of symbolic height and width where it is None; ONNX files are as they are. Raises
    CompileError."""
    if size is None or (name not in NETWORKS and Path(name).suffix != CHECKPOINT):
        if name in NETWORKS and shipped_onnx(name) is None:
            return from_proto(export_checkpoint(name, None), name)
        return resolve_model(name)
    return from_proto(export_checkpoint(known_checkpoint(name), size), name)


def export_checkpoint(name: str, size: tuple[int, int] | None) -> onnx.ModelProto:
    """The ONNX model of a checkpoint, or of a preset with its trained weights where they are shipped, else random ones.

    Needs torch. Raises CompileError.
    """
    if name not in NETWORKS:
        network = load_checkpoint(Path(name))
    elif trained := shipped_weights(name):
        network = load_checkpoint(trained)
    else:
        network = random_network(name)
    from ..model.export import export

    try:
        return export(network, size)
    except ValueError as e:
        raise CompileError(str(e)) from e
