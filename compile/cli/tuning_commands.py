"""`biisnet tune`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .arguments import Json, ModelArgument, Size, parse_size, print_json, say

if TYPE_CHECKING:
    from ..tune import Tuned


def tune(
    model: ModelArgument = None,
    target: Annotated[str, typer.Option("--target", help="The device; `biisnet targets` lists them.")] = "rpi4",
    size: Size = None,
    trials: Annotated[
        int, typer.Option("--trials", min=1, metavar="N", help="Until at least so many are recorded.")
    ] = 256,
    database: Annotated[
        Path | None, typer.Option("--db", metavar="DIR", help="Where records go.  [default: ./tuning-TARGET]")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Add to the records that are there.")] = False,
    json_: Json = False,
) -> None:
    """Search the schedules of a network's kernels for a device; `biisnet-compile --db DIR` then uses the fastest."""
    from ...targets import resolve
    from ..frontend.shapes import input_shape
    from ..models import resolve_model
    from ..tune import Tuning, tune_model

    device, network = resolve(target), resolve_model(model)
    _, _, height, width = input_shape(network.proto.graph, parse_size(size), network.path)
    place = database or Path(f"tuning-{device.name}")
    result = tune_model(Tuning(network, (height, width), device, place, trials, resume), say)
    if json_:
        print_json(asdict(result))
        return
    print("\n".join(table_of(result)))
    print(result.summary())


def table_of(result: Tuned) -> Iterator[str]:
    """The gains, kernel by kernel."""
    yield f"{'kernel':32} {'uses':>4} {'default, us':>12} {'best, us':>10} {'less':>6}  schedule"
    for gain in result.gains:
        less = 1 - gain.best_seconds / gain.default_seconds
        fields = ", ".join(f"{name} {value}" for name, value in asdict(gain.schedule).items())
        times = f"{gain.default_seconds * 1e6:12.1f} {gain.best_seconds * 1e6:10.1f} {less:6.1%}"
        yield f"{gain.kernel:32} {gain.uses:4} {times}  {fields}"
