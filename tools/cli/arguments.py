# SPDX-License-Identifier: Apache-2.0
"""Options that several commands share."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

MAX_SIDE = 8192

Size = Annotated[str | None, typer.Option("--size", metavar="HxW", help="Height and width of the frames.")]
ModelArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[MODEL]",
        help="An ONNX file, a .safetensors checkpoint or a preset's name; by default the shipped network.",
    ),
]
BundleArgument = Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle's folder or its .tar.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON; everything else goes to standard error.")]
Threads = Annotated[int, typer.Option("--threads", min=1, max=64, help="Threads to run on.")]


def parse_size(text: str | None) -> tuple[int, int] | None:
    """'256x320' -> (256, 320). Raises CompileError."""
    from ...compile.errors import CompileError

    if text is None:
        return None
    match = re.fullmatch(r"([0-9]+)[xX]([0-9]+)", text)
    size = (int(match[1]), int(match[2])) if match else (0, 0)
    if not all(1 <= side <= MAX_SIDE for side in size):
        raise CompileError(f"--size {text}: give HEIGHTxWIDTH, each 1 to {MAX_SIDE}, for example 256x320")
    return size


def say(line: str) -> None:
    """Progress: standard error, so that standard output is the result alone."""
    print(line, file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(value, indent=1, default=str))
