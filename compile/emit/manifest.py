# SPDX-License-Identifier: Apache-2.0
"""Entries of a bundle's manifest for its device and its kernels."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ...runtime.errors import BundleError
from ...targets import TARGETS, Target
from ..errors import CompileError
from ..ir.plan import Plan
from ..ir.schedule import Record, Schedule
from ..schedules import Schedules, parse_schedule, schedules_for


def target_of(manifest: dict[str, Any]) -> Target:
    """The target that a manifest describes."""
    entry = {"cpu": "", "llvm_features": (), **manifest["target"]}
    known = TARGETS.get(entry["name"], TARGETS["host"])  # of a target of somebody's own, this machine knows as little
    return Target(
        entry["name"],
        "",
        entry["arch"],
        entry["cpu"],
        tuple(entry["features"]),
        known.emulated_cpu,
        tuple(entry["llvm_features"]),
        manifest["glibc"],
        known.hertz,
    )


def kernel_entry(schedule: Schedule, record: Record | None) -> dict[str, Any]:
    """Entry of a manifest for a kernel; `record` is null where the schedule is the default one."""
    entry = record and {"key": record.key, "seconds": record.seconds, "database": record.database}
    return {"schedule": asdict(schedule), "record": entry}


def schedules_of(manifest: dict[str, Any]) -> Schedules:
    """Schedules that a bundle's kernels were compiled with. Raises BundleError."""
    try:
        entries = [e for e in manifest.get("kernels", {}).values() if e["record"] is not None]
        records = [Record(schedule=parse_schedule(e["schedule"]), **e["record"]) for e in entries]
        found = MappingProxyType({r.key: r for r in records})
    except (AttributeError, KeyError, TypeError, ValueError) as e:
        raise BundleError(
            f"manifest.json: 'kernels' is not what a compiler writes ({e}); compile the model again"
        ) from e
    return replace(schedules_for(target_of(manifest).core), records=found)


def check_plan(plan: Plan, manifest: dict[str, Any], bundle: Path) -> None:
    """Raise CompileError where a bundle was compiled by another plan than the one that is made of its model today."""
    if plan.sha256 != manifest.get("plan_sha256"):
        raise CompileError(f"{bundle}: compiled by another version of biisnet; compile it again")
