# SPDX-License-Identifier: Apache-2.0
"""The two streams of a command: its result on standard output, all else on standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import typer

CLOSED = 141
"""Exit code where nobody reads standard output any more (`| head`): 128 + SIGPIPE, as shells count it."""


@dataclass(frozen=True)
class Speaker:
    """Progress, line by line; nothing where it is quiet."""

    quiet: bool = False

    def __call__(self, line: str) -> None:
        """Standard error, so that standard output is the result alone."""
        if not self.quiet:
            print(line, file=sys.stderr, flush=True)

    @property
    def live(self) -> bool:
        """Whether somebody looks on, to whom what is at work can be shown."""
        return not self.quiet and sys.stderr.isatty()

    def working(self, line: str) -> None:
        """The step at work; the next line is written over it."""
        if self.live:
            print(line, end="\r", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Terminal:
    """The options that all commands have, and what they do to the output."""

    json: bool = False
    quiet: bool = False
    verbose: bool = False

    @property
    def say(self) -> Speaker:
        """The way for progress."""
        return Speaker(self.quiet)

    def warn(self, line: str) -> None:
        """A line that must be known beside the result, however quiet it is to be."""
        print(line, file=sys.stderr, flush=True)

    def detail(self, line: str) -> None:
        """A line that only --verbose shows."""
        if self.verbose:
            print(line, file=sys.stderr, flush=True)

    def show(self, result: Any, lines: Iterable[str]) -> None:
        """The result: one JSON document, or lines for a person."""
        if self.json:
            write(as_json(result))
        else:
            for line in lines:
                write(line)

    def show_line(self, line: str) -> None:
        """A part of the result at once, for a person; the JSON document is for `show`."""
        if not self.json:
            write(line)


def as_json(value: Any) -> str:
    """JSON, indented; what it has no word for (paths) as text."""
    return json.dumps(value, indent=1, default=str)


def write(line: str) -> None:
    """A line on standard output. Raises typer.Exit where its reader has gone."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is written when Python ends
        raise typer.Exit(CLOSED) from None
