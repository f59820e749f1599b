# SPDX-License-Identifier: Apache-2.0
"""Where results are to be written, looked at before they are computed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..compile.errors import CompileError


def check_outputs(files: Sequence[Path], folder: Path | None = None) -> None:
    """Raise CompileError where files, or a folder that may be there already, could not be written."""
    for path in [*files, *([folder] if folder else [])]:
        parent = path.absolute().parent
        if not parent.is_dir():
            raise CompileError(f"{path}: there is no folder {path.parent}; make it, or give another path")
        if not os.access(parent, os.W_OK):
            raise CompileError(f"{path}: cannot be written; give another path")
    for path in files:
        if path.is_dir():
            raise CompileError(f"{path}: is a folder; give a file")
    if folder and folder.exists() and not folder.is_dir():
        raise CompileError(f"{folder}: is a file; give a folder")
