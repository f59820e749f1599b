"""`biisnet run`: images through a bundle, here or under the emulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..model.files import write_whole
from ..model.images import mask_png, npy, read_image
from ..runtime import load
from ..runtime.bundle import RUNNER, open_bundle
from ..runtime.probe import Probe
from ..runtime.resize import resize_bilinear
from ..targets import emulator
from .errors import CompileError
from .manifest import frame_size, target_of

F32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Detection:
    """What was found in one image."""

    image: str
    height: int
    width: int
    target_pixels: int
    targets: int  # 8-connected components
    mask: str | None  # the file written


@contextmanager
def open_model(bundle: Path, threads: int, say: Callable[[str], None]) -> Iterator[tuple[Callable[[F32], F32], float]]:
    """(image [H, W] grey levels -> probability [H, W], threshold) of a bundle."""
    with open_bundle(bundle) as opened:
        target = target_of(opened.manifest)
        prefix = emulator.command(target)
        if prefix is None:
            raise CompileError(f"{bundle}: is for {target.name}; {emulator.MISSING}")
        threshold = float(opened.manifest["threshold"])
        if not prefix:
            with load(opened.path, threads) as model:
                yield model, threshold
            return
        say(f"{target.name} is emulated here: results are those of the board, times are not")
        height, width = frame_size(opened.manifest)
        with Probe([*prefix, opened.path / RUNNER], threads) as probe:

            def emulated(image: F32) -> F32:
                (result,) = probe.run(resize_bilinear(image, height, width)[None, None])
                return resize_bilinear(result[0, 0], *image.shape)

            yield emulated, threshold


def run_images(
    bundle: Path, images: list[Path], threads: int, output: Path | None, probability: bool, say: Callable[[str], None]
) -> Iterator[Detection]:
    """Detections image by image; masks (and probabilities) are written to `output`. Raises CompileError."""
    if output:
        if again := next((p for n, p in enumerate(images) if p.stem in {q.stem for q in images[:n]}), None):
            raise CompileError(f"{again}: an image of the same name is given before it; run it with another -o")
        output.mkdir(parents=True, exist_ok=True)
    elif probability:
        raise CompileError("--probability writes files: say where with -o DIR")
    with open_model(bundle, threads, say) as (model, threshold):
        for path in images:
            image = read_image(path)
            result = model(image)
            mask = result > threshold
            written = None
            if output:
                written = str(output / f"{path.stem}.mask.png")
                write_whole(Path(written), mask_png(mask))
                if probability:
                    write_whole(output / f"{path.stem}.probability.npy", npy(result))
            height, width = mask.shape
            yield Detection(str(path), height, width, int(mask.sum()), count_components(mask), written)


def count_components(mask: npt.NDArray[np.bool_]) -> int:
    """8-connected components of a mask, by flood fill from each pixel that is set."""
    left = {(int(y), int(x)) for y, x in np.argwhere(mask)}
    count = 0
    while left:
        count += 1
        edge = [left.pop()]
        while edge:
            y, x = edge.pop()
            near = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & left
            left -= near
            edge += near
    return count
