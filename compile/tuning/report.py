# SPDX-License-Identifier: Apache-2.0
"""The report of a session: the time of all kernels over the trials, and the gains."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...model.figures import figure_png
from .gains import Tuned, table_of
from .tasks import Task
from .trials import Trial


def curve(trials: Iterable[Trial], tasks: Sequence[Task]) -> list[float]:
    """Seconds of all kernels together in their best schedules so far, after each trial from the one on with which each
    task has been measured."""
    uses = {task.key: task.uses for task in tasks}
    best: dict[str, float] = {}
    points = []
    for trial in trials:
        if trial.key in uses and trial.seconds is not None:
            best[trial.key] = min(trial.seconds, best.get(trial.key, trial.seconds))
        if len(best) == len(uses):
            points.append(sum(seconds * uses[key] for key, seconds in best.items()))
    return points


def curve_picture(trials: Iterable[Trial], tasks: Sequence[Task]) -> bytes:
    """`curve` as PNG."""
    from matplotlib.figure import Figure

    every = list(trials)
    points = curve(every, tasks)
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    first = len(every) - len(points) + 1
    axes.step(range(first, len(every) + 1), [1e3 * p for p in points], where="post")
    axes.set(xlabel="trials", ylabel="all kernels, ms", ylim=(0, None))
    axes.grid(alpha=0.3)
    return figure_png(figure)


def report_text(result: Tuned, model: str, target: str) -> str:
    """The report, in Markdown."""
    about = f"# {model} on {target}\n\n{result.trials} trials, {result.rejected} rejected"
    return f"{about}\n\n![time of all kernels over the trials](curve.png)\n\n```text\n{table_of(result)}\n```\n"
