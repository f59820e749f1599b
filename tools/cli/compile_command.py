# SPDX-License-Identifier: Apache-2.0
"""`biisnet-compile [MODEL] --target T --size HxW -o DIR`."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from .arguments import ModelArgument, Size, TargetOption, parse_size
from .levels_option import LevelsOption
from .network_options import (
    MeanOption,
    ScoresOption,
    SignOfZeroOption,
    StdOption,
    TaskOption,
    ThresholdOption,
    normalisation_of,
    parse_sign,
)
from .precision_options import (
    CalibrateFramesOption,
    CalibrateOption,
    ShippedPrecisionOption,
    frames_of,
    shipped_precision,
)
from .terminal import Terminal


def compile_command(
    model: ModelArgument = None,
    target: TargetOption = "rpi4",
    size: Size = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="The bundle's folder [default: ./MODEL-TARGET-HxW]."),
    ] = None,
    dump: Annotated[
        Path | None,
        typer.Option("--dump", metavar="DIR", help="Write the module after every pass, and the assembly, there."),
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Prove the bundle on the (emulated) device.")
    ] = True,
    database: Annotated[
        Path | None, typer.Option("--db", metavar="DIR", help="A tuning database, as `biisnet tune` makes it.")
    ] = None,
    prefix: Annotated[
        str | None,
        typer.Option("--prefix", metavar="NAME", help="Names of the archive: NAME_run for biisnet_run, and so on."),
    ] = None,
    precision: ShippedPrecisionOption = None,
    calibrate: CalibrateOption = None,
    calibrate_frames: CalibrateFramesOption = None,
    levels: LevelsOption = None,
    allow_float: Annotated[
        bool, typer.Option("--allow-float", help="Take a network that has no binary convolution at all.")
    ] = False,
    sign_of_zero: SignOfZeroOption = None,
    task: TaskOption = None,
    threshold: ThresholdOption = None,
    scores: ScoresOption = None,
    mean: MeanOption = None,
    std: StdOption = None,
    report: Annotated[bool, typer.Option("--report", help="Write a page about it too, DIR.html.")] = False,
    *,
    terminal: Terminal,
) -> None:
    """Compile a network for a device, and prove that the bundle computes what the network computes."""
    from ...compile.frontend.shapes import input_shape
    from ...compile.pipeline import compile_model
    from ...compile.tuning.records import tuned_schedules
    from ...compile.weight_provenance import describe_weights
    from ...targets import resolve
    from ..integer import compiled_network
    from ..said import Said

    say = terminal.say
    device = resolve(target)
    precision = precision or shipped_precision(model)
    frames, asked = frames_of(precision, calibrate, calibrate_frames, levels), parse_size(size)
    said = Said(task, threshold, scores, normalisation_of(mean, std), parse_sign(sign_of_zero))
    found = compiled_network(model, frames, asked, said, say)
    network = found.model
    _, _, height, width = input_shape(network.proto.graph, asked, network.path)
    own_name = re.sub(r"[^\w.-]", "_", network.name)  # it is the file's word
    place = output or Path(f"{own_name}-{device.name}-{height}x{width}")
    weights = describe_weights(network.weights, network.seed)
    say(f"model   {network.name} ({weights}), {height}x{width}, sha256 {network.sha256[:12]}")
    say(f"target  {device.name}: {device.cpu}, {device.triple}, glibc {device.glibc}")
    say(f"output  {place}")
    schedules = tuned_schedules(device, database)
    summary = compile_model(
        found,
        (height, width),
        device,
        place,
        say=say,
        dump=dump,
        verify=verify,
        schedules=schedules,
        prefix=prefix,
        allow_float=allow_float,
    )
    (say if summary.verified.device else terminal.warn)(summary.verified.summary())
    if report:
        from ...model.files import write_whole
        from ..report import report_bundle

        page = place.parent / f"{place.name}.html"
        write_whole(page, report_bundle(place, say).encode())
        say(f"report  {page}")
    sizes = f"library {summary.library_bytes / 1e3:.0f} KB, tar {summary.tar_bytes / 1e3:.0f} KB"
    line = f"{summary.bundle}: {sizes} (sha256 {summary.sha256[:16]}), arena {memory(summary.arena_bytes)}"
    terminal.show(asdict(summary), [line])


def memory(size: int) -> str:
    """Bytes in MB; in KB where that would be next to nothing."""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} KB"
