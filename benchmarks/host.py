# SPDX-License-Identifier: Apache-2.0
"""All engines on this machine: built, opened for each number of threads, compared, then timed in turn."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np

from .agreement import agreement
from .case import F32, Case
from .engines import Engine
from .interleave import interleave
from .process import EngineError, Worker
from .results import HostRow
from .worker import output_file

Key = tuple[str, int]
"""An engine's name, and how many threads it has."""


def measure_host(
    case: Case,
    engines: Sequence[Engine],
    threads: Sequence[int],
    *,
    rounds: int,
    seconds: float,
    reference: F32,
    folder: Path,
    say: Callable[[str], None],
) -> list[HostRow]:
    """A row for each engine and number of threads; one that cannot run has its reason."""
    reasons: dict[Key, str] = {}
    with ExitStack() as stack:
        workers: dict[Key, Worker] = {}
        for engine in engines:
            say(f"{case.network} {case.size}: {engine.title} gets ready")
            opened = open_workers(case, engine, threads, folder / engine.name, reasons)
            workers.update({key: stack.enter_context(worker) for key, worker in opened.items()})

        def run(key: Key) -> float | None:
            try:
                return workers[key].run()
            except EngineError as e:
                reasons[key] = str(e)
                return None

        say(f"{case.network} {case.size}: all run in turn")
        times = interleave({key: partial(run, key) for key in workers}, rounds, seconds)

    def row(name: str, count: int) -> HostRow:
        if reason := reasons.get((name, count)):
            return HostRow(case.network, case.size, name, count, reason=reason)
        found = times[name, count]
        agrees = agreement(case, np.load(output_file(folder / name, count)), reference)
        median, least = round(statistics.median(found), 3), round(min(found), 3)
        return HostRow(
            case.network, case.size, name, count, median, least, len(found), agrees.equal_pixels, agrees.difference
        )

    return [row(engine.name, count) for engine in engines for count in threads]


def open_workers(
    case: Case, engine: Engine, threads: Sequence[int], folder: Path, reasons: dict[Key, str]
) -> dict[Key, Worker]:
    """The engine built once, and a warm worker for each number of threads; why not, in `reasons`."""
    folder.mkdir(parents=True)
    try:
        Worker(engine.name, case, 0, folder).close()
    except EngineError as e:
        reasons.update({(engine.name, count): str(e) for count in threads})
        return {}
    workers = {}
    for count in threads:
        try:
            workers[engine.name, count] = Worker(engine.name, case, count, folder)
        except EngineError as e:
            reasons[engine.name, count] = str(e)
    return workers
