# SPDX-License-Identifier: Apache-2.0
"""Errors are one line on standard error, and an exit code that says of which kind they are."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from functools import wraps
from typing import Any

import typer

from ..doctor import EXTRAS

DISPROVED = 1
"""A proof or a check that failed: the input was read, and what was to be shown of it is not so."""
WRONG_INPUT = 2
"""Input or use: a file, an option, a board, a package that is not there."""
DEFECT = 70
"""EX_SOFTWARE of sysexits.h: biisnet itself is wrong."""


def one_line(error: BaseException) -> str:
    """The error's message, without line breaks."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}; give another path"
    return " ".join(str(error).split()) or type(error).__name__


def exit_codes() -> dict[type[BaseException], int]:
    """The errors that a user can cause, with their exit codes; anything else is a defect."""
    from ...compile.errors import CompileError, VerificationError
    from ...model.errors import InputError
    from ...runtime.errors import BundleError
    from ...runtime.probe import ProbeError
    from ...targets import TargetError
    from ...targets.ssh import BoardError
    from ...targets.toolchain import ToolchainError

    of_devices = (BoardError, ProbeError, TargetError, ToolchainError)
    wrong = (*of_devices, BundleError, CompileError, InputError, OSError)
    return {VerificationError: DISPROVED, **dict.fromkeys(wrong, WRONG_INPUT)}


def explain(error: Exception) -> tuple[str, int]:
    """The line about an error, and the exit code."""
    if isinstance(error, ImportError):
        package = (error.name or str(error)).partition(".")[0].replace("_", "-")
        extra = EXTRAS.get(package, "compile")
        return f"{package} is not installed: pip install '.[{extra}]' (in a clone)", WRONG_INPUT
    for kind, code in exit_codes().items():
        if isinstance(error, kind):
            return one_line(error), code
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{type(error).__name__} in {frame.name}, {frame.filename}:{frame.lineno}"
    return f"a defect of biisnet: {one_line(error)} ({where}); --verbose shows its way, please report it", DEFECT


def guard(command: Callable[[], None], verbose: bool = False) -> None:
    """Run a command; its error is one line, after the traceback where it is `verbose`, and raises typer.Exit."""
    try:
        command()
        return
    except KeyboardInterrupt as e:
        print(f"\n{str(e) or 'interrupted'}", file=sys.stderr)
        raise
    except typer.Exit:
        raise
    except Exception as e:
        if verbose:
            traceback.print_exc()
        message, code = explain(e)
    # out here, what the traceback kept alive is gone: TVM's remarks on it come before this line
    print(f"error: {message}", file=sys.stderr)
    raise typer.Exit(code)


def reports_errors(command: Callable[..., None]) -> Callable[..., None]:
    """The command, under `guard`."""

    @wraps(command)
    def wrapped(*arguments: Any, **options: Any) -> None:
        guard(lambda: command(*arguments, **options))

    return wrapped
