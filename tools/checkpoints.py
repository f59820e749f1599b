# SPDX-License-Identifier: Apache-2.0
"""Networks in PyTorch by their name or their file, with one line of error for each that is neither. No TVM here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..compile.errors import CompileError
from ..compile.foreign_files import SAFETENSORS, what_it_is
from ..model import NETWORKS
from ..model.config import SHIPPED
from ..model.training.run_files import BEST

if TYPE_CHECKING:
    from ..model.network import BiisNet

DEFAULT = "biisnet"
CHECKPOINT = ".safetensors"
NAMES = f"{', '.join(SHIPPED)}, or a variant (`biisnet variants`)"


def known_checkpoint(name: str) -> str:
    """`name`, if it is a network's or an existing file. Raises CompileError."""
    refuse_run_folder(name)
    if name not in NETWORKS and not Path(name).is_file():
        raise CompileError(f"{name}: no such file or preset; give a {CHECKPOINT} checkpoint or one of {NAMES}")
    return name


def refuse_run_folder(name: str) -> None:
    """Raise CompileError where `name` is a training run's folder, which has its networks in it."""
    if name not in NETWORKS and (Path(name) / BEST).is_file():
        raise CompileError(f"{name}: is a training run's folder; give its network, {Path(name) / BEST}")


def load_checkpoint(path: Path) -> BiisNet:
    """The network in a file, in evaluation mode; needs torch. Raises CompileError."""
    check_checkpoint(path)  # before torch is asked for, which would not help
    with torch_for(str(path)):
        from ..model.weights import load
    try:
        return load(path)
    except (OSError, ValueError) as e:
        raise CompileError(str(e)) from e


def random_network(name: str) -> BiisNet:
    """A network by its name, with random weights; needs torch. Raises CompileError."""
    with torch_for(name):
        from ..model.network import build
    return build(name)


@contextmanager
def torch_for(name: str) -> Iterator[None]:
    """Say what `name` lacks where an import fails. Raises CompileError."""
    try:
        yield
    except ImportError as e:
        raise CompileError(f"{name}: a checkpoint needs {e.name}: pip install '.[train]' (in a clone)") from e


def check_checkpoint(path: Path) -> None:
    """Raise CompileError where a file does not begin as safetensors does: the header's length, uint64, then JSON."""
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = file.read(size) if 2 <= size <= path.stat().st_size - 8 else b""
    except OSError as e:
        raise CompileError(f"{path}: cannot be read: {e.strerror}") from e
    try:
        valid = isinstance(json.loads(header), dict)
    except (RecursionError, ValueError):
        valid = False
    if not valid:
        foreign = what_it_is(path)
        known = foreign and foreign != SAFETENSORS
        raise CompileError(f"{path}: {f'is {foreign}' if known else 'not a safetensors file; give a checkpoint'}")


def check_grey(name: str, channels: int) -> None:
    """Raise CompileError where a model takes other frames than the grey ones that data sets are read as."""
    if channels != 1:
        raise CompileError(
            f"{name}: takes frames of {channels} channels; data sets are read as grey levels, one channel"
        )
