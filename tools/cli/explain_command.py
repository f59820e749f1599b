# SPDX-License-Identifier: Apache-2.0
"""`biisnet explain [CODE]`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from .terminal import Terminal


def complete_code(incomplete: str) -> list[str]:
    """The codes that a shell offers."""
    from ...compile.refusals import REFUSALS

    return [code for code in REFUSALS if code.startswith(incomplete.upper())]


def explain(
    code: Annotated[
        str | None,
        typer.Argument(
            metavar="CODE",
            help="The last word of a refusal's line; without it all are listed.",
            autocompletion=complete_code,
        ),
    ] = None,
    *,
    terminal: Terminal,
) -> None:
    """Say what the code of a refusal means: why, what is supported, and the ways out."""
    from ...compile.refusals import REFUSALS
    from ..explain import find_refusal, list_of_all, page

    if code is None:
        terminal.show([asdict(refusal) for refusal in REFUSALS.values()], list_of_all())
        return
    found = find_refusal(code)
    terminal.show(asdict(found), page(found))
