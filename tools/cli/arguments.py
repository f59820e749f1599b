# SPDX-License-Identifier: Apache-2.0
"""Options that several commands share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

MAX_SIDE = 8192


def complete_target(incomplete: str) -> list[str]:
    """The devices that a shell offers."""
    from ...targets import TARGETS

    return [name for name in TARGETS if name.startswith(incomplete)]


def complete_network(incomplete: str) -> list[str]:
    """The networks that a shell offers; where none begins so, it offers files."""
    from ...model import NETWORKS

    return [name for name in NETWORKS if name.startswith(incomplete)]


Size = Annotated[str | None, typer.Option("--size", metavar="HxW", help="Height and width of the frames.")]
ModelArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="MODEL",
        help="An ONNX file, a .safetensors checkpoint or a preset's name; by default the shipped network.",
        autocompletion=complete_network,
    ),
]
TargetOption = Annotated[
    str,
    typer.Option(
        "--target", metavar="NAME", help="The device; `biisnet targets` lists them.", autocompletion=complete_target
    ),
]
BundleArgument = Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle's folder or its .tar.")]
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
