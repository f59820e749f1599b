# SPDX-License-Identifier: Apache-2.0
"""The command line: it parses; `measure` measures and `check` compares."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from biisnet.compile.errors import CompileError
from biisnet.tools.cli.arguments import Size, parse_size
from biisnet.tools.cli.command import SETTINGS, Command
from biisnet.tools.cli.errors import reports_errors
from biisnet.tools.cli.terminal import Speaker

from .case import CASES
from .engines import ENGINES
from .measure import Extent, check, measure, publish

say = Speaker()
DOCS = Path(__file__).resolve().parents[1] / "docs"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(cls=Command, context_settings=SETTINGS)
@reports_errors
def benchmarks(
    check_: Annotated[
        bool, typer.Option("--check", help="Only compare our emulated costs with the recorded ones; exit 1 if higher.")
    ] = False,
    network: Annotated[list[str] | None, typer.Option("--network", help="Only these networks.")] = None,
    engine: Annotated[list[str] | None, typer.Option("--engine", help=f"Only these of {', '.join(ENGINES)}.")] = None,
    size: Size = None,
    peer_size: Annotated[
        str | None, typer.Option("--peer-size", metavar="HxW", help="Other engines' frames on the emulated board.")
    ] = None,
    host: Annotated[bool, typer.Option("--host/--no-host", help="Measure on this machine.")] = True,
    device: Annotated[bool, typer.Option("--device/--no-device", help="Measure on the emulated board.")] = True,
    cache: Annotated[
        bool, typer.Option("--cache/--no-cache", help="Model the board's caches too, or count cycles alone (faster).")
    ] = True,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Turns of each engine.")] = 25,
    seconds: Annotated[float, typer.Option("--seconds", help="An engine that has used them sits out.")] = 20,
    arm64_root: Annotated[
        Path | None,
        typer.Option("--arm64-root", metavar="DIR", help="Keep and reuse the other engines' arm64 userland there."),
    ] = None,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Where performance.{json,md,png} are.")
    ] = DOCS,
) -> None:
    """Measure the bundles beside other engines, and write the figures into docs/. Parts that are left out (--no-host,
    --no-device) keep their recorded figures."""
    if check_:
        lines, well = check(output, say)
        print("\n".join(lines))
        raise typer.Exit(0 if well else 1)
    for given, known in ((network, {c.network for c in CASES}), (engine, ENGINES)):
        if unknown := set(given or ()) - set(known):
            raise CompileError(f"unknown: {', '.join(sorted(unknown))}; choose among {', '.join(sorted(known))}")
    cases = [c for c in CASES if not network or c.network in network]
    if sides := parse_size(size):
        cases = list(dict.fromkeys(replace(c, height=sides[0], width=sides[1], peers=True) for c in cases))
    engines = [e for e in ENGINES.values() if not engine or e.name in engine]
    with tempfile.TemporaryDirectory(prefix="biisnet-") as folder:
        extent = Extent(cases, engines, parse_size(peer_size), host, device, cache, rounds, seconds)
        publish(measure(extent, Path(folder), arm64_root, say), extent, output)
