# SPDX-License-Identifier: Apache-2.0
"""`biisnet deploy` and `biisnet bench`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from .arguments import BundleArgument
from .terminal import Terminal

SshConfig = Annotated[Path | None, typer.Option("--ssh-config", metavar="FILE", help="Instead of ssh's own (ssh -F).")]


def deploy(
    bundle: BundleArgument,
    board: Annotated[
        str | None,
        typer.Argument(metavar="BOARD", help="As ssh takes it: user@host, or a name of its configuration."),
    ] = None,
    hosts: Annotated[
        Path | None, typer.Option("--hosts", metavar="FILE", help="Many boards, one a line, at the same time.")
    ] = None,
    folder: Annotated[
        str, typer.Option("--dir", metavar="DIR", help="On the board, from the login's home.")
    ] = "biisnet",
    runner_only: Annotated[
        bool, typer.Option("--runner-only", help="The board's C library does not matter: only bin/biisnet-run is used.")
    ] = False,
    config: SshConfig = None,
    *,
    terminal: Terminal,
) -> None:
    """Copy a bundle to boards over ssh: check them, prove it there with the golden frame, then put it in place."""
    from ...compile.errors import CompileError, VerificationError
    from ..deploy import DeployOptions, table_of
    from ..deploy import deploy as deploy_bundle
    from ..hosts import read_hosts

    if (board is None) == (hosts is None):
        raise CompileError("give a board, or --hosts FILE for many")
    boards = read_hosts(hosts) if hosts else (str(board),)
    results = deploy_bundle(bundle, DeployOptions(boards, folder, config, runner_only), terminal.say)
    terminal.show([asdict(r) for r in results], table_of(results))
    if failed := [r for r in results if r.problem]:
        one = f"{failed[0].board}: {failed[0].problem}"
        message = one if len(results) == 1 else f"{len(failed)} of {len(results)} boards failed"
        raise VerificationError(message) if any(r.wrong for r in failed) else CompileError(message)


def bench(
    bundle: BundleArgument,
    board: Annotated[
        str | None, typer.Argument(metavar="BOARD", help="As ssh takes it; it has the bundle for that long only.")
    ] = None,
    emulate: Annotated[
        bool, typer.Option("--emulate", help="A board's bundle on the emulated device, and its cost there.")
    ] = False,
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
    config: SshConfig = None,
    *,
    terminal: Terminal,
) -> None:
    """Time a bundle's inferences where they run, and say whether the device was fit for it: clock, heat, throttling."""
    from ...compile.errors import CompileError
    from ...model.files import write_whole
    from ..bench import BenchOptions, bench_board, bench_bundle
    from ..bench_results import compare, cost_line, draw, read_earlier
    from ..outputs import check_outputs

    asked = BenchOptions(parse_threads(threads), runs, stages)
    say = terminal.say
    if against and terminal.json:
        raise CompileError("--compare is for people, --json for programs; give one of them")
    earlier = read_earlier(against) if against else None
    check_outputs([plot] if plot else [])
    if board and emulate:
        raise CompileError(f"{board}: is measured itself; give a board or --emulate")
    result = bench_board(bundle, board, config, asked, say) if board else bench_bundle(bundle, emulate, asked, say)
    for remark in result.remarks:
        terminal.warn(f"note: {remark}")
    total = sum(s.median_ms for s in result.stages)
    stage_lines = [f"{s.name:32} {s.median_ms:8.3f} ms {s.median_ms / total:6.1%}" for s in result.stages]
    beside = compare(result, earlier) if earlier else []
    model_lines = [cost_line(result)] if result.cost else []
    terminal.show(asdict(result), [*stage_lines, *(t.summary() for t in result.timings), *model_lines, *beside])
    if plot:
        write_whole(plot, draw(result))


def parse_threads(text: str) -> tuple[int, ...]:
    """'1,2,4' -> (1, 2, 4). Raises CompileError."""
    from ...compile.errors import CompileError

    words = text.split(",")
    if not all(w.isdecimal() and 1 <= int(w) <= 64 for w in words):
        raise CompileError(f"--threads {text}: give numbers from 1 to 64, for example 1,2,4")
    return tuple(dict.fromkeys(map(int, words)))
