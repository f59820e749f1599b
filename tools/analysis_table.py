# SPDX-License-Identifier: Apache-2.0
"""An analysis for a person: a line a stage, with what is known of its cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..targets.device_cost import DeviceCost
from .analysis import Analysis
from .cost_text import a_pixel, share, time_of


def parts(shares: Iterable[float]) -> str:
    """The shares of some threads."""
    return " ".join(f"{part:.1%}" for part in shares)


def table_of(found: Analysis) -> Iterator[str]:
    """An analysis, line by line. Columns of what nobody counts on this core are left out."""
    counted = found.cost.l1d_misses is not None
    timed = found.cost.seconds is not None
    bounded = any(row.bound is not None for row in found.stages)
    titles = f"{'binary MACs':>14} {'other MACs':>13} {'bytes':>11} {'cycles/pixel':>12}"
    titles += f" {'misses/pixel':>12} {'DRAM bytes/pixel':>16}" if counted else ""
    titles += f" {'us':>9}" if timed else ""
    yield f"{'stage':28} {'kernel':28} {titles} {'share':>6}{' of bound' if bounded else ''}"

    def columns(cost: DeviceCost) -> str:
        words = f"{cost.cycles / found.pixels:12.1f}"
        if cost.l1d_misses is not None and cost.dram_bytes is not None:
            words += f" {cost.l1d_misses / found.pixels:12.2f} {cost.dram_bytes / found.pixels:16.1f}"
        if cost.seconds is not None:
            words += f" {1e6 * cost.seconds:9.1f}"
        return f"{words} {share(cost, found.cost):6.1%}"

    for row in found.stages:
        bound = f" {row.cost.cycles / row.bound:8.2f}" if row.bound else f" {'-':>8}" if bounded else ""
        work = f"{row.binary_macs:14,} {row.full_macs:13,} {row.bytes:11,}"
        yield f"{row.name:28} {row.kernel:28} {work} {columns(row.cost)}{bound}"
    yield f"{'between the stages':98} {columns(found.other)}"
    yield (
        f"{a_pixel(found.cost, found.pixels)} at {found.size[0]}x{found.size[1]} on an emulated {found.cpu}, one "
        f"thread{time_of(found.cost)}, arena {found.arena_bytes / 1e6:.1f} MB"
    )
    if found.balance:
        threads, planned = len(found.balance.shares), parts(found.balance.shares)
        speed = f"kernels {found.balance.speedup:.2f} times as fast as one's"
        if found.balance.seconds is not None:
            speed += f", {1e3 * found.balance.seconds:.1f} ms"
        yield f"{threads} threads, by the plan: {speed}, shares {planned}"
        yield f"{threads} threads, emulated: shares {parts(found.balance.emulated or ())} of the kernels' cycles"
