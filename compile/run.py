"""`biisnet run`: frames through a bundle, here or under the emulator."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..model.files import write_whole
from ..model.images import mask_png, npy
from ..model.overlay import detections_overlay
from ..runtime import load
from ..runtime.bundle import RUNNER, open_bundle
from ..runtime.detections import Detection, detect
from ..runtime.probe import Probe
from ..runtime.resize import resize_bilinear
from ..runtime.tiles import tiled, tiling
from ..targets import emulator
from .errors import CompileError
from .frames import Rate, find_sources, read_frames
from .manifest import frame_size, target_of

F32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Result:
    """What was found in one frame."""

    image: str
    height: int
    width: int
    target_pixels: int
    targets: tuple[Detection, ...]
    mask: str | None  # the file written


@dataclass(frozen=True)
class Wanted:
    """Which files to write, and where."""

    folder: Path | None
    probability: bool = False
    overlay: bool = False

    def __post_init__(self) -> None:
        for option in ("probability", "overlay"):
            if getattr(self, option) and not self.folder:
                raise CompileError(f"--{option} writes files: say where with -o DIR")


@contextmanager
def open_model(
    bundle: Path, threads: int, say: Callable[[str], None], tile: bool = False
) -> Iterator[tuple[Callable[[F32], F32], float]]:
    """(image [H, W] grey levels -> probability [H, W], threshold) of a bundle; with `tile` in the image's own
    resolution, tile by tile."""
    with open_bundle(bundle) as opened:
        target = target_of(opened.manifest)
        prefix = emulator.command(target)
        if prefix is None:
            raise CompileError(f"{bundle}: is for {target.name}; {emulator.MISSING}")
        threshold = float(opened.manifest["threshold"])
        if not prefix:
            with load(opened.path, threads) as model:
                yield model.tiled if tile else model, threshold
            return
        say(f"{target.name} is emulated here: results are those of the board, times are not")
        height, width = frame_size(opened.manifest)
        with Probe([*prefix, opened.path / RUNNER], threads) as probe:

            def emulated(image: F32) -> F32:
                (result,) = probe.run(resize_bilinear(image, height, width)[None, None])
                return resize_bilinear(result[0, 0], *image.shape)

            def emulated_tiles(image: F32) -> F32:
                return tiled(emulated, image, (height, width), *tiling(opened.manifest))

            yield emulated_tiles if tile else emulated, threshold


def run_frames(
    bundle: Path,
    sources: Sequence[str],
    threads: int,
    wanted: Wanted,
    say: Callable[[str], None],
    rate: Rate | None = None,
    tile: bool = False,
) -> Iterator[Result]:
    """Results frame by frame; files are written as they come, the tables of all targets at the end, however that is.

    Raises CompileError, InputError.
    """
    found = find_sources(sources)
    if wanted.folder:
        stems = [Path(s).stem for s in found]
        if again := next((s for n, s in enumerate(found) if stems[n] in stems[:n]), None):
            raise CompileError(f"{again}: an image of the same name is given before it; run it with another -o")
    frames = read_frames(found)
    first = next(frames)  # what is no frame is said before anything is opened or written
    if wanted.folder:
        wanted.folder.mkdir(parents=True, exist_ok=True)
    results: list[Result] = []
    with open_model(bundle, threads, say, tile) as (model, threshold), tables(wanted.folder, results):
        for name, image in (rate or iter)(itertools.chain([first], frames)):
            results.append(look(model, threshold, name, image, wanted))
            yield results[-1]


def look(model: Callable[[F32], F32], threshold: float, name: str, image: F32, wanted: Wanted) -> Result:
    """Find the targets in one frame, and write its files."""
    try:
        probability = model(image)
    except ValueError as e:
        raise CompileError(f"{name}: {e}") from e
    mask = probability > np.float32(threshold)
    targets = tuple(detect(probability, threshold))
    written = None
    if wanted.folder:
        place = wanted.folder / Path(name).stem
        written = f"{place}.mask.png"
        write_whole(Path(written), mask_png(mask))
        if wanted.probability:
            write_whole(Path(f"{place}.probability.npy"), npy(probability))
        if wanted.overlay:
            write_whole(Path(f"{place}.overlay.png"), detections_overlay(image, targets))
    height, width = mask.shape
    return Result(name, height, width, int(mask.sum()), targets, written)


@contextmanager
def tables(folder: Path | None, results: list[Result]) -> Iterator[None]:
    """Leaves targets.csv and targets.json of the results, after Ctrl-C or an error too."""
    try:
        yield
    finally:
        if folder and results:
            write_whole(folder / "targets.csv", csv_of(results).encode())
            write_whole(folder / "targets.json", (json.dumps([asdict(r) for r in results], indent=1) + "\n").encode())


def csv_of(results: Sequence[Result]) -> str:
    """A line a target, by RFC 4180."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["image", *(f.name for f in fields(Detection))])
    writer.writerows([r.image, *astuple(target)] for r in results for target in r.targets)
    return text.getvalue()
