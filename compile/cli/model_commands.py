"""`biisnet export`, `verify` and `run`."""

from __future__ import annotations

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
    from ...model.files import write_whole
    from ..checkpoints import known_checkpoint
    from ..frontend.loader import from_proto
    from ..models import export_checkpoint

    proto = export_checkpoint(known_checkpoint(checkpoint), parse_size(size))
    model = from_proto(proto, str(output))
    write_whole(output, proto.SerializeToString(deterministic=True))
    result = {"file": str(output), "bytes": output.stat().st_size, "sha256": model.sha256, "model": model.name}
    if json_:
        print_json(result)
    else:
        print(f"{output}: {result['bytes']:,} bytes, sha256 {model.sha256[:16]}")


def verify(
    bundle: BundleArgument,
    image: Annotated[
        Path | None, typer.Option("--image", metavar="FILE", help="A frame instead of the synthetic scene.")
    ] = None,
    threads: Threads = 1,
    json_: Json = False,
) -> None:
    """Prove again that a bundle computes what its network computes."""
    from ..errors import CompileError
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
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Images of any size, grey or colour.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="Write NAME.mask.png there.")
    ] = None,
    probability: Annotated[bool, typer.Option("--probability", help="Write NAME.probability.npy too.")] = False,
    threads: Threads = 1,
    json_: Json = False,
) -> None:
    """Find the targets in images: through the bundle itself here, or under the emulator if it is for a board."""
    from ..run import run_images

    results = []
    for result in run_images(bundle, images, threads, output, probability, say):
        results.append(asdict(result))
        if not json_:
            print(
                f"{result.image}: {result.height}x{result.width}, {result.target_pixels} target pixels, "
                f"{result.targets} targets"
            )
    if json_:
        print_json(results)
