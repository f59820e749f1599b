# SPDX-License-Identifier: Apache-2.0
"""`biisnet run`: frames through a bundle, here or under the emulator."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..compile.errors import CompileError
from ..model.files import write_whole
from ..model.images import mask_png, npy
from ..model.overlay import detections_overlay
from ..runtime.answers import Values
from ..runtime.bundle import Bundle, open_bundle
from ..runtime.detections import Detection, Detector, detector
from ..runtime.levels import Levels, check_whole
from ..runtime.signature import DETECTION, Signature
from ..runtime.tiles import tile_starts, tiled, tiling
from ..runtime.voting import Vote
from .answers import Answerer, AnswerResult, Wishes, answer_tables, check_wishes
from .ballot import Ballot
from .frames import (
    NUMBERED,
    Picture,
    Rate,
    Reading,
    find_sources,
    is_series,
    numbered_otherwise,
    read_frames,
    stem_of,
)
from .inference import open_inference
from .names import csv_value, file_name
from .raw_frames import Raw
from .text import plural

F32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class FrameResult:
    """Targets found in one frame, and the files written of it."""

    image: str
    height: int
    width: int
    target_pixels: int
    targets: tuple[Detection, ...]
    mask: str | None  # the files written
    overlay: str | None
    voted_down: int | None = None
    """Targets that too few of the frames before have, which are in none of the above; None without a vote."""

    def line(self) -> str:
        """The result for a person."""
        down = f", {self.voted_down} voted down" if self.voted_down else ""
        return f"{plural(self.target_pixels, 'target pixel')}, {plural(len(self.targets), 'target')}{down}"


@dataclass(frozen=True)
class Wanted:
    """Files to write, and where."""

    folder: Path | None
    probability: bool = False
    overlay: bool = False
    threshold: float | None = None
    """The probability above which a pixel is a target, instead of the bundle's own."""
    vote: Vote | None = None
    """Targets to report: those that enough of a stream's frames have."""
    wishes: Wishes = field(default_factory=Wishes)
    """Of other tasks than detection."""

    def __post_init__(self) -> None:
        for option in ("probability", "overlay"):
            if getattr(self, option) and not self.folder:
                raise CompileError(f"--{option} writes files: say where with -o DIR")
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise CompileError(f"--threshold {self.threshold:g}: give a probability from 0 to 1")


@dataclass(frozen=True)
class Finder:
    """A bundle that finds targets."""

    infer: Callable[[F32], Values]
    """Grey levels [H, W] -> values [H, W] of its output; rounded before, where it takes bytes."""
    finds: Detector
    """What the values say."""
    takes_bytes: bool

    def probability(self, image: F32) -> F32:
        """Grey levels [H, W] -> float32 probabilities [H, W]."""
        return self.finds.probability(self.infer(image))


@contextmanager
def open_model(bundle: Path, threads: int, say: Callable[[str], None], tile: bool = False) -> Iterator[Finder]:
    """A bundle where it runs; with `tile` in the image's own resolution, tile by tile.

    Raises BundleError where it is for another task than detection, CompileError where it does not run here.
    """
    with open_bundle(bundle) as opened, open_finder(opened, bundle, threads, say, tile) as found:
        yield found


@contextmanager
def open_finder(
    opened: Bundle,
    path: Path,
    threads: int,
    say: Callable[[str], None],
    tile: bool,
    threshold: float | None = None,
) -> Iterator[Finder]:
    """The same of an open bundle, which `path` names; `threshold` is instead of its own."""
    finds = detector(opened.signature, str(path), threshold)
    if tile:
        check_tiling(path, opened)
    with open_inference(opened, path, threads, say) as infer:
        yield finder(infer, opened, finds, tile)


def finder(infer: Callable[[F32], Values], bundle: Bundle, finds: Detector, tile: bool) -> Finder:
    """A bundle's, by its inference of one frame."""

    def infer_tiles(image: F32) -> Values:
        return tiled(infer, image, bundle.signature.size, *tiling(bundle.manifest))

    return Finder(infer_tiles if tile else infer, finds, bundle.signature.inputs[0].dtype == "uint8")


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
    levels: Levels | None = None,
    raw: Raw | None = None,
    warn: Callable[[str], None] | None = None,
) -> Iterator[FrameResult | AnswerResult]:
    """Results frame by frame, targets of a detection and answers of other tasks; files are written, and tables grow, as
    they come. `warn` (by default `say`) says what must be known beside the results.

    Raises BundleError, CompileError, InputError.
    """
    with open_bundle(bundle) as opened:
        signature = opened.signature
        labels = check_wanted(bundle, signature, wanted, tile)
        raw = raw and replace(raw, channels=signature.channels)
        found = find_sources(sources, raw)
        if wanted.folder and (twice := twice_named(found, raw)):
            raise CompileError(f"{twice}: a frame of the same name is given before it; run it with another -o")
        frames = read_frames(found, Reading(levels, raw, warn or say, signature.channels))
        first = next(frames)  # what is no frame is said before anything is started or written
        if wanted.vote and found == list(sources) and len(found) == 1 and not is_series(found[0], raw):
            raise CompileError(
                f"{found[0]}: is one frame; --vote is for streams: a folder, a video, a camera, raw frames"
            )
        if wanted.vote and (pair := numbered_otherwise(found)):
            (warn or say)(
                f"note: {Path(pair[0]).name} comes before {Path(pair[1]).name}, in the order of names; a vote is of "
                "frames as they followed each other: fill numbers up with zeros"
            )
        if wanted.folder:
            wanted.folder.mkdir(parents=True, exist_ok=True)
        paced = (rate or iter)(itertools.chain([first], frames))
        if signature.task == DETECTION:
            with (
                open_finder(opened, bundle, threads, say, tile, wanted.threshold) as model,
                tables(wanted.folder) as write,
            ):
                ballot = Ballot(wanted.vote) if wanted.vote else None
                for frame in paced:
                    target = look(model, frame, wanted, ballot)
                    write(target)
                    yield target
            return
        with (
            open_inference(opened, bundle, threads, say) as infer,
            answer_tables(wanted.folder, signature) as write_answer,
        ):
            answerer = Answerer(infer, signature, wanted.wishes, labels, wanted.folder)
            for frame in paced:
                answer = answerer.look(frame)
                write_answer(answer)
                yield answer


def check_wanted(bundle: Path, signature: Signature, wanted: Wanted, tile: bool) -> tuple[str, ...]:
    """The labels of classes. Raises CompileError where what is wanted is of another task than the bundle's."""
    if why := signature.why_no_frames():
        raise CompileError(f"{bundle}: {why}; use the C interface")
    if signature.task == DETECTION:
        wishes = {"--labels": wanted.wishes.labels, "--top": wanted.wishes.top, "--range": wanted.wishes.range}
        if other := [name for name, value in wishes.items() if value]:
            raise CompileError(f"{bundle}: is for detection; leave out {other[0]}")
        return ()
    options = {
        "--probability": wanted.probability,
        "--overlay": wanted.overlay,
        "--tile": tile,
        "--threshold": wanted.threshold is not None,
        "--vote": wanted.vote is not None,
    }
    if other := [name for name, value in options.items() if value]:
        raise CompileError(f"{bundle}: is for {signature.task}; {other[0]} is for detection")
    return check_wishes(bundle, signature, wanted.wishes)


def twice_named(sources: Sequence[str], raw: Raw | None = None) -> str | None:
    """The first source whose files could replace those of one before it."""
    single: set[str] = set()  # stems of images
    series: set[str] = set()  # of those to each of whose frames a number is added
    taken: set[str] = set()  # those that images have the numbered names of
    for source in sources:
        stem = stem_of(source)
        numbered = NUMBERED.fullmatch(stem)
        if is_series(source, raw):
            if stem in series | taken:
                return source
            series.add(stem)
        elif stem in single or (numbered and numbered[1] in series):
            return source
        else:
            single.add(stem)
            taken |= {numbered[1]} if numbered else set()
    return None


def look(model: Finder, frame: Picture, wanted: Wanted, ballot: Ballot | None = None) -> FrameResult:
    """Find the targets in one frame, the next one of its stream, and write its files. Raises CompileError."""
    try:
        if model.takes_bytes and frame.is_exact:
            check_whole(frame.image)
        values = model.infer(frame.image)
    except ValueError as e:
        raise CompileError(f"{frame.name}: {e}") from e
    mask, found = model.finds.mask(values), model.finds.components(values)
    kept = ballot.see(frame, found) if ballot else [True] * len(found)
    for component, is_kept in zip(found, kept, strict=True):
        if not is_kept:
            component.erase(mask)
    targets = tuple(c.detection for c, is_kept in zip(found, kept, strict=True) if is_kept)
    voted_down = len(found) - len(targets) if ballot else None
    written = drawn = None
    if wanted.folder:
        place = wanted.folder / frame.stem
        written = f"{place}.mask.png"
        write_whole(Path(written), mask_png(mask))
        if wanted.probability:
            write_whole(Path(f"{place}.probability.npy"), npy(model.finds.probability(values)))
        if wanted.overlay:
            drawn = f"{place}.overlay.png"
            write_whole(Path(drawn), detections_overlay(frame.image, targets))
    height, width = mask.shape
    return FrameResult(frame.name, height, width, int(mask.sum()), targets, written, drawn, voted_down)


@contextmanager
def tables(folder: Path | None) -> Iterator[Callable[[FrameResult], None]]:
    """Writer of results into targets.csv (a line a target, as biisnet-run writes it) and frames.jsonl (JSON Lines, a
    line a frame): at once, so that whatever ends a long run, what it has found is there."""
    if not folder:
        yield lambda _: None
        return
    how: Any = {"mode": "w", "encoding": "utf-8", "errors": "surrogateescape", "newline": ""}
    with (folder / "targets.csv").open(**how) as table, (folder / "frames.jsonl").open(**how) as lines:
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(["image", *(f.name for f in fields(Detection))])

        def write(result: FrameResult) -> None:
            writer.writerows([file_name(result.image), *map(csv_value, astuple(target))] for target in result.targets)
            lines.write(json.dumps({**asdict(result), "image": file_name(result.image)}) + "\n")
            table.flush()
            lines.flush()

        yield write
