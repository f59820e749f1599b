# SPDX-License-Identifier: Apache-2.0
"""Times of one to four threads by the model, from the costs of one.

    seconds(N) = kernels' core seconds / speedup(N) + what is outside of kernels + DRAM bytes / bandwidth

Core seconds are cycles and the charge for L1 misses. The speedup is that of the plan's own list of tasks and rings
(tools/balance.py). DRAM is one for all threads, so its time is not divided: with one thread the sum is the model's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from biisnet.targets import Target
from biisnet.targets.device_cost import DeviceCost

if TYPE_CHECKING:
    from biisnet.compile.ir.plan import Plan
    from biisnet.tools.analysis import Analysis

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


def thread_times(plan: Plan, found: Analysis, target: Target, most: int = MOST) -> tuple[ThreadTime, ...]:
    """One for each number of threads up to `most`."""
    from biisnet.tools.balance import balance  # imports TVM, which no peer's process shall have

    stages = [on_core(stage.cost, target) for stage in found.stages]
    costs = [cost.cycles if cost.seconds is None else cost.seconds for cost in stages]

    def time_of(threads: int) -> ThreadTime:
        shared = balance(plan, costs, threads)
        whole = found.cost.seconds
        saved = sum(costs) * (1 - 1 / shared.speedup)
        seconds = None if whole is None else whole - saved
        return ThreadTime(threads, shared.shares, shared.speedup, seconds, plan.arena_bytes(threads))

    return tuple(time_of(threads) for threads in range(1, most + 1))
