# SPDX-License-Identifier: Apache-2.0
"""The common ground of all commands: `--json`, `--quiet`, `--verbose`, their usage line, their errors."""

from __future__ import annotations

import inspect
import platform
import resource
import sys
import time
from collections.abc import Callable
from importlib import metadata
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from .errors import WRONG_INPUT, guard
from .terminal import Terminal

SETTINGS = {"help_option_names": ["-h", "--help"]}
UsageError: Any = typer.BadParameter.__bases__[0]  # of click, which later typers carry under another name
PACKAGES = ("biisnet", "numpy", "onnx", "onnxruntime", "apache-tvm", "ziglang", "torch")
"""Packages whose versions a report of a defect needs."""
COMMON = {
    "json_": Annotated[
        bool, typer.Option("--json", help="Print the result as JSON; everything else goes to standard error.")
    ],
    "quiet": Annotated[bool, typer.Option("-q", "--quiet", help="No progress: the result, warnings and errors alone.")],
    "verbose": Annotated[
        bool, typer.Option("-v", "--verbose", help="Versions, options and time too, and where an error comes from.")
    ],
}


def as_command(function: Callable[..., None]) -> Callable[..., None]:
    """A function of options and a `terminal` -> what typer takes: the options of `COMMON` in place of the terminal."""

    def command(json_: bool, quiet: bool, verbose: bool, **options: Any) -> None:
        terminal = Terminal(json_, quiet, verbose)
        guard(lambda: run(function, terminal, options), verbose and not quiet)

    # not get_type_hints: on Python 3.10 it wraps what defaults to None in an Optional, which hides typer's own words
    asked = inspect.signature(function, eval_str=True).parameters.values()
    own = [p for p in asked if p.name != "terminal"]
    hints = {**{p.name: p.annotation for p in own}, **COMMON}
    common = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False) for name in COMMON]
    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[p.name]) for p in [*own, *common]]
    command.__name__, command.__doc__, command.__annotations__ = function.__name__, function.__doc__, hints
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return command


def run(function: Callable[..., None], terminal: Terminal, options: dict[str, Any]) -> None:
    """Call it; what it was called with, and what it took, are details. Raises what it raises."""
    from ...compile.errors import CompileError

    if terminal.quiet and terminal.verbose:
        raise CompileError("--quiet and --verbose: give one of them")
    started = time.monotonic()
    if terminal.verbose:
        terminal.detail(f"versions {versions()}")
        for name, value in options.items():
            terminal.detail(f"option   {name.rstrip('_')} {value}")
    try:
        function(terminal=terminal, **options)
    finally:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # KiB on Linux
        terminal.detail(f"took     {time.monotonic() - started:.1f} s, peak memory {peak:.0f} MiB")


def versions() -> str:
    """The versions of Python and of the packages that are installed."""
    installed = {d.name: d.version for d in metadata.distributions() if d.name in PACKAGES}
    found = [f"{name} {installed[name]}" for name in PACKAGES if name in installed]
    return ", ".join([*found, f"Python {platform.python_version()}", f"{platform.system()} {platform.machine()}"])


def usage_pieces(command: Any) -> list[str]:
    """The words after a command's name: `[OPTIONS] BUNDLE [BOARD]`."""
    pieces = [command.options_metavar] if command.options_metavar else []
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            name = (parameter.metavar or parameter.name.upper()) + ("..." if parameter.nargs != 1 else "")
            pieces.append(name if parameter.required else f"[{name}]")
    return pieces


def end(main: Callable[..., Any], arguments: Any, options: dict[str, Any]) -> Any:
    """A click command's `main`; as a program, wrong use is one line too. Raises SystemExit."""
    if not options.pop("standalone_mode", True):
        return main(*arguments, standalone_mode=False, **options)
    try:
        code = main(*arguments, standalone_mode=False, **options)
    except UsageError as e:
        said = " ".join(e.format_message().split()).rstrip(".")
        see = f"; see {e.ctx.command_path} -h" if e.ctx else ""
        print(f"error: {said[:1].lower()}{said[1:]}{see}", file=sys.stderr)
        code = WRONG_INPUT
    sys.exit(code or 0)


class Command(TyperCommand):
    """One command."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Without the brackets in brackets that an argument's own name would bring."""
        return usage_pieces(self)

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Entry point, where it is the whole program."""
        return end(super().main, arguments, options)


class Group(TyperGroup):
    """All commands."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Entry point."""
        return end(super().main, arguments, options)
