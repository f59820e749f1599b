# SPDX-License-Identifier: Apache-2.0
"""The command line: it parses; `measure` measures and `check` compares."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from biisnet.compile.errors import CompileError
from biisnet.tools.cli.arguments import Size, parse_size
from biisnet.tools.cli.command import SETTINGS, Command
from biisnet.tools.cli.errors import reports_errors
from biisnet.tools.cli.network_options import (
    MeanOption,
    SignOfZeroOption,
    StdOption,
    normalisation_of,
    parse_sign,
)
from biisnet.tools.cli.terminal import Speaker
from biisnet.tools.said import Said

from .engines import ENGINES
from .measure import Extent, check, measure, publish
from .networks import chosen_cases, is_file
from .pages import PAGES, page_of

say = Speaker()
DOCS = Path(__file__).resolve().parents[1] / "docs"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(cls=Command, context_settings=SETTINGS)
@reports_errors
def benchmarks(
    check_: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Only compare our emulated costs with the recorded ones, of all shipped networks or of --network; "
            "exit 1 if higher.",
        ),
    ] = False,
    network: Annotated[
        list[str] | None,
        typer.Option(
            "--network",
            metavar="NAME|FILE.onnx",
            help="Instead of all shipped ones: a shipped one, one of examples/ (random weights), or an ONNX file.",
        ),
    ] = None,
    engine: Annotated[list[str] | None, typer.Option("--engine", help=f"Only these of {', '.join(ENGINES)}.")] = None,
    size: Size = None,
    sign_of_zero: SignOfZeroOption = None,
    mean: MeanOption = None,
    std: StdOption = None,
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
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="Where performance.{json,md,png} and performance-zoo.{json,md} are.  [default: docs/; of ONNX files "
            "nowhere]",
        ),
    ] = None,
) -> None:
    """Measure the bundles beside other engines, and write the figures into docs/. Parts that are left out (--no-host,
    --no-device) keep their recorded figures."""
    if unknown := set(engine or ()) - set(ENGINES):
        raise CompileError(f"unknown: {', '.join(sorted(unknown))}; choose among {', '.join(sorted(ENGINES))}")
    engines = [e for e in ENGINES.values() if not engine or e.name in engine]
    with tempfile.TemporaryDirectory(prefix="biisnet-") as name:
        folder = Path(name)
        if check_:
            lines, well = check(output or DOCS, network, folder, say)
            print("\n".join(lines))
            raise typer.Exit(0 if well else 1)
        said = Said(normalisation=normalisation_of(mean, std), sign_of_zero=parse_sign(sign_of_zero))
        cases = chosen_cases(network, parse_size(size), said, folder / "networks", say)
        if peer_size and not all(c.is_shipped for c in cases):
            raise CompileError("--peer-size: files of other networks are of one size; give --size for all engines")
        for page in PAGES:
            of_page = [c for c in cases if page_of(c) is page]
            if not of_page:
                continue
            extent = Extent(of_page, engines, parse_size(peer_size), host, device, cache, rounds, seconds)
            results = measure(extent, folder / page.name, arm64_root, say)
            print(page.markdown(results))
            if place := output or (None if any(map(is_file, network or ())) else DOCS):
                publish(results, extent, page, place)
