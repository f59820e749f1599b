# SPDX-License-Identifier: Apache-2.0
"""Options by which a user says of a network what its file does not: its task, its threshold, what makes its scores, how
pixels were normalised, and what Sign(0) is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ...compile.frontend.prepare import Normalisation

TaskOption = Annotated[
    str | None,
    typer.Option(
        "--task",
        metavar="NAME",
        help="detection, segmentation, classification or map, where the file does not say it and its shapes mislead.",
    ),
]
ThresholdOption = Annotated[
    float | None,
    typer.Option(
        "--threshold",
        metavar="P",
        help="Of a detection: the probability above which a pixel is a target, as `biisnet eval --fa-budget` finds "
        "it.  [default: the file's, else 0.5]",
    ),
]
ScoresOption = Annotated[
    str | None,
    typer.Option(
        "--scores",
        metavar="SLOPE,OFFSET",
        help="Of a detection: what makes a score of its highest probability, as `biisnet eval --fit-scores` finds it.  "
        "[default: the file's, else the probability itself]",
    ),
]
MeanOption = Annotated[
    str | None,
    typer.Option("--mean", metavar="M,...", help="Subtract it from pixels, of each channel; of pixels 0..1 or 0..255."),
]
StdOption = Annotated[
    str | None, typer.Option("--std", metavar="S,...", help="Then divide them by it; in the same unit as --mean.")
]


SignOfZeroOption = Annotated[
    str | None,
    typer.Option(
        "--sign-of-zero",
        metavar="SIGN",
        help="Take Sign(0), which is 0 in ONNX and costs a second convolution, as +1 or -1.",
    ),
]


def parse_sign(text: str | None) -> int | None:
    """'+1' -> 1. Raises CompileError."""
    from ...compile.errors import CompileError

    if text is None:
        return None
    if text not in ("+1", "1", "-1"):
        raise CompileError(f"--sign-of-zero {text}: give +1 or -1")
    return int(text)


def normalisation_of(mean: str | None, std: str | None) -> Normalisation | None:
    """The normalisation of two options; None where neither is given. Raises CompileError."""
    from ...compile.frontend.prepare import Normalisation

    if mean is None and std is None:
        return None
    return Normalisation.of(numbers("--mean", mean), numbers("--std", std))


def numbers(option: str, text: str | None) -> tuple[float, ...]:
    """'0.485,0.456' -> (0.485, 0.456). Raises CompileError."""
    from ...compile.errors import CompileError

    if text is None:
        return ()
    try:
        return tuple(map(float, text.split(",")))
    except ValueError:
        raise CompileError(f"{option} {text}: give a number, or one for each channel with commas between") from None
