# SPDX-License-Identifier: Apache-2.0
"""Frames through a bundle that finds no targets: the best classes of each, or its map of values."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..compile.errors import CompileError
from ..model.files import write_whole
from ..model.images import levels_png, npy
from ..runtime.classes import SHOWN, Class, best_classes, read_labels
from ..runtime.levels import WHITE, check_whole
from ..runtime.signature import CLASSIFICATION, SEGMENTATION, Signature
from .frames import Picture
from .inference import Infer
from .names import csv_value, file_name

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Wishes:
    """What is wanted of answers: names of the classes, how many of the best, and which values of a map are black and
    white in its picture."""

    labels: Path | None = None
    top: int | None = None
    range: tuple[float, float] | None = None


@dataclass(frozen=True)
class AnswerResult:
    """The answer to one frame: its best classes, or the size of its map; and the files written of it."""

    image: str
    height: int
    width: int
    classes: tuple[Class, ...]
    shape: tuple[int, ...]  # of the values
    values: str | None  # the files written
    picture: str | None

    def line(self) -> str:
        """The answer for a person."""
        if self.classes:
            return ", ".join(f"{c.label or c.index} {c.score:.4g}" for c in self.classes)
        return f"{'x'.join(map(str, self.shape))} values"


@dataclass(frozen=True)
class Answerer:
    """A bundle that gives classes or values."""

    infer: Infer
    signature: Signature
    wishes: Wishes
    labels: tuple[str, ...]
    folder: Path | None

    def look(self, frame: Picture) -> AnswerResult:
        """Answer one frame, and write its files. Raises CompileError."""
        try:
            if self.signature.inputs[0].dtype == "uint8" and frame.is_exact:
                check_whole(frame.image)
            values = self.infer(frame.image)
        except ValueError as e:
            raise CompileError(f"{frame.name}: {e}") from e
        height, width = frame.image.shape[-2:]
        if self.signature.task == CLASSIFICATION:
            best = best_classes(values, self.wishes.top or SHOWN, self.labels)
            return AnswerResult(frame.name, height, width, tuple(best), values.shape, None, None)
        written = drawn = None
        if self.folder:
            place = self.folder / frame.stem
            written = f"{place}.values.npy"
            write_whole(Path(written), npy(values))
            if (levels := self.picture(values)) is not None:
                drawn = f"{place}.png"
                write_whole(Path(drawn), levels_png(levels))
        return AnswerResult(frame.name, height, width, (), values.shape, written, drawn)

    def picture(self, values: Array) -> npt.NDArray[np.uint8] | None:
        """Levels of a map of 1 or 3 channels, of a segmentation the numbers of its classes; None of others."""
        if self.signature.task == SEGMENTATION and values.ndim == 3:
            return values.argmax(0).astype(np.uint8) if len(values) <= 256 else None
        if values.ndim == 3 and len(values) != 3:
            return None
        low, high = self.wishes.range or ((0, 1) if self.signature.outputs[0].is_answer else (0, WHITE))
        shown = np.nan_to_num((values.astype(np.float64) - low) * WHITE / (high - low), nan=0.0)
        return np.rint(np.clip(shown, 0, WHITE)).astype(np.uint8)


def check_wishes(path: Path, signature: Signature, wishes: Wishes) -> tuple[str, ...]:
    """The labels. Raises CompileError where wishes are of another task, or the labels are no such."""
    if signature.task != CLASSIFICATION:
        if wishes.labels or wishes.top:
            raise CompileError(f"{path}: is for {signature.task}; --labels and --top are for classification")
        return ()
    if wishes.range:
        raise CompileError(f"{path}: is for classification; --range is for maps")
    count = int(np.prod(signature.outputs[0].shape))
    if wishes.top and wishes.top > count:
        raise CompileError(f"--top {wishes.top}: {path} has {count} classes")
    try:
        return tuple(read_labels(wishes.labels, count)) if wishes.labels else ()
    except ValueError as e:
        raise CompileError(str(e)) from e


@contextmanager
def answer_tables(folder: Path | None, signature: Signature) -> Iterator[Callable[[AnswerResult], None]]:
    """Writer of results into classes.csv (a line a class, as biisnet-run writes it) and frames.jsonl (a line a frame),
    at once."""
    if not folder:
        yield lambda _: None
        return
    how: Any = {"mode": "w", "encoding": "utf-8", "errors": "surrogateescape", "newline": ""}
    with (folder / "frames.jsonl").open(**how) as lines:

        def write(result: AnswerResult) -> None:
            lines.write(json.dumps({**asdict(result), "image": file_name(result.image)}) + "\n")
            lines.flush()

        if signature.task != CLASSIFICATION:
            yield write
            return
        with (folder / "classes.csv").open(**how) as table:
            writer = csv.writer(table, lineterminator="\n")
            writer.writerow(["image", "rank", "class", "label", "score"])

            def write_both(result: AnswerResult) -> None:
                for rank, c in enumerate(result.classes, 1):
                    writer.writerow([file_name(result.image), rank, c.index, c.label, csv_value(c.score)])
                table.flush()
                write(result)

            yield write_both
