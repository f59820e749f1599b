# SPDX-License-Identifier: Apache-2.0
"""The whole run: each case on the host, then on the emulated board; then the documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from biisnet.compile.errors import CompileError
from biisnet.model.datasets import Say
from biisnet.targets import resolve
from biisnet.tools.said import Said

from .agreement import reference_output
from .arm64_root import Arm64Root
from .case import Case
from .device import measure_device
from .engines import ENGINES, OWN, Engine
from .host import measure_host
from .machine import describe, versions
from .networks import chosen_cases
from .pages import PAGES, SHIPPED, Page
from .regression import compare, recorded
from .results import DeviceRow, HostRow, Results, ThreadRow, read, write
from .table import rewrite

BOARD = "rpi4"


@dataclass(frozen=True)
class Extent:
    """The extent of a measurement: what, and how long."""

    cases: Sequence[Case]
    engines: Sequence[Engine]
    peer_size: tuple[int, int] | None
    host: bool
    device: bool
    cache: bool
    rounds: int
    seconds: float


def measure(extent: Extent, folder: Path, arm64_root: Path | None, say: Say) -> Results:
    """The figures of all cases. Raises CompileError, TargetError."""
    machine, target = describe(), resolve(BOARD)
    root = Arm64Root(arm64_root.resolve() if arm64_root else folder / "arm64")
    threads = sorted({1, machine["threads"]})
    host: list[HostRow] = []
    device: list[DeviceRow] = []
    shared: list[ThreadRow] = []
    for n, case in enumerate(extent.cases):
        engines = [e for e in extent.engines if e.runs(case) and (case.peers or e.name in OWN)]
        place = folder / str(n)
        if extent.host:
            host += measure_host(
                case,
                engines,
                threads,
                rounds=extent.rounds,
                seconds=extent.seconds,
                reference=reference_output(case),
                folder=place / "host",
                say=say,
            )
        for engine in engines if extent.device else ():
            if engine.price is None:
                continue
            sides = extent.peer_size if engine.name not in OWN else None
            priced = replace(case, height=sides[0], width=sides[1]) if sides else case
            row, several = measure_device(priced, engine, target, root, cache=extent.cache, say=say)
            device.append(row)
            shared += several
    return Results(machine, versions(), str(target.cpu), tuple(host), tuple(device), tuple(shared))


def publish(results: Results, extent: Extent, page: Page, output: Path) -> None:
    """Write a page's file of figures, its tables and its picture, where it has one."""
    file = output / page.figures
    if file.exists():
        results = with_recorded(results, read(file), extent)
    output.mkdir(parents=True, exist_ok=True)
    write(results, file)
    rewrite(output / page.document, page.markdown(results))
    if page.picture:
        from .plot import draw

        draw(results, output / page.picture)


def with_recorded(results: Results, old: Results, extent: Extent) -> Results:
    """With the recorded figures of what was left out. The host's are of one run on one machine, and stay or go
    together; the model's are the same whenever they are taken, and each row stands for itself."""
    if not extent.host:
        results = replace(results, host=old.host, machine=old.machine)
    rows = {(row.network, row.size, row.engine): row for row in (*old.device, *results.device)}
    threads = {(row.network, row.size, row.engine, row.threads): row for row in (*old.threads, *results.threads)}
    return replace(
        results,
        device=tuple(rows.values()),
        threads=tuple(threads.values()),
        target=results.target or old.target,
        versions={**old.versions, **results.versions},
    )


def check(output: Path, names: Sequence[str] | None, folder: Path, say: Say) -> tuple[list[str], bool]:
    """Our recorded rows of the shipped networks, or of those with such names, measured again: a line for each, and
    whether none costs more. Raises CompileError."""
    files = [output / page.figures for page in (PAGES if names else (SHIPPED,))]
    kept = [row for file in files if file.exists() for row in recorded(read(file))]
    before = [row for row in kept if not names or row.network in names]
    if not before:
        found = " and ".join(map(str, files))
        raise CompileError(f"{found}: no emulated figures of ours; measure them first (`python -m benchmarks -h`)")
    target, root = resolve(BOARD), Arm64Root(output)  # ours needs no userland

    def again(row: DeviceRow) -> DeviceRow:
        (case,) = chosen_cases([row.network], row.sides, Said(), folder, say)
        return measure_device(case, ENGINES[row.engine], target, root, cache=True, say=say)[0]

    return compare(before, [again(row) for row in before])
