# SPDX-License-Identifier: Apache-2.0
"""`biisnet tune`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from .arguments import Json, Size, parse_size, print_json, say


def tune(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL]",
            help="As for `biisnet-compile`: an ONNX file, a checkpoint or a preset's name. With --merge: databases.",
        ),
    ] = None,
    target: Annotated[str, typer.Option("--target", help="The device; `biisnet targets` lists them.")] = "rpi4",
    size: Size = None,
    trials: Annotated[
        int, typer.Option("--trials", min=1, metavar="N", help="Until at least so many are recorded.")
    ] = 256,
    database: Annotated[
        Path | None, typer.Option("--db", "-o", metavar="DIR", help="Where records go.  [default: ./tuning-TARGET]")
    ] = None,
    minutes: Annotated[float | None, typer.Option("--minutes", min=0, help="End after so many, however it is.")] = None,
    merge: Annotated[bool, typer.Option("--merge", help="Make one database of several: --merge A B -o C.")] = False,
    best: Annotated[
        bool, typer.Option("--best", help="With --merge: keep of each kernel the fastest trial alone.")
    ] = False,
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
    json_: Json = False,
) -> None:
    """Search the schedules of a network's kernels for a device; `biisnet-compile --db DIR` then uses the fastest."""
    from ...compile.errors import CompileError
    from ...compile.frontend.shapes import input_shape
    from ...compile.tuning.gains import table_of
    from ...targets import resolve
    from ..models import resolve_model
    from ..tune import Tuning, tune_model

    if merge:
        merge_databases([Path(m) for m in models or ()], database, best, json_)
        return
    if best:
        raise CompileError("--best goes with --merge")
    if models and len(models) > 1:
        raise CompileError(f"{models[1]}: one model at a time; --merge takes several databases")
    model = models[0] if models else None
    board, network = resolve(target), resolve_model(model)
    _, _, height, width = input_shape(network.proto.graph, parse_size(size), network.path)
    place = database or Path(f"tuning-{board.name}")
    asked = Tuning(network, (height, width), board, place, trials, resume, minutes, device, tracker, key, parallel)
    result = tune_model(asked, say)
    if json_:
        print_json(asdict(result))
        return
    print(table_of(result))
    print(result.summary())


def merge_databases(folders: list[Path], output: Path | None, best: bool, json_: bool) -> None:
    """`--merge`."""
    from ...compile.errors import CompileError
    from ...compile.tuning.records import merge

    if len(folders) < (1 if best else 2) or output is None:
        raise CompileError("--merge takes two databases or more, and -o DIR for the new one")
    count = merge(folders, output, best)
    if json_:
        print_json({"database": str(output), "trials": count})
    else:
        print(f"{output}: {count} trials of {len(folders)} databases")
