# SPDX-License-Identifier: Apache-2.0
"""The task "classification": scores -> the best classes; runner/classify.c is the same. numpy only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

SHOWN = 5
"""Classes that are told, where nobody says how many."""


@dataclass(frozen=True)
class Class:
    """A class and its score: a probability where the network ends in Softmax, else what it gives."""

    index: int
    score: float
    label: str = ""


def best_classes(scores: npt.NDArray[Any], count: int = SHOWN, labels: Sequence[str] = ()) -> list[Class]:
    """The `count` highest of scores [N], the highest first, of equal ones the first class; NaN comes last."""
    order = np.argsort(-np.where(np.isnan(scores), -np.inf, scores.astype(np.float64)), kind="stable")[:count]
    return [Class(int(i), float(scores[i]), labels[i] if labels else "") for i in order]


def read_labels(path: Path, classes: int) -> list[str]:
    """The names of `classes` classes, one a line (UTF-8). Raises ValueError, which names the file."""
    try:
        data = path.read_bytes()
        if b"\0" in data:
            raise ValueError
        text = data.decode("utf-8", "surrogateescape")
    except OSError as e:
        raise ValueError(f"{path}: cannot be read: {e.strerror}") from e
    except ValueError:
        raise ValueError(f"{path}: is no text; give the names of the classes, one a line") from None
    lines = text.split("\n")
    lines = [line.removesuffix("\r") for line in (lines[:-1] if not lines[-1] else lines)]
    if len(lines) != classes:
        raise ValueError(
            f"{path}: has {len(lines)} lines, the model has {classes} classes; give a name a line, in the order of the "
            "scores"
        )
    return lines
