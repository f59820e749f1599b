# SPDX-License-Identifier: Apache-2.0
"""`biisnet analyze`, `inspect`, `targets` and `doctor`: they look and change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...compile.weight_provenance import describe_weights
from .arguments import BundleArgument, ModelArgument, Size, complete_target, parse_size
from .network_options import MeanOption, SignOfZeroOption, StdOption, normalisation_of, parse_sign
from .precision_options import ShippedPrecisionOption, frames_of, shipped_precision
from .terminal import Terminal

if TYPE_CHECKING:
    from ...model.cost import Cost
    from ..integer import Frames
    from ..said import Said


def analyze(
    model: ModelArgument = None,
    size: Size = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            metavar="NAME",
            help="Measure each stage on the emulated device instead of counting.",
            autocompletion=complete_target,
        ),
    ] = None,
    cache: Annotated[
        bool,
        typer.Option("--cache/--no-cache", help="With --target: model the caches too, or count cycles alone (faster)."),
    ] = True,
    database: Annotated[
        Path | None, typer.Option("--db", metavar="DIR", help="With --target: a tuning database, as for compiling.")
    ] = None,
    threads: Annotated[
        int, typer.Option("--threads", metavar="N", min=1, max=64, help="With --target: say what each of N would do.")
    ] = 1,
    precision: ShippedPrecisionOption = None,
    sign_of_zero: SignOfZeroOption = None,
    mean: MeanOption = None,
    std: StdOption = None,
    *,
    terminal: Terminal,
) -> None:
    """Count parameters and operations as the paper does (OPs = FLOPs + binary FLOPs / 64, by default at 512x512); or,
    with --target, measure what each stage costs there (by default at 256x256): model cycles, misses of the first-level
    data cache, DRAM traffic, and the time that all three take."""
    from ..said import Said

    said = Said(normalisation=normalisation_of(mean, std), sign_of_zero=parse_sign(sign_of_zero))
    if target:
        frames = frames_of(precision or shipped_precision(model), None, None)
        analyze_on(target, model, frames, size, said, cache, database, threads, terminal)
        return
    from onnx.shape_inference import InferenceError

    from ...compile.errors import CompileError
    from ...compile.frontend.shapes import input_shape
    from ...compile.recognise import recognise
    from ...model.cost import count
    from ..models import resolve_model

    for option, value in (
        ("--precision", precision),
        ("--db", database),
        ("--threads", threads if threads > 1 else None),
    ):
        if value is not None:
            raise CompileError(f"{option} is for --target; without it operations are counted, the same of any")
    given, asked = said.prepare(resolve_model(model), terminal.say), parse_size(size)
    input_shape(given.proto.graph, asked, given.path)  # refuses what is no image
    found = recognise(given, asked, said.sign_of_zero)
    for line in found.lines():
        terminal.say(line)
    network = found.model
    own = all(side.dim_value for side in network.proto.graph.input[0].type.tensor_type.shape.dim[2:])
    try:
        cost = count(network.proto, asked or (None if own else (512, 512)))
    except (ValueError, InferenceError) as e:
        raise CompileError(f"{network.path}: cannot be counted: {e}; `biisnet export` writes what can") from e
    terminal.show({**asdict(cost), "params": cost.params, "ops": cost.ops}, table_of_cost(cost))


def table_of_cost(cost: Cost) -> Iterator[str]:
    """A count for a person, line by line."""
    titles = f"{'binary params':>14} {'other params':>13} {'binary MACs':>14} {'other MACs':>13}"
    yield f"{'layer':32} {'kind':16} {'output':>16} {titles}"
    for row in cost.layers:
        shape = "x".join(map(str, row.output_shape))
        yield (
            f"{row.name:32} {row.kind:16} {shape:>16} {row.binary_params:14,} {row.full_params:13,} "
            f"{row.binary_macs:14,} {row.full_macs:13,}"
        )
    yield f"Params {cost.params / 1e3:.3f} K ({cost.binary_params:,} binary / 32 + {cost.full_params:,})"
    yield f"OPs    {cost.ops / 1e9:.4f} G at {cost.size[0]}x{cost.size[1]}"


def analyze_on(
    name: str,
    model: str | None,
    frames: Frames | None,
    size: str | None,
    said: Said,
    cache: bool,
    database: Path | None,
    threads: int,
    terminal: Terminal,
) -> None:
    """The table of stages on a device."""
    from ...compile.frontend.shapes import input_shape
    from ...targets import resolve
    from ..analysis import analyze_target
    from ..analysis_table import table_of
    from ..integer import compiled_network

    device = resolve(name)
    recognised = compiled_network(model, frames, parse_size(size), said, terminal.say)
    for line in recognised.lines():
        terminal.say(line)
    network = recognised.model
    _, _, height, width = input_shape(network.proto.graph, parse_size(size), network.path)
    found = analyze_target(
        network, (height, width), device, terminal.say, cache=cache, database=database, threads=threads
    )
    terminal.show(found.document(), table_of(found))


def inspect(bundle: BundleArgument, *, terminal: Terminal) -> None:
    """Show what a bundle is: model, device, memory, stages, verification."""
    from ...runtime import BundleError
    from ...runtime.bundle import open_bundle

    with open_bundle(bundle) as opened:
        manifest = opened.manifest
        sizes = {name: (opened.path / name).stat().st_size for name in manifest["files"]}
    try:
        lines = [] if terminal.json else list(describe(manifest, sizes))
    except (IndexError, KeyError, TypeError, ValueError) as e:
        raise BundleError(f"{bundle}: its manifest is not as biisnet-compile writes it ({e}); compile it again") from e
    terminal.show(manifest, lines)


def report(
    bundle: BundleArgument,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="The page.  [default: BUNDLE.html]")
    ] = None,
    *,
    terminal: Terminal,
) -> None:
    """Write a page of HTML, without any other file: stages and their costs, memory, detections, verification."""
    from ...model.files import write_whole
    from ..outputs import check_outputs
    from ..report import report_bundle

    place = output or Path(f"{bundle.name.removesuffix('.tar')}.html")
    check_outputs([place])
    page = report_bundle(bundle, terminal.say).encode()
    write_whole(place, page)
    terminal.show({"file": str(place), "bytes": len(page)}, [f"{place}: {len(page) / 1e3:.0f} KB"])


def describe(manifest: dict[str, Any], sizes: dict[str, int]) -> Iterator[str]:
    """A manifest for a person, line by line."""
    from ...compile.verification.agreement import evidence, outcome

    model, target = manifest["model"], manifest["target"]
    weights = describe_weights(model["weights"], model.get("seed"))
    yield f"model    {model['name']} ({weights}), sha256 {model['sha256'][:16]}"
    threshold, scores = manifest["threshold"], manifest.get("scores")
    above = "" if threshold is None else f", targets above {threshold:.9g}"
    by = f", scores by slope {scores['slope']!r} and offset {scores['offset']!r}" if scores else ""
    yield f"task     {manifest['task']}{above}{by}"
    for kind in ("inputs", "outputs"):
        for tensor in manifest[kind]:
            scale = f", times {tensor['scale']:g}" if "scale" in tensor else ""
            yield f"{kind[:-1]:8} {tensor['name']} {tensor['dtype']} {tensor['shape']} ({tensor['meaning']}{scale})"
    yield f"target   {target['name']}: {target['cpu']}, {target['triple']}, glibc {manifest['glibc']}"
    yield f"arena    {manifest['arena_bytes']:,} bytes, {len(manifest['stages'])} stages"
    for name, size in sizes.items():
        yield f"file     {name} {size:,} bytes"
    verified = manifest["verification"]
    if verified["device"]:
        whole = outcome({**verified, "task": manifest["task"]})
        yield f"verified on {verified['device']}: {evidence(verified)}, {whole}"
    else:
        yield f"verified not: {verified['reason']}"


def targets(*, terminal: Terminal) -> None:
    """List the devices that can be compiled for."""
    from ...targets import TARGETS, TargetError, emulator, resolve

    rows = []
    for name in TARGETS:
        try:
            target = resolve(name)
        except TargetError:
            continue
        command = emulator.command(target)
        runs = "here" if command == [] else "emulated" if command else "not here (no emulator)"
        rows.append({**asdict(target), "runs": runs})
    lines = [f"{row['name']:12} {row['cpu']:12} {row['description']}; runs {row['runs']}" for row in rows]
    terminal.show(rows, lines)


def doctor(*, terminal: Terminal) -> None:
    """Say what this machine can do, and how to get what it lacks."""
    from ..doctor import examine

    findings = examine()
    lines = [f"{'ok  ' if f.found else 'lack'} {f.what}: {f.detail}" for f in findings]
    terminal.show([asdict(f) for f in findings], lines)
