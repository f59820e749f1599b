# SPDX-License-Identifier: Apache-2.0
"""`biisnet report`: all that is known of a bundle on one page of HTML that needs no other file."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..compile.emit.bundle import MODEL
from ..compile.emit.manifest import channels, check_plan, frame_size, schedules_of, target_of
from ..compile.errors import CompileError
from ..compile.frontend import load_model
from ..compile.ir.memory import Arena
from ..compile.ir.plan import Plan
from ..compile.kernels.issue_bound import issue_bound
from ..compile.pipeline import PLAN_STEPS, make_plan
from ..compile.progress import Progress
from ..model.datasets import Say
from ..model.matching import DISTANCE
from ..model.overlay import detections_overlay
from ..model.scenes import scenes
from ..runtime.bundle import Bundle, open_bundle
from ..runtime.detections import Detection, detect
from ..runtime.errors import BundleError
from ..targets import Target
from .costs import Costs, cost_steps, find_costs
from .run import open_model

TEMPLATE = Path(__file__).parent / "report.html"
SAMPLES = 3


@dataclass(frozen=True)
class Row:
    """A stage; `cost` is in the report's unit, `bound` the cycles a pixel that its vector arithmetic alone would take
    on a core whose slots are known."""

    name: str
    kernel: str
    shape: str
    layers: str
    binary_macs: int
    full_macs: int
    bytes: int
    cost: float | None
    share: float
    bound: float | None


@dataclass(frozen=True)
class Tuned:
    """A kernel, all its stages together: whose record chose its schedule, if any, and what it costs with it and without
    any record, in the report's unit."""

    kernel: str
    schedule: str
    record: str | None
    cost: float | None
    default: float | None

    @property
    def less(self) -> float | None:
        """Of the default's cost, the part that is saved; None where that is not known."""
        return 1 - self.cost / self.default if self.cost is not None and self.default else None


@dataclass(frozen=True)
class Box:
    """A map in the arena: percent of the picture's width and height; `private` is each thread's own."""

    name: str
    left: float
    top: float
    width: float
    height: float
    private: bool
    bytes: int


@dataclass(frozen=True)
class Point:
    """A stage in the roofline: multiply-adds a byte and a second, and where that is in the picture, in percent."""

    name: str
    intensity: float
    speed: float
    x: float
    y: float
    binary: bool


@dataclass(frozen=True)
class Roofline:
    """Points below the corners of two roofs, by the kind of number; `dram` in bytes a second; the axes' labels, and
    where they are, in percent."""

    points: list[Point]
    roofs: dict[str, list[tuple[float, float]]]
    dram: float
    across: list[tuple[float, str]]
    up: list[tuple[float, str]]


@dataclass(frozen=True)
class Sample:
    """A synthetic frame with what the bundle found in it."""

    picture: str  # a data URL
    targets: int
    missed: int
    false: int


def report_bundle(path: Path, say: Say) -> str:
    """The page. Raises BundleError, CompileError."""
    import jinja2

    with open_bundle(path) as bundle:
        manifest = bundle.manifest
        model = load_model(bundle.path / MODEL)
        try:
            size, target, schedules = frame_size(manifest), target_of(manifest), schedules_of(manifest)
            # without its records too, where it has any: what tuning has gained
            wanted = [schedules, *([replace(schedules, records={})] if schedules.records else [])]
            progress = Progress(PLAN_STEPS * len(wanted) + cost_steps(len(wanted), target), say, None)
            plans = [make_plan(model, size, target, progress, s) for s in wanted]
            check_plan(plans[0], manifest, path)
            costs = find_costs(plans, target, progress)
            if costs[0].values is None:
                say(f"note: {costs[0].note}")
            return render(path, bundle, target, plans[0], costs[0], costs[-1], list(samples(path, manifest, say)))
        except (KeyError, TypeError, IndexError, jinja2.UndefinedError) as e:
            raise BundleError(f"{path}: its manifest is not what biisnet-compile writes ({e}); compile it again") from e


def rows(plan: Plan, costs: Costs, target: Target) -> Iterator[Row]:
    """A row a stage."""
    pixels = plan.program.inputs[0].height * plan.program.inputs[0].width
    total = costs.total or 0
    for k, step in enumerate(plan.kernels.steps):
        stage, out = step.stage, step.stage.outputs[0]
        cost = costs.values[k] if costs.values else None
        yield Row(
            stage.name,
            step.kernel,
            f"{out.channels}x{stage.height}x{stage.width}",
            ", ".join(stage.layers),
            stage.work.binary,
            stage.work.full,
            stage.map_bytes,
            cost,
            cost / total if cost and total else 0,
            None if (bound := issue_bound(stage, target.core)) is None else bound / pixels,
        )


def tuned_kernels(manifest: dict[str, Any], plan: Plan, costs: Costs, untuned: Costs) -> Iterator[Tuned]:
    """A row a kernel; `untuned` is what the same stages cost without records."""
    now, before = costs.of_kernels(plan), untuned.of_kernels(plan)
    for name, entry in manifest["kernels"].items():
        record = entry["record"]
        schedule = ", ".join(f"{field} {value}" for field, value in entry["schedule"].items())
        yield Tuned(name, schedule, record and record["database"], now.get(name), before.get(name))


def arena_boxes(arena: Arena) -> list[Box]:
    """The maps over the segments; the first thread's own maps lie behind those that are shared."""
    size, count = arena.bytes(1), len(arena.segments)
    return [
        Box(
            p.buffer.name,
            100 * p.first / count,
            100 * (p.offset + arena.shared_bytes * p.private) / size,
            100 * (p.last - p.first + 1) / count,
            100 * p.bytes / size,
            p.private,
            p.bytes,
        )
        for p in sorted(arena.placements.values(), key=lambda p: (p.first, p.offset))
    ]


X_DECADES, Y_DECADES = (-2.0, 4.0), (8.0, 11.5)
"""Of the roofline: log10 of multiply-adds a byte and a second."""


def place(intensity: float, speed: float) -> tuple[float, float]:
    """Where a point is in the roofline, in percent from the left and from the top."""
    x = (math.log10(intensity) - X_DECADES[0]) / (X_DECADES[1] - X_DECADES[0])
    y = 1 - (math.log10(speed) - Y_DECADES[0]) / (Y_DECADES[1] - Y_DECADES[0])
    return 100 * min(max(x, 0), 1), 100 * min(max(y, 0), 1)


def roofline(table: list[Row], pixels: int, target: Target) -> Roofline | None:
    """Of the stages that multiply, on a device whose vector pipes and memory are known."""
    issue = target.core.issue
    if not issue or not target.hertz or not target.dram:
        return None
    points = []
    for row in table:
        work = row.binary_macs + row.full_macs
        if work and row.cost:
            intensity, speed = work / row.bytes, work * target.hertz / (row.cost * pixels)
            points.append(Point(row.name, intensity, speed, *place(intensity, speed), row.binary_macs > 0))
    # eor, cnt and add are 128 multiply-adds of bits, a multiply-add is 4 of float32
    peaks = {"binary": 128 / (3 * issue.integer) * issue.per_cycle, "float": 4 / issue.float * issue.per_cycle}
    roofs = {name: roof(peak * target.hertz, target.dram) for name, peak in peaks.items()}
    across = [(place(10**d, 1)[0], f"{si(10**d)}MAC/byte") for d in decades(X_DECADES)]
    up = [(place(1, 10**d)[1], f"{si(10**d)}MAC/s") for d in decades(Y_DECADES)]
    return Roofline(points, roofs, target.dram, across, up)


def decades(axis: tuple[float, float]) -> range:
    """Whole powers of ten within an axis, its ends left out."""
    return range(math.floor(axis[0]) + 1, math.ceil(axis[1]))


def roof(speed: float, dram: float) -> list[tuple[float, float]]:
    """A roof of so many multiply-adds a second: the slope of so many bytes a second up to the ridge, then flat."""
    start = 10 ** X_DECADES[0]
    return [place(start, start * dram), place(speed / dram, speed), place(10 ** X_DECADES[1], speed)]


def samples(path: Path, manifest: dict[str, Any], say: Say) -> Iterator[Sample]:
    """Synthetic frames through the bundle; none where it does not run here, or its input is not one plane."""
    if channels(manifest) != 1:
        return
    try:
        with open_model(path, 1, say) as (model, threshold):
            for frame in scenes(SAMPLES, *frame_size(manifest), unseen=True):
                found, truth = detect(model(frame.image), threshold), detect(frame.mask.astype("float32"), 0.5)
                missed = [t for t in truth if not any(near(t, d) for d in found)]
                false = sum(not any(near(t, d) for t in truth) for d in found)
                url = base64.b64encode(detections_overlay(frame.image, found, missed)).decode()
                yield Sample(f"data:image/png;base64,{url}", len(truth), len(missed), false)
    except CompileError:
        return


def near(target: Detection, detection: Detection) -> bool:
    """Whether a detection is of a target, as Pd counts it: by their centroids."""
    return math.hypot(target.row - detection.row, target.column - detection.column) < DISTANCE


def render(
    path: Path, bundle: Bundle, target: Target, plan: Plan, costs: Costs, untuned: Costs, pictures: list[Sample]
) -> str:
    """The template, filled in."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters["si"] = si
    table = list(rows(plan, costs, target))
    seconds = costs.cycles / target.hertz if costs.cycles is not None and target.hertz else None
    height, width = frame_size(bundle.manifest)
    files = [(name, (bundle.path / name).stat().st_size, sha) for name, sha in bundle.manifest["files"].items()]
    return environment.from_string(TEMPLATE.read_text("utf-8")).render(
        path=path.name,
        manifest=bundle.manifest,
        size=f"{height}x{width}",
        rows=table,
        costs=costs,
        milliseconds=seconds and 1e3 * seconds,
        hertz=target.hertz,
        most=max((r.cost or 0 for r in table), default=0) or 1,
        boxes=arena_boxes(plan.streaming),
        arena=plan.streaming,
        roofline=roofline(table, height * width, target) if costs.cycles is not None else None,
        tuned=list(tuned_kernels(bundle.manifest, plan, costs, untuned)),
        untuned=untuned,
        samples=pictures,
        files=files,
    )


def si(value: float) -> str:
    """A number with a decimal prefix."""
    for factor, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= factor:
            return f"{value / factor:.3g} {prefix}"
    return f"{value:.3g} "
