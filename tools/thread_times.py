# SPDX-License-Identifier: Apache-2.0
"""Times of one to four threads by the model, from the costs on one.

    seconds(N) = kernels' core seconds / speedup(N) + what is outside of kernels + DRAM bytes / bandwidth

Core seconds are cycles and the charge for L1 misses. The speedup is that of the plan's own list of tasks and rings
(tools/balance.py), whose tasks are shorter where there are several threads, and so cost more. DRAM is one for all
threads, so its time is not divided: with one thread the sum is the model's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..targets import Target
from ..targets.device_cost import DeviceCost

if TYPE_CHECKING:
    from ..compile.ir.plan import Plan
    from .analysis import Analysis

MOST = 4
"""Cores of the board."""


@dataclass(frozen=True)
class ThreadTime:
    """So many threads: each one's share of the kernels' work, how much sooner they end with it, the time of a frame
    (None where the model has none), and the bytes of an instance."""

    threads: int
    shares: tuple[float, ...]
    speedup: float
    seconds: float | None
    arena_bytes: int


def on_core(cost: DeviceCost, target: Target) -> DeviceCost:
    """The cost without its DRAM traffic."""
    return DeviceCost.of(target, cost.cycles, cost.l1d_misses, None if cost.dram_bytes is None else 0)


def thread_times(
    plan: Plan, found: Analysis, shared: Sequence[DeviceCost], target: Target, most: int = MOST
) -> tuple[ThreadTime, ...]:
    """One for each number of threads up to `most`; `found` is one thread's, and `shared` what the tasks of each stage
    cost that several are given."""
    from .analysis import work_of  # imports TVM, which no peer's process shall have
    from .balance import balance

    alone = sum(work_of(on_core(stage.cost, target) for stage in found.stages))
    costs = work_of(on_core(cost, target) for cost in shared)
    whole = found.cost.seconds
    outside = None if whole is None else whole - sum(work_of(stage.cost for stage in found.stages))
    dram = sum(work_of(shared)) - sum(costs)

    def time_of(threads: int) -> ThreadTime:
        if threads == 1:
            return ThreadTime(1, (1.0,), 1.0, whole, plan.arena_bytes(1))
        balanced = balance(plan, costs, threads, alone)
        seconds = None if outside is None else alone / balanced.speedup + outside + dram
        return ThreadTime(threads, balanced.shares, balanced.speedup, seconds, plan.arena_bytes(threads))

    return tuple(time_of(threads) for threads in range(1, most + 1))
