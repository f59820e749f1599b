# SPDX-License-Identifier: Apache-2.0
"""The steps of a compilation as a person sees them: one line a step, and a dump of every intermediate where asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

Result = TypeVar("Result")


@runtime_checkable
class Live(Protocol):
    """A `say` that can show what is at work."""

    @property
    def live(self) -> bool:
        """Whether somebody looks on."""

    def working(self, line: str) -> None:
        """Show it until the next line, which is written over it."""


class Progress:
    """Runs the steps in order, `[k/n] pass … 0.4 s`; `say` gets each line.

    The steps are named before any runs, so that n is known. Who runs steps lists them beside itself (`PLAN_STEPS` of
    `make_plan`), who calls several of them gives their lists in turn, and a step that is not the next one is refused.
    """

    def __init__(self, steps: Sequence[str], say: Callable[[str], None], dump: Path | None = None) -> None:
        self.steps, self.say, self.dump = tuple(steps), say, dump
        if dump:
            dump.mkdir(parents=True, exist_ok=True)
        self.seconds: list[float] = []

    def run(self, name: str, step: Callable[..., Result], *arguments: Any) -> Result:
        """The step's result; its text goes to the dump folder. Raises RuntimeError where another step is the next."""
        done = len(self.seconds)
        if name not in self.steps[done : done + 1]:
            raise RuntimeError(f"step '{name}' is not the one after {done} of {', '.join(self.steps)}")
        title = f"[{done + 1}/{len(self.steps)}] {name} …"
        if isinstance(self.say, Live):
            self.say.working(title)
        start = time.perf_counter()
        result = step(*arguments)
        self.seconds.append(time.perf_counter() - start)
        self.say(f"{title} {self.seconds[-1]:.1f} s")
        if self.dump:
            from .dumps import to_text  # of all that the compiler has, which a dump alone needs

            for suffix, text in to_text(result).items():
                (self.dump / f"{done + 1:02}-{name}.{suffix}").write_text(text)
        return result
