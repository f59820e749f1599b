# SPDX-License-Identifier: Apache-2.0
"""`biisnet train`, `biisnet eval` and `biisnet variants`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from .arguments import Threads, complete_network, parse_size
from .levels_option import LevelsOption, parse_levels
from .precision_options import CalibrateFramesOption, CalibrateOption, Precision, PrecisionOption, frames_of
from .terminal import Terminal, as_json

Checkpoint = Annotated[
    str | None,
    typer.Argument(
        metavar="MODEL",
        help="A preset's or a variant's name, to start from random weights (with --precision int8 from the shipped "
        "ones), or a .safetensors checkpoint to go on from; by default biisnet.",
        autocompletion=complete_network,
    ),
]
Evaluated = Annotated[
    str | None,
    typer.Argument(
        metavar="MODEL",
        help="A preset's name, a .safetensors checkpoint, an ONNX file, or a bundle (its folder or its .tar); by "
        "default the shipped network.",
        autocompletion=complete_network,
    ),
]
Data = Annotated[Path | None, typer.Option("--data", metavar="DIR", help="A data set: images/, masks/, split lists.")]
FrameSize = Annotated[
    str | None,
    typer.Option("--size", metavar="HxW", help="What frames are resized to.  [default: the model's own, or 256x256]"),
]
Synthetic = Annotated[bool, typer.Option("--synthetic", help="Made-up scenes instead of a data set.")]
Scenes = Annotated[
    int | None,
    typer.Option(
        "--scenes", min=2, metavar="N", help="How many of them.  [default: 512 to train on, 256 to evaluate on]"
    ),
]


def train(
    model: Checkpoint = None,
    data: Data = None,
    split: Annotated[str, typer.Option("--split", help="The split to train on; 'all' is every image.")] = "trainval",
    validation: Annotated[
        str | None, typer.Option("--validation", metavar="SPLIT", help="The split to validate on.")
    ] = None,
    share: Annotated[
        float | None,
        typer.Option(
            "--hold-out",
            metavar="SHARE",
            min=0.01,
            max=0.9,
            help="Where there is no such split: the share of the frames to validate on.  [default: 0.1]",
        ),
    ] = None,
    levels: LevelsOption = None,
    synthetic: Synthetic = False,
    scenes: Scenes = None,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="The run's folder.")] = Path("run"),
    recipe: Annotated[
        Path | None, typer.Option("--recipe", metavar="FILE", help="JSON of a recipe's fields, all or some.")
    ] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="Instead of the recipe's.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Instead of the recipe's.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the folder's run, if there is one.")] = False,
    compile_: Annotated[
        bool, typer.Option("--compile/--no-compile", help="torch.compile: minutes to start, faster then.")
    ] = False,
    precision: Annotated[
        str,
        typer.Option(
            "--precision",
            help="Of convolutions: float32, bfloat16, auto. int8: fine-tunes a trained network through the roundings "
            "of its integer network.",
        ),
    ] = "auto",
    threads: Annotated[int | None, typer.Option("--threads", min=1, max=64, help="[default: all]")] = None,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Write TensorBoard's log too.")] = False,
    teacher: Annotated[
        Path | None,
        typer.Option("--teacher", metavar="FILE", help="A trained checkpoint to learn from beside the masks."),
    ] = None,
    *,
    terminal: Terminal,
) -> None:
    """Train a network from random weights (a preset) or from a checkpoint; DIR/best.safetensors is the best."""
    from ...model.source import Source
    from ..train import Training, read_recipe, train_model

    wanted = read_recipe(recipe, epochs, seed, precision)
    source = Source(data, split, count_of(synthetic, scenes, 512), wanted.seed, levels=parse_levels(levels))
    asked = Training(
        model, source, validation, share, wanted, output, resume, compile_, precision, threads, tensorboard, teacher
    )
    result = train_model(asked, terminal.say)
    if result is None:  # another process of torchrun says it
        return
    terminal.show(asdict(result), [result.summary()])


def count_of(synthetic: bool, scenes: int | None, default: int) -> int:
    """How many scenes are made up. Raises InputError."""
    from ...model.errors import InputError

    if scenes is not None and not synthetic:
        raise InputError("--scenes is of --synthetic, made-up scenes; leave it out")
    return (scenes or default) if synthetic else 0


def evaluate(
    model: Evaluated = None,
    data: Data = None,
    split: Annotated[str, typer.Option("--split", help="The split to evaluate on; 'all' is every image.")] = "test",
    levels: LevelsOption = None,
    synthetic: Synthetic = False,
    scenes: Scenes = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the made-up scenes, which no training draws.")] = 0,
    size: FrameSize = None,
    native: Annotated[
        bool,
        typer.Option("--native", help="Frames at their own size, padded and never resized, as BasicIRSTD has them."),
    ] = False,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            min=0,
            max=1,
            metavar="P",
            help="Above it is a target.  [default: the bundle's or the file's own, else 0.5]",
        ),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(
            "--fa-budget",
            metavar="FA",
            min=0,
            max=1,
            help="The false alarms that are allowed, of all pixels (1e-5): prints the lowest threshold that keeps "
            "within it, and its figures.",
        ),
    ] = None,
    fit: Annotated[
        bool,
        typer.Option(
            "--fit-scores",
            help="Fit slope and offset that make a detection's score the share of such detections that are targets, "
            "for `biisnet-compile --scores`.",
        ),
    ] = False,
    emulate: Annotated[bool, typer.Option("--emulate", help="Run a board's bundle on the emulated device.")] = False,
    precision: PrecisionOption = Precision.float32,
    calibrate: CalibrateOption = None,
    calibrate_frames: CalibrateFramesOption = None,
    overlays: Annotated[
        Path | None, typer.Option("--overlays", metavar="DIR", help="Pictures of hits, misses and false alarms.")
    ] = None,
    roc: Annotated[Path | None, typer.Option("--roc", metavar="FILE", help="Draw Pd over Fa (PNG).")] = None,
    reliability: Annotated[
        Path | None,
        typer.Option("--reliability", metavar="FILE", help="Draw the share of targets over a detection's score (PNG)."),
    ] = None,
    threads: Threads = 1,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write all figures there, as JSON.")
    ] = None,
    *,
    terminal: Terminal,
) -> None:
    """Evaluate a checkpoint, an ONNX file or a bundle: mIoU, nIoU, Pd and Fa."""
    from ...model.errors import InputError
    from ...model.files import write_whole
    from ...model.reliability import picture
    from ...model.source import Source
    from ..evaluate import evaluate_model, open_predictor, roc_picture
    from ..outputs import check_outputs

    say = terminal.say
    check_outputs(files=[p for p in (roc, reliability, output) if p], folder=overlays)
    source = Source(data, split, count_of(synthetic, scenes, 256), seed, True, parse_levels(levels))
    asked = parse_size(size)
    calibration = frames_of(precision, calibrate, calibrate_frames, levels if calibrate else None)
    with open_predictor(
        model, asked, emulate=emulate, threads=threads, say=say, native=native, calibration=calibration
    ) as predictor:
        at = f"{predictor.size[0]}x{predictor.size[1]}" if predictor.size else "frames at their own size"
        say(f"model  {predictor.name} ({predictor.engine}), {at}")
        frames = source.read(predictor.size, terminal.warn)
        say(f"data   {source}: {len(frames)} frames")
        result = evaluate_model(predictor, str(source), frames, threshold, overlays, budget, fit)
    if roc:
        write_whole(roc, roc_picture(result))
    if reliability:
        write_whole(reliability, picture(result.reliability, f"{result.model}, {result.data}"))
    if output:
        write_whole(output, f"{as_json(result.as_dict())}\n".encode())
    terminal.show(result.as_dict(), [result.summary()])
    if result.failed:
        raise InputError("; ".join(result.failed))


def variants(*, terminal: Terminal) -> None:
    """List the networks that have a name: where in the paper's tables they stand, and in what they differ from the
    default network. Any of them can be trained."""
    from ...model.config import EARLIER
    from ...model.variants import NETWORKS, TABLES, differences

    places = {
        name: [f"Table {n}: {row.title}" for n, table in TABLES.items() for row in table if row.network == name]
        for name in NETWORKS
    }
    differs = {name: differences(config) for name, config in NETWORKS.items()}
    lines = []
    for name in NETWORKS:
        other = f"{EARLIER[name]}, with earlier weights" if name in EARLIER else "the default network"
        lines.append(f"{name:22} {'; '.join(places[name]) or other}")
        lines.append(f"{'':22} {', '.join(f'{field} {value}' for field, value in differs[name].items())}".rstrip())
    terminal.show([{"name": name, "tables": places[name], "differs": differs[name]} for name in NETWORKS], lines)


def scenes(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="A new folder.")] = Path("scenes"),
    count: Annotated[int, typer.Option("--count", min=1, help="How many.")] = 8,
    size: Annotated[str, typer.Option("--size", metavar="HxW", help="Their height and width.")] = "256x256",
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Other ones for each.")] = 0,
    *,
    terminal: Terminal,
) -> None:
    """Write made-up infrared frames with small targets, and their masks, as a data set: images/, masks/."""
    from ...model.datasets import write_frames
    from ...model.scenes import scenes as made_up

    height, width = parse_size(size) or (256, 256)
    # those that no training with --synthetic has drawn
    write_frames(output, made_up(count, height, width, seed, unseen=True))
    result = {"folder": str(output), "frames": count, "size": [height, width], "seed": seed}
    terminal.show(result, [f"{output}: {count} frames of {height}x{width}, seed {seed}"])
