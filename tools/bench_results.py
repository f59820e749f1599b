# SPDX-License-Identifier: Apache-2.0
"""A benchmark as `biisnet bench` shows it: beside an earlier one, and as a picture."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..compile.errors import CompileError
from ..model.figures import figure_png
from ..model.text_file import read_text
from .bench import Benchmark
from .cost_text import a_pixel, time_of


@dataclass(frozen=True)
class Earlier:
    """Earlier benchmark to stand beside one: of what it is, and its medians by the number of threads."""

    path: Path
    about: tuple[Any, ...]
    medians: dict[int, float]


def read_earlier(path: Path) -> Earlier:
    """The benchmark that `biisnet bench --json` wrote. Raises CompileError."""
    try:
        old: dict[str, Any] = json.loads(read_text(path))
        medians = {int(t["threads"]): float(t["median_ms"]) for t in old["timings"]}
        about = (old["model"], old["target"], tuple(old["size"]), old["device"]["cpu"], old["emulated"])
    except OSError as e:
        raise CompileError(f"{path}: cannot be read: {e.strerror}") from e
    except (KeyError, OverflowError, RecursionError, TypeError, ValueError) as e:
        raise CompileError(f"{path}: not what `biisnet bench --json` writes") from e
    return Earlier(path, about, medians)


def compare(new: Benchmark, old: Earlier) -> list[str]:
    """Lines for a person: medians beside those of an earlier run."""
    now = (new.model, new.target, new.size, new.device.cpu, new.emulated)
    lines = [] if now == old.about else [f"{old.path} is of something else: {old.about}, this is {now}"]
    for timing in new.timings:
        if (median := old.medians.get(timing.threads, 0)) > 0:
            change = timing.median_ms / median - 1
            lines.append(f"{timing.on}: {median:.2f} ms before, {timing.median_ms:.2f} now ({change:+.1%})")
    return lines


def cost_line(result: Benchmark) -> str:
    """The cost model's figures, for a person. Needs a result that has them."""
    assert result.cost
    height, width = result.size
    return f"cost model, one thread: {a_pixel(result.cost, height * width)}{time_of(result.cost)}"


def draw(result: Benchmark) -> bytes:
    """Each inference's time, in order, as PNG: a device that slows down shows as a rising line."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    for timing in result.timings:
        axes.plot(
            timing.times_ms,
            linewidth=0.8,
            label=f"{timing.on}, median {timing.median_ms:.2f} ms",
        )
    size = "x".join(map(str, result.size))
    axes.set(xlabel="inference", ylabel="ms", ylim=(0, None), title=f"{result.model} {size} on {result.device.cpu}")
    axes.legend()
    axes.grid(alpha=0.3)
    return figure_png(figure)
