# SPDX-License-Identifier: Apache-2.0
"""What the user sees while it compiles: one line a step, and a dump of every intermediate where asked."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from .dumps import to_text

Result = TypeVar("Result")


class Progress:
    """Runs the steps in order, `[k/n] pass … 0.4 s`; `say` gets each line."""

    def __init__(self, steps: int, say: Callable[[str], None], dump: Path | None) -> None:
        self.steps, self.say, self.dump = steps, say, dump
        self.done = 0
        if dump:
            dump.mkdir(parents=True, exist_ok=True)
        self.seconds: dict[str, float] = {}

    def run(self, name: str, step: Callable[..., Result], *arguments: Any) -> Result:
        """The step's result; its text goes to the dump folder."""
        self.done += 1
        if sys.stderr.isatty():  # what is at work; its line, which says how long it took, is written over it
            print(f"[{self.done}/{self.steps}] {name} …\r", end="", file=sys.stderr, flush=True)
        start = time.perf_counter()
        result = step(*arguments)
        self.seconds[name] = time.perf_counter() - start
        self.say(f"[{self.done}/{self.steps}] {name} … {self.seconds[name]:.1f} s")
        if self.dump:
            for suffix, text in to_text(result).items():
                (self.dump / f"{self.done:02}-{name}.{suffix}").write_text(text)
        return result
