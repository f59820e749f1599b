# SPDX-License-Identifier: Apache-2.0
"""`--precision` and what belongs to it, which every command has that takes a network to use it elsewhere."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..integer import Frames


class Precision(str, Enum):
    """What a network computes in."""

    float32 = "float32"
    int8 = "int8"


PrecisionOption = Annotated[
    Precision,
    typer.Option("--precision", help="int8: in integers, exact on every machine, calibrated without retraining."),
]
ShippedPrecisionOption = Annotated[
    Precision | None,
    typer.Option(
        "--precision",
        help="int8: in integers, exact on every machine, calibrated without retraining.  [default: int8 of the shipped "
        "networks, which come calibrated; float32 of others]",
    ),
]
CalibrateOption = Annotated[
    Path | None,
    typer.Option(
        "--calibrate",
        metavar="DIR",
        help="With int8: a folder of images, as the camera gives them, to choose scales by.  [default: made-up scenes; "
        "the shipped networks are calibrated]",
    ),
]
CalibrateFramesOption = Annotated[
    int | None,
    typer.Option("--calibrate-frames", min=1, metavar="N", help="With int8: how many of them.  [default: 8]"),
]


def shipped_precision(name: str | None) -> Precision:
    """What a network is compiled in where nothing is said."""
    from ..models import integer_file

    return Precision.int8 if integer_file(name) else Precision.float32


def frames_of(precision: Precision, folder: Path | None, count: int | None, levels: str | None = None) -> Frames | None:
    """The frames to calibrate on, their `levels` as a user says them; None for float32. Raises CompileError where
    options do not go together."""
    from ...compile.errors import CompileError
    from .levels_option import parse_levels

    if levels is not None and folder is None:
        raise CompileError("--levels is for the images of --calibrate; give their folder, or leave it out")
    if precision is not Precision.int8:
        for option, value in (("--calibrate", folder), ("--calibrate-frames", count)):
            if value is not None:
                raise CompileError(f"{option} is for --precision int8; float32 needs no calibration")
        return None
    from ..integer import FRAMES, Frames

    return Frames(folder, count or FRAMES, parse_levels(levels))
