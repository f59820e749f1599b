# SPDX-License-Identifier: Apache-2.0
"""`biisnet report`: all that is known of a bundle on one page of HTML that needs no other file."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..compile.emit.manifest import check_plan, schedules_of, target_of
from ..compile.emit.notices import MODEL
from ..compile.errors import CompileError
from ..compile.frontend import load_model
from ..compile.ir.memory import Arena
from ..compile.ir.plan import Plan
from ..compile.kernels.issue_bound import issue_bound
from ..compile.pipeline import PLAN_STEPS, make_plan
from ..compile.progress import Progress
from ..compile.verification.agreement import evidence, outcome
from ..model.datasets import Say
from ..model.matching import DISTANCE
from ..model.overlay import detections_overlay
from ..model.scenes import scenes
from ..runtime.bundle import Bundle, open_bundle
from ..runtime.detections import Detection, detect
from ..runtime.errors import BundleError
from ..runtime.signature import Signature
from ..targets import Target
from ..targets.cores import Issue
from ..targets.device_cost import DeviceCost
from ..targets.toolchain import check_cache
from .costs import MICROSECONDS, Costs, cost_steps, find_costs
from .roofline import Roofline, StageWork, draw, si
from .run import open_model

TEMPLATE = Path(__file__).parent / "report.html"
SAMPLES = 3


@dataclass(frozen=True)
class StageRow:
    """A stage; `cost` is in the report's unit, and so is `bound`, what its vector arithmetic alone would take on a core
    whose slots are known; `counted` is the model's figures, where there is one."""

    name: str
    kernel: str
    shape: str
    vectors_of: str
    """Pixels or channels: what lies side by side in its maps."""
    why: str
    """Why it is not computed by vectors of channels, where that was asked."""
    layers: str
    binary_macs: int
    full_macs: int
    bytes: int
    cost: float | None
    share: float
    bound: float | None
    counted: DeviceCost | None


@dataclass(frozen=True)
class TunedKernel:
    """A kernel, all its stages together: whose record chose its schedule, if any, and what it costs with it and without
    any record, in the report's unit."""

    kernel: str
    schedule: str
    record: str | None
    cost: float | None
    default: float | None

    @property
    def less(self) -> float | None:
        """Share of the default's cost that is saved; None where that is not known."""
        return 1 - self.cost / self.default if self.cost is not None and self.default else None


@dataclass(frozen=True)
class Box:
    """A map in the arena: percent of the picture's width and height; `ring`: it keeps some rows only."""

    name: str
    left: float
    top: float
    width: float
    height: float
    ring: bool
    bytes: int


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

    check_cache(say)
    with open_bundle(path) as bundle:
        manifest = bundle.manifest
        model = load_model(bundle.path / MODEL, manifest["model"]["name"])
        try:
            size, target, schedules = bundle.signature.size, target_of(manifest), schedules_of(manifest)
            # without its records too, where it has any: what tuning has gained
            wanted = [schedules, *([replace(schedules, records={})] if schedules.records else [])]
            progress = Progress(PLAN_STEPS * len(wanted) + cost_steps(len(wanted), target), say)
            plans = [make_plan(model, size, target, progress, s) for s in wanted]
            check_plan(plans[0], manifest, path)
            costs = find_costs(plans, target, progress)
            if costs[0].values is None:
                say(f"note: {costs[0].note}")
            return render(
                path, bundle, target, plans[0], costs[0], costs[-1], list(samples(path, bundle.signature, say))
            )
        except (KeyError, TypeError, IndexError, jinja2.UndefinedError) as e:
            raise BundleError(f"{path}: its manifest is not what biisnet-compile writes ({e}); compile it again") from e


def rows(plan: Plan, costs: Costs, target: Target) -> Iterator[StageRow]:
    """A row a stage."""
    pixels = plan.program.inputs[0].height * plan.program.inputs[0].width
    scale = 1e6 / target.hertz if costs.unit == MICROSECONDS and target.hertz else 1 / pixels  # of cycles
    total = costs.total or 0
    for k, step in enumerate(plan.kernels.steps):
        stage, out = step.stage, step.stage.outputs[0]
        cost, bound = costs.values[k] if costs.values else None, issue_bound(stage, target.core)
        yield StageRow(
            stage.name,
            step.kernel,
            f"{out.channels}x{stage.height}x{stage.width}",
            ", ".join(dict.fromkeys(b.layout.vectors_of for b in stage.outputs)),
            plan.program.missed.get("choose_layouts", {}).get(stage.name, ""),
            ", ".join(stage.layers),
            stage.work.binary,
            stage.work.full,
            stage.map_bytes,
            cost,
            cost / total if cost and total else 0,
            None if bound is None else bound * scale,
            costs.stages[k] if costs.stages else None,
        )


def tuned_kernels(manifest: dict[str, Any], plan: Plan, costs: Costs, untuned: Costs) -> Iterator[TunedKernel]:
    """A row a kernel; `untuned` is what the same stages cost without records."""
    now, before = costs.of_kernels(plan), untuned.of_kernels(plan)
    for name, entry in manifest["kernels"].items():
        record = entry["record"]
        schedule = ", ".join(f"{field} {value}" for field, value in entry["schedule"].items())
        yield TunedKernel(name, schedule, record and record["database"], now.get(name), before.get(name))


def arena_boxes(arena: Arena, stages: int) -> list[Box]:
    """The maps over the stages; a ring is one that does not keep all of its rows."""
    return [
        Box(
            p.buffer.name,
            100 * p.first / stages,
            100 * p.offset / arena.bytes,
            100 * (p.last - p.first + 1) / stages,
            100 * p.bytes / arena.bytes,
            p.slots < p.buffer.height,
            p.bytes,
        )
        for p in sorted(arena.placements.values(), key=lambda p: (p.first, p.offset))
    ]


def roofline(table: list[StageRow], target: Target) -> Roofline | None:
    """Roofline of the stages that multiply, on a device whose vector pipes and memory are known."""
    issue = target.core.issue
    memory = target.core.memory
    if not issue or not target.hertz or not memory:
        return None
    work = []
    for row in table:
        macs = row.binary_macs + row.full_macs
        if macs and row.counted and row.counted.seconds:
            speed = macs / row.counted.seconds
            work.append(StageWork(row.name, macs / row.bytes, speed, row.binary_macs > 0))
    roofs = {name: peak * target.hertz for name, peak in peaks(issue).items()}
    return draw(work, roofs, memory.dram_bytes_per_second)


def peaks(issue: Issue) -> dict[str, float]:
    """Multiply-adds a cycle: eor, cnt and add are 128 of bits, a multiply-add is 4 of float32."""
    return {"binary": 128 / (3 * issue.integer) * issue.per_cycle, "float": 4 / issue.float * issue.per_cycle}


def samples(path: Path, signature: Signature, say: Say) -> Iterator[Sample]:
    """Synthetic frames through the bundle; none where it does not run here, or finds no targets."""
    if signature.threshold is None:
        return
    try:
        with open_model(path, 1, say) as model:
            for frame in scenes(SAMPLES, *signature.size, unseen=True):
                found, truth = model.finds.targets(model.infer(frame.image)), detect(frame.mask.astype("float32"), 0.5)
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
    verified = bundle.manifest["verification"]
    table = list(rows(plan, costs, target))
    height, width = bundle.signature.size
    files = [(name, (bundle.path / name).stat().st_size, sha) for name, sha in bundle.manifest["files"].items()]
    return environment.from_string(TEMPLATE.read_text("utf-8")).render(
        path=path.name,
        manifest=bundle.manifest,
        evidence=evidence(verified) if verified["device"] else "",
        outcome=outcome({**verified, "task": bundle.signature.task}) if verified["device"] else "",
        size=f"{height}x{width}",
        rows=table,
        costs=costs,
        cost=costs.cost,
        pixels=height * width,
        memory=target.core.memory,
        hertz=target.hertz,
        most=max((r.cost or 0 for r in table), default=0) or 1,
        boxes=arena_boxes(plan.streaming.arena, len(plan.kernels.steps)),
        arena=plan.streaming.arena,
        sharing=plan.sharing.arena,
        order=plan.streaming.order,
        roofline=roofline(table, target) if costs.cost else None,
        tuned=list(tuned_kernels(bundle.manifest, plan, costs, untuned)),
        untuned=untuned,
        samples=pictures,
        detects=bundle.signature.threshold is not None,
        files=files,
    )
