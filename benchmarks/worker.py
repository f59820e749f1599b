# SPDX-License-Identifier: Apache-2.0
"""One engine in a process of its own: no thread pool, allocator or crash of another disturbs it.

    python -m benchmarks.worker ENGINE CASE THREADS FOLDER

CASE is a case in JSON. THREADS 0 builds the engine's files in FOLDER. Otherwise it opens them, runs once, saves the
output as an .npy in FOLDER, and then, for each line on standard input, has its turn and answers with the milliseconds
of one inference. Every answer is a line of JSON; `{"reason": ...}` is an engine that cannot.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from biisnet.tools.cli.errors import one_line

from .case import Case
from .engines import ENGINES

TURN = 0.1
"""Seconds that a turn lasts at least: a core that has just woken up is not the engine's doing."""


def turn(run: Callable[[], object]) -> float:
    """The median time of an inference, in milliseconds, of as many as a turn takes."""
    times: list[float] = []
    while sum(times) < TURN:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def output_file(folder: Path, threads: int) -> Path:
    """The file in which a worker leaves its engine's result."""
    return folder / f"output-{threads}.npy"


def serve(name: str, case: Case, threads: int, folder: Path) -> None:
    """Answer until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints is no answer

    def answer(**values: object) -> None:
        print(json.dumps(values), file=answers, flush=True)

    engine = ENGINES[name]
    try:
        if not threads:
            engine.build(case, folder)
            answer(ready=True)
            return
        frame = case.frame()
        infer = engine.open(case, folder, threads)
        np.save(output_file(folder, threads), infer(frame))
        answer(ready=True)
        for _ in sys.stdin:
            answer(ms=turn(lambda: infer(frame)))
    except Exception as e:  # whatever an engine raises is its reason
        answer(reason=f"{type(e).__name__}: {one_line(e)}"[:300])


if __name__ == "__main__":
    serve(sys.argv[1], Case.from_json(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
