# SPDX-License-Identifier: Apache-2.0
"""`--levels`, which every command has that reads frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ...runtime.levels import Levels

LevelsOption = Annotated[
    str | None,
    typer.Option(
        "--levels",
        metavar="LOW:HIGH",
        help="What is black and what white, in the sensor's own counts (7000:9000) or as percentiles of each frame "
        "(1%:99%).  [default: as the file's depth says]",
    ),
]


def parse_levels(text: str | None) -> Levels | None:
    """'7000:9000' or '1%:99%'. Raises CompileError."""
    from ...compile.errors import CompileError
    from ...runtime.levels import Levels

    try:
        return None if text is None else Levels.parse(text)
    except ValueError as e:
        raise CompileError(f"--{e}") from e
