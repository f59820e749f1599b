# SPDX-License-Identifier: Apache-2.0
"""`biisnet tune` and `biisnet tune-merge`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from .arguments import ModelArgument, Size, TargetOption, parse_size
from .network_options import MeanOption, SignOfZeroOption, StdOption, normalisation_of, parse_sign
from .precision_options import ShippedPrecisionOption, frames_of, shipped_precision
from .terminal import Terminal


def tune(
    model: ModelArgument = None,
    target: TargetOption = "rpi4",
    size: Size = None,
    trials: Annotated[
        int | None, typer.Option("--trials", min=1, metavar="N", help="Measure so many at most.  [default: all]")
    ] = None,
    database: Annotated[
        Path | None, typer.Option("--db", "-o", metavar="DIR", help="Where records go.  [default: ./tuning-TARGET]")
    ] = None,
    minutes: Annotated[float | None, typer.Option("--minutes", min=0, help="End after so many.")] = None,
    device: Annotated[
        str | None, typer.Option("--device", metavar="HOST:PORT", help="A board that runs TVM's RPC server.")
    ] = None,
    tracker: Annotated[
        str | None, typer.Option("--tracker", metavar="HOST:PORT", help="A tracker of several such boards.")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", metavar="NAME", help="What it calls them.  [default: the target's name]")
    ] = None,
    parallel: Annotated[int, typer.Option("--parallel", min=1, metavar="N", help="Boards at a time.")] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Add to the records that are there.")] = False,
    precision: ShippedPrecisionOption = None,
    sign_of_zero: SignOfZeroOption = None,
    mean: MeanOption = None,
    std: StdOption = None,
    *,
    terminal: Terminal,
) -> None:
    """Measure the schedules of a network's kernels; `biisnet-compile --db DIR` then uses the fastest."""
    from ...compile.frontend.shapes import input_shape
    from ...compile.tuning.gains import table_of
    from ...targets import resolve
    from ..integer import compiled_network
    from ..said import Said
    from ..tune import Tuning, tune_model

    board = resolve(target)
    frames = frames_of(precision or shipped_precision(model), None, None)
    said = Said(normalisation=normalisation_of(mean, std), sign_of_zero=parse_sign(sign_of_zero))
    found = compiled_network(model, frames, parse_size(size), said, terminal.say)
    for line in found.lines():
        terminal.say(line)
    network = found.model
    _, _, height, width = input_shape(network.proto.graph, parse_size(size), network.path)
    place = database or Path(f"tuning-{board.name}")
    asked = Tuning(network, (height, width), board, place, trials, resume, minutes, device, tracker, key, parallel)
    result = tune_model(asked, terminal.say)
    terminal.show(asdict(result), [table_of(result), result.summary()])


def tune_merge(
    databases: Annotated[list[Path], typer.Argument(metavar="DB", help="Databases of one target.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="The new database.")],
    best: Annotated[bool, typer.Option("--best", help="Keep of each kernel the fastest trial alone.")] = False,
    *,
    terminal: Terminal,
) -> None:
    """Make one tuning database of several; of a schedule that two have the faster trial stays. One alone is taken with
    --best, which leaves what compiling needs."""
    from ...compile.errors import CompileError
    from ...compile.tuning.records import merge
    from ..text import plural

    if len(databases) < 2 and not best:
        raise CompileError(f"{databases[0]}: give two databases or more, or --best for the fastest trials of one")
    count = merge(databases, output, best)
    line = f"{output}: {plural(count, 'trial')} of {plural(len(databases), 'database')}"
    terminal.show({"database": str(output), "trials": count}, [line])
