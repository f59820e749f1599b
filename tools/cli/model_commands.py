# SPDX-License-Identifier: Apache-2.0
"""`biisnet export`, `verify` and `run`."""

from __future__ import annotations

import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from .arguments import BundleArgument, Json, Size, Threads, parse_size, print_json, say


def export(
    checkpoint: Annotated[str, typer.Argument(metavar="CHECKPOINT", help="A .safetensors file or a preset's name.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The ONNX file to write.")],
    size: Size = None,
    json_: Json = False,
) -> None:
    """Export a checkpoint to ONNX; without --size height and width stay symbolic."""
    from ...compile.frontend.loader import from_proto
    from ...model.files import write_whole
    from ..checkpoints import known_checkpoint
    from ..models import export_checkpoint

    proto = export_checkpoint(known_checkpoint(checkpoint), parse_size(size))
    model = from_proto(proto, str(output))
    write_whole(output, proto.SerializeToString(deterministic=True))
    result = {"file": str(output), "bytes": output.stat().st_size, "sha256": model.sha256, "model": model.name}
    if json_:
        print_json(result)
    else:
        print(f"{output}: {result['bytes']:,} bytes, {model.weights} weights, sha256 {model.sha256[:16]}")


def verify(
    bundle: BundleArgument,
    image: Annotated[
        Path | None, typer.Option("--image", metavar="FILE", help="A frame instead of the synthetic scene.")
    ] = None,
    threads: Threads = 1,
    json_: Json = False,
) -> None:
    """Prove again that a bundle computes what its network computes."""
    from ...compile.errors import CompileError
    from ..verify import verify_bundle

    verified = verify_bundle(bundle, image, threads, say)
    if json_:
        print_json(asdict(verified))
    elif verified.device:
        print(verified.summary())
    if not verified.device:
        raise CompileError(f"{bundle}: {verified.summary()}")


def run(
    bundle: BundleArgument,
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="Images of any size, grey or colour, folders of them, video files, cameras (camera:0).",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Write NAME.mask.png, targets.csv and frames.jsonl there."),
    ] = None,
    probability: Annotated[bool, typer.Option("--probability", help="Write NAME.probability.npy too.")] = False,
    overlay: Annotated[bool, typer.Option("--overlay", help="Write NAME.overlay.png too: boxes and scores.")] = False,
    rate: Annotated[
        float | None,
        typer.Option("--rate", metavar="FPS", help="Take frames at this rate, and drop those that come too soon."),
    ] = None,
    tile: Annotated[
        bool, typer.Option("--tile", help="Frames larger than the bundle's in tiles, not resized.")
    ] = False,
    threads: Threads = 1,
    json_: Json = False,
) -> None:
    """Find the targets in frames: through the bundle itself here, or under the emulator if it is for a board."""
    from ...compile.errors import CompileError
    from ..frames import Rate
    from ..run import Wanted, run_frames
    from ..text import plural

    if rate is not None and not rate > 0:
        raise CompileError(f"--rate {rate:g}: give frames a second, above 0")
    pace = Rate(rate) if rate else None
    results, done, started = [], 0, math.nan
    try:
        for result in run_frames(bundle, sources, threads, Wanted(output, probability, overlay), say, pace, tile):
            if not done:
                started = time.perf_counter()  # with the first one the model has been loaded
            done += 1
            if json_:
                results.append(asdict(result))
            else:
                print(
                    f"{result.image}: {result.height}x{result.width}, "
                    f"{plural(result.target_pixels, 'target pixel')}, {plural(len(result.targets), 'target')}"
                )
    finally:  # a camera is ended by Ctrl-C
        if json_ and done:
            print_json(results)
        if pace and done:
            speed = f", {(done - 1) / (time.perf_counter() - started):.1f} a second" if done > 1 else ""
            say(f"{done} frames{speed}; {pace.dropped} dropped")
        if output and done:
            say(f"written {output}: targets.csv, frames.jsonl, pictures")
