"""`biisnet bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .arguments import BundleArgument, Json, say


def bench(
    bundle: BundleArgument,
    emulate: Annotated[bool, typer.Option("--emulate", help="Run a board's bundle on the emulated device.")] = False,
    threads: Annotated[
        str, typer.Option("--threads", metavar="N,...", help="Numbers of threads, each on so many cores.")
    ] = "1,2,4",
    runs: Annotated[int, typer.Option("--runs", min=1, help="Warm inferences each.")] = 50,
    stages: Annotated[
        int, typer.Option("--stages", min=0, metavar="N", help="N runs of each stage by itself too.")
    ] = 0,
    against: Annotated[
        Path | None, typer.Option("--compare", metavar="FILE", help="An earlier run's --json, to stand beside.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Draw each inference's time (PNG).")
    ] = None,
    json_: Json = False,
) -> None:
    """Time a bundle's inferences where they run, and say whether the device was fit for it: clock, heat, throttling."""
    from ...model.files import write_whole
    from ..bench import Asked, bench_bundle, compare, draw

    result = bench_bundle(bundle, emulate, Asked(parse_threads(threads), runs, stages), say)
    for remark in result.remarks:
        say(f"note: {remark}")
    if plot:
        write_whole(plot, draw(result))
    beside = compare(result, against) if against else []
    if json_:
        print(result.as_json(), end="")
        return
    total = sum(s.median_ms for s in result.stages)
    for stage in result.stages:
        print(f"{stage.name:32} {stage.median_ms:8.3f} ms {stage.median_ms / total:6.1%}")
    print("\n".join([*(t.summary() for t in result.timings), *beside]))


def parse_threads(text: str) -> tuple[int, ...]:
    """'1,2,4' -> (1, 2, 4). Raises CompileError."""
    from ..errors import CompileError

    words = text.split(",")
    if not all(w.isdecimal() and 1 <= int(w) <= 64 for w in words):
        raise CompileError(f"--threads {text}: give numbers from 1 to 64, for example 1,2,4")
    return tuple(dict.fromkeys(map(int, words)))
