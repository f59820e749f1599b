# SPDX-License-Identifier: Apache-2.0
"""`--vote` and `--vote-radius`: which of a stream's detections are reported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ...runtime.voting import Vote

VoteOption = Annotated[
    str | None,
    typer.Option(
        "--vote",
        metavar="M/N",
        help="Of a stream: report those targets only that at least M of its last N frames have (3/5).",
    ),
]
VoteRadiusOption = Annotated[
    float | None,
    typer.Option(
        "--vote-radius",
        metavar="PIXELS",
        help="How far away another frame's detection may be and vote for a target.  [default: 5]",
    ),
]


def parse_vote(text: str | None, radius: float | None) -> Vote | None:
    """'3/5' and pixels. Raises CompileError."""
    from ...compile.errors import CompileError
    from ...runtime.voting import RADIUS, Vote

    if text is None:
        if radius is not None:
            raise CompileError(f"--vote-radius {radius:g}: goes with --vote M/N")
        return None
    try:
        return Vote.parse(text, RADIUS if radius is None else radius)
    except ValueError as e:
        raise CompileError(f"--{e}") from e
