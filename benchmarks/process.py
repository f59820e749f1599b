# SPDX-License-Identifier: Apache-2.0
"""The parent's end of a worker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from .case import Case

ROOT = Path(__file__).resolve().parents[1]
THREAD_VARIABLES = ("OMP_NUM_THREADS", "TVM_NUM_THREADS")


class EngineError(RuntimeError):
    """The engine cannot run; one line."""


class Worker:
    """A running engine, warm; `run` is one turn. Raises EngineError."""

    def __init__(self, engine: str, case: Case, threads: int, folder: Path) -> None:
        self.log = (folder / f"worker-{threads}.log").open("w+")
        counts = {name: str(max(threads, 1)) for name in THREAD_VARIABLES}
        arguments = [engine, case.to_json(), str(threads), str(folder)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.worker", *arguments],
            cwd=ROOT,
            env={**os.environ, **(counts if threads else {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        try:
            self.answer()
        except EngineError:
            self.close()
            raise

    def answer(self) -> dict[str, float]:
        """The next line. Raises EngineError for a refusal, and for a process that has ended."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            code = self.process.wait()
            self.log.seek(0)
            last = (self.log.read().strip() or "?").splitlines()[-1]
            raise EngineError(f"ended with code {code}: {last[:200]}")
        values: dict[str, float] = json.loads(line)
        if "reason" in values:
            raise EngineError(str(values["reason"]))
        return values

    def run(self) -> float:
        """Milliseconds of one inference, the median of a turn's."""
        assert self.process.stdin
        try:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the answer says why
        return self.answer()["ms"]

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()
        self.log.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
