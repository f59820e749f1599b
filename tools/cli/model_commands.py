# SPDX-License-Identifier: Apache-2.0
"""`biisnet export`, `verify` and `run`."""

from __future__ import annotations

import math
import time
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from .arguments import BundleArgument, Size, Threads, complete_network, parse_size
from .levels_option import LevelsOption, parse_levels
from .network_options import MeanOption, ScoresOption, StdOption, TaskOption, ThresholdOption, normalisation_of
from .precision_options import CalibrateFramesOption, CalibrateOption, Precision, PrecisionOption, frames_of
from .terminal import Terminal
from .vote_options import VoteOption, VoteRadiusOption, parse_vote


def export(
    checkpoint: Annotated[
        str,
        typer.Argument(
            metavar="CHECKPOINT", help="A .safetensors file or a preset's name.", autocompletion=complete_network
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The ONNX file to write.")],
    size: Size = None,
    task: TaskOption = None,
    threshold: ThresholdOption = None,
    scores: ScoresOption = None,
    mean: MeanOption = None,
    std: StdOption = None,
    precision: PrecisionOption = Precision.float32,
    calibrate: CalibrateOption = None,
    calibrate_frames: CalibrateFramesOption = None,
    levels: LevelsOption = None,
    *,
    terminal: Terminal,
) -> None:
    """Export a checkpoint to ONNX; without --size height and width stay symbolic. With --precision int8 it is an
    integer network, and CHECKPOINT may also be the ONNX file of a float one."""
    from ...compile.frontend.loader import from_proto
    from ...model.files import write_whole
    from ..checkpoints import known_checkpoint
    from ..models import export_checkpoint, known_model
    from ..said import Said

    said = Said(task, threshold, scores, normalisation_of(mean, std))
    frames, asked = frames_of(precision, calibrate, calibrate_frames, levels), parse_size(size)
    if frames is None:
        exported = from_proto(export_checkpoint(known_checkpoint(checkpoint), asked), str(output))
        model = said.prepare(exported, terminal.say)
    else:
        from ..integer import integer_model, ready_made

        shipped = None if asked else ready_made(checkpoint, frames)
        given = said.prepare(shipped or known_model(checkpoint, asked), terminal.say)
        model = given if shipped else integer_model(given, frames, asked, terminal.say)
    write_whole(output, model.data)
    result = {"file": str(output), "bytes": output.stat().st_size, "sha256": model.sha256, "model": model.name}
    line = f"{output}: {result['bytes']:,} bytes, {model.weights} weights, sha256 {model.sha256[:16]}"
    terminal.show(result, [line])


def verify(
    bundle: BundleArgument,
    image: Annotated[
        Path | None, typer.Option("--image", metavar="FILE", help="A frame instead of the synthetic scene.")
    ] = None,
    levels: LevelsOption = None,
    golden: Annotated[
        bool, typer.Option("--golden", help="Only by the bundle's own golden files; needs no compiler.")
    ] = False,
    threads: Threads = 1,
    *,
    terminal: Terminal,
) -> None:
    """Prove again that a bundle computes what its network computes. Where the extra `compile` is not installed, the
    bundle's golden files are compared instead, and that is said."""
    from ...compile.errors import CompileError
    from ..golden import check_golden

    if golden and image:
        raise CompileError("--golden is the bundle's own frame, --image is another; give one of them")
    if levels is not None and not image:
        raise CompileError("--levels is of the frame of --image; give one, or leave it out")
    if not golden and (lacks := lacking()):
        install = f"{lacks} is not installed: pip install '.[compile]' (in a clone)"
        if image:
            raise CompileError(f"{image}: what it should give ONNX Runtime says, but {install}")
        terminal.warn(f"note: {install} for the whole proof")
        golden = True
    if golden:
        checked = check_golden(bundle, threads)
        terminal.show(asdict(checked), [checked.summary()])
        return
    from ..verify import verify_bundle

    verified = verify_bundle(bundle, image, threads, terminal.say, parse_levels(levels))
    terminal.show(asdict(verified), [verified.summary()] if verified.device else [])
    if not verified.device:
        raise CompileError(f"{bundle}: {verified.summary()}")


def lacking() -> str | None:
    """The first package of those that make a plan and a reference which is not installed."""
    for package in ("onnx", "onnxruntime", "tvm"):
        try:
            if find_spec(package) is None:
                return package
        except ImportError:
            return package
    return None


def run(
    bundle: BundleArgument,
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE",
            help="Images of any size, grey or colour, folders of them, video files, cameras (camera:0, /dev/video0, "
            "rtsp://...), with --raw also - for standard input.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="Write NAME.mask.png and targets.csv there, of other tasks "
            "classes.csv, or NAME.values.npy and NAME.png; and frames.jsonl.",
        ),
    ] = None,
    probability: Annotated[bool, typer.Option("--probability", help="Write NAME.probability.npy too.")] = False,
    overlay: Annotated[bool, typer.Option("--overlay", help="Write NAME.overlay.png too: boxes and scores.")] = False,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", metavar="FILE", help="Of a classification: names of the classes, one a line."),
    ] = None,
    top: Annotated[
        int | None,
        typer.Option("--top", min=1, metavar="N", help="Of a classification: so many classes.  [default: 5]"),
    ] = None,
    value_range: Annotated[
        str | None,
        typer.Option(
            "--range",
            metavar="LOW:HIGH",
            help="Of a map: values that are black and white in NAME.png.  [default: 0:255]",
        ),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option("--rate", metavar="FPS", help="Take frames at this rate, and drop those that come too soon."),
    ] = None,
    tile: Annotated[
        bool, typer.Option("--tile", help="Frames larger than the bundle's in tiles, not resized.")
    ] = False,
    threshold: Annotated[
        float | None,
        typer.Option("--threshold", metavar="P", help="Above it is a target.  [default: the bundle's own]"),
    ] = None,
    vote: VoteOption = None,
    vote_radius: VoteRadiusOption = None,
    levels: LevelsOption = None,
    raw: Annotated[
        str | None,
        typer.Option(
            "--raw",
            metavar="HxW:TYPE",
            help="The sources are raw frames of u8, u16le, u16be or f32, one after the other.",
        ),
    ] = None,
    threads: Threads = 1,
    *,
    terminal: Terminal,
) -> None:
    """Find the targets in frames, or with a bundle for another task their classes or maps: through the bundle itself
    here, or under the emulator if it is for a board."""
    from ...compile.errors import CompileError
    from ..answers import Wishes
    from ..frames import Rate
    from ..raw_frames import Raw
    from ..run import Wanted, run_frames
    from ..text import printable

    say = terminal.say
    if rate is not None and not 0 < rate < math.inf:
        raise CompileError(f"--rate {rate:g}: give frames a second, above 0")
    pace = Rate(rate) if rate else None
    results, done, started = [], 0, math.nan
    try:
        wishes = Wishes(labels, top, parse_range(value_range))
        wanted = Wanted(output, probability, overlay, threshold, parse_vote(vote, vote_radius), wishes)
        scale, layout = parse_levels(levels), Raw.parse(raw) if raw is not None else None
        for result in run_frames(bundle, sources, threads, wanted, say, pace, tile, scale, layout, terminal.warn):
            if not done:
                started = time.perf_counter()  # with the first one the model has been loaded
            done += 1
            if terminal.json:
                results.append(asdict(result))
            terminal.show_line(f"{printable(result.image)}: {result.height}x{result.width}, {printable(result.line())}")
    finally:  # a camera is ended by Ctrl-C
        if done:
            terminal.show(results, [])
        if pace and done:
            speed = f", {(done - 1) / (time.perf_counter() - started):.1f} a second" if done > 1 else ""
            say(f"{done} frames{speed}; {pace.dropped} dropped")
        if output and done:
            say(f"written {output}: {', '.join(kinds_of(output))}")


def kinds_of(folder: Path) -> list[str]:
    """The tables in a folder of results, and what else is there, for a person."""
    tables = [name for name in ("targets.csv", "classes.csv", "frames.jsonl") if (folder / name).exists()]
    kinds = {"*.values.npy": "values", "*.png": "pictures"}
    return [*tables, *(kind for pattern, kind in kinds.items() if any(folder.glob(pattern)))]


def parse_range(text: str | None) -> tuple[float, float] | None:
    """'0:1' -> (0, 1). Raises CompileError."""
    from ...compile.errors import CompileError

    if text is None:
        return None
    try:
        low, high = map(float, text.split(":"))
    except ValueError:
        low = high = math.nan
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise CompileError(f"--range {text}: give which values are black and white, for example 0:1")
    return low, high
