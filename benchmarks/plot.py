# SPDX-License-Identifier: Apache-2.0
"""The figures as bars, on a logarithmic axis: shorter is faster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .results import Results
from .table import title

COLOURS = {
    "biisnet": "#2a7f62",
    "biisnet-int8": "#1d5946",
    "onnxruntime": "#4c6faf",
    "torch": "#c98b3c",
    "torch-compile": "#e0b77d",
}
OTHER = "#8c8c8c"
Bar = tuple[str, str, float]
"""Label, engine, length."""


def draw(results: Results, path: Path) -> None:
    """A panel for the host, with a bar for each number of threads; one for the board."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    host = [
        (
            f"{r.network} {r.size}, {title(r.engine)}, {r.threads} thread{'s' if r.threads > 1 else ''}",
            r.engine,
            r.median_ms,
        )
        for r in results.host
        if r.median_ms is not None
    ]
    device = [
        (f"{r.network} {r.size}, {title(r.engine)}", r.engine, r.cycles / r.pixels)
        for r in results.device
        if r.cycles is not None
    ]
    panels = [
        (bars, axis)
        for bars, axis in (
            (host, "host: milliseconds a frame (median)"),
            (device, f"emulated {results.target}: model cycles a pixel, one thread"),
        )
        if bars
    ]
    heights = [len(bars) + 1.5 for bars, _ in panels]
    figure, axes = pyplot.subplots(
        len(panels), 1, figsize=(9, 0.27 * sum(heights) + 1), squeeze=False, height_ratios=heights, layout="constrained"
    )
    for axis, (bars, label) in zip(axes[:, 0], panels, strict=True):
        draw_panel(axis, bars, label)
    figure.savefig(path, dpi=120, metadata={"Software": None})
    pyplot.close(figure)


def draw_panel(axis: Any, bars: list[Bar], label: str) -> None:
    """Horizontal bars, first on top, each with its value."""
    drawn = axis.barh(
        range(len(bars)), [value for *_, value in bars], color=[COLOURS.get(engine, OTHER) for _, engine, _ in bars]
    )
    axis.bar_label(drawn, [f"{value:,.4g}" if value < 1000 else f"{value:,.0f}" for *_, value in bars], padding=3)
    axis.set_yticks(range(len(bars)), [name for name, *_ in bars])
    axis.invert_yaxis()
    axis.set_xscale("log")
    axis.margins(x=0.12)
    axis.set_xlabel(label)
    axis.spines[["top", "right"]].set_visible(False)
