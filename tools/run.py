# SPDX-License-Identifier: Apache-2.0
"""`biisnet run`: frames through a bundle, here or under the emulator."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..compile.emit.manifest import target_of
from ..compile.errors import CompileError
from ..model.files import write_whole
from ..model.images import mask_png, npy
from ..model.overlay import detections_overlay
from ..runtime import load
from ..runtime.bundle import RUNNER, Bundle, open_bundle
from ..runtime.detections import Detection, Detector, detector
from ..runtime.probe import Probe
from ..runtime.resize import resize_bilinear
from ..runtime.tiles import tile_starts, tiled, tiling
from ..targets import emulator
from .frames import NUMBERED, Picture, Rate, find_sources, is_series, read_frames, stem_of

F32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Result:
    """What was found in one frame."""

    image: str
    height: int
    width: int
    target_pixels: int
    targets: tuple[Detection, ...]
    mask: str | None  # the files written
    overlay: str | None


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
) -> Iterator[tuple[Callable[[F32], F32], Detector]]:
    """(image [H, W] grey levels -> probability [H, W], what finds the targets in that) of a bundle; with `tile` in the
    image's own resolution, tile by tile.

    Raises BundleError where it is for another task than detection, CompileError where it does not run here.
    """
    with open_bundle(bundle) as opened:
        target = target_of(opened.manifest)
        prefix = emulator.command(target)
        if prefix is None:
            raise CompileError(f"{bundle}: is for {target.name}; {emulator.why_not_here(target)}")
        finds = detector(opened.signature, str(bundle))
        if tile:
            check_tiling(bundle, opened)
        if not prefix:
            with load(opened.path, threads) as model:
                yield model.tiled if tile else model, finds
            return
        say(f"{target.name} is emulated here: results are those of the board, times are not")
        height, width = opened.signature.size
        with Probe([*prefix, opened.path / RUNNER], threads) as probe:

            def emulated(image: F32) -> F32:
                (result,) = probe.run(resize_bilinear(image, height, width)[None, None])
                return resize_bilinear(result[0, 0], *image.shape)

            def emulated_tiles(image: F32) -> F32:
                return tiled(emulated, image, (height, width), *tiling(opened.manifest))

            yield emulated_tiles if tile else emulated, finds


def check_tiling(path: Path, bundle: Bundle) -> None:
    """Raise CompileError where a bundle's tiles have no inside: before anything is written."""
    try:
        for side in bundle.signature.size:
            tile_starts(2 * side, side, *tiling(bundle.manifest))
    except ValueError as e:
        raise CompileError(f"{path}: {e}") from e


def run_frames(
    bundle: Path,
    sources: Sequence[str],
    threads: int,
    wanted: Wanted,
    say: Callable[[str], None],
    rate: Rate | None = None,
    tile: bool = False,
) -> Iterator[Result]:
    """Results frame by frame; files are written, and tables grow, as they come.

    Raises CompileError, InputError.
    """
    found = find_sources(sources)
    if wanted.folder and (twice := twice_named(found)):
        raise CompileError(f"{twice}: a frame of the same name is given before it; run it with another -o")
    frames = read_frames(found)
    first = next(frames)  # what is no frame is said before anything is opened or written
    if wanted.folder:
        wanted.folder.mkdir(parents=True, exist_ok=True)
    with open_model(bundle, threads, say, tile) as (model, finds), tables(wanted.folder) as write:
        for frame in (rate or iter)(itertools.chain([first], frames)):
            result = look(model, finds, frame, wanted)
            write(result)
            yield result


def twice_named(sources: Sequence[str]) -> str | None:
    """The first source whose files could replace those of one before it."""
    single: set[str] = set()  # stems of images
    series: set[str] = set()  # of videos and cameras, to each of whose frames a number is added
    taken: set[str] = set()  # those that images have the numbered names of
    for source in sources:
        stem = stem_of(source)
        numbered = NUMBERED.fullmatch(stem)
        if is_series(source):
            if stem in series | taken:
                return source
            series.add(stem)
        elif stem in single or (numbered and numbered[1] in series):
            return source
        else:
            single.add(stem)
            taken |= {numbered[1]} if numbered else set()
    return None


def look(model: Callable[[F32], F32], finds: Detector, frame: Picture, wanted: Wanted) -> Result:
    """Find the targets in one frame, and write its files."""
    try:
        probability = model(frame.image)
    except ValueError as e:
        raise CompileError(f"{frame.name}: {e}") from e
    mask, targets = finds.mask(probability), tuple(finds.targets(probability))
    written = drawn = None
    if wanted.folder:
        place = wanted.folder / frame.stem
        written = f"{place}.mask.png"
        write_whole(Path(written), mask_png(mask))
        if wanted.probability:
            write_whole(Path(f"{place}.probability.npy"), npy(probability))
        if wanted.overlay:
            drawn = f"{place}.overlay.png"
            write_whole(Path(drawn), detections_overlay(frame.image, targets))
    height, width = mask.shape
    return Result(frame.name, height, width, int(mask.sum()), targets, written, drawn)


def csv_value(value: int | float) -> str:
    """Nine digits tell any two float32 apart."""
    return f"{value:.9g}"


@contextmanager
def tables(folder: Path | None) -> Iterator[Callable[[Result], None]]:
    """What writes a result into targets.csv (a line a target, as biisnet-run writes it) and frames.jsonl (JSON Lines, a
    line a frame): at once, so that whatever ends a long run, what it has found is there."""
    if not folder:
        yield lambda _: None
        return
    with (folder / "targets.csv").open("w", newline="") as table, (folder / "frames.jsonl").open("w") as lines:
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(["image", *(f.name for f in fields(Detection))])

        def write(result: Result) -> None:
            writer.writerows([result.image, *map(csv_value, astuple(target))] for target in result.targets)
            lines.write(json.dumps(asdict(result)) + "\n")
            table.flush()
            lines.flush()

        yield write
