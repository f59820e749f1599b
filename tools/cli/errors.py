# SPDX-License-Identifier: Apache-2.0
"""Bad input is one line on standard error and exit code 2."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import typer

from ..doctor import EXTRAS


def one_line(error: BaseException) -> str:
    """The error's message, without line breaks."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}; give another path"
    return " ".join(str(error).split()) or type(error).__name__


def expected_errors() -> tuple[type[BaseException], ...]:
    """What a user can cause; anything else is a defect and shows its traceback."""
    from ...compile.errors import CompileError, VerificationError
    from ...model.errors import InputError
    from ...runtime.errors import BundleError
    from ...runtime.probe import ProbeError
    from ...targets import TargetError
    from ...targets.ssh import BoardError
    from ...targets.toolchain import ToolchainError

    of_devices = (BoardError, ProbeError, TargetError, ToolchainError)
    return (*of_devices, BundleError, CompileError, InputError, OSError, VerificationError)


def reports_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Turn a command's expected errors into one line and exit code 2."""

    @wraps(command)
    def wrapped(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
            return
        except KeyboardInterrupt as e:
            print(f"\n{str(e) or 'interrupted'}", file=sys.stderr)
            raise
        except ImportError as e:
            package = (e.name or str(e)).partition(".")[0].replace("_", "-")
            message = f"{package} is not installed: pip install '.[{EXTRAS.get(package, 'compile')}]' (in a clone)"
        except Exception as e:
            if not isinstance(e, expected_errors()):
                raise
            message = one_line(e)
        fail(message)  # out here, what the traceback kept alive is gone: TVM's remarks on it come before this line

    return wrapped


def fail(message: str) -> None:
    """Say it and leave."""
    print(f"error: {message}", file=sys.stderr)
    raise typer.Exit(2)
