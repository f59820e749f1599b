# SPDX-License-Identifier: Apache-2.0
"""`biisnet bench`: how long a bundle's inferences take where it runs, and whether that device was fit to say so.

On the emulated device, whose times say nothing, the cost model counts one inference as well.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..compile.emit.manifest import target_of
from ..compile.emit.tar import write_tar
from ..compile.errors import CompileError
from ..model.datasets import Say
from ..model.fields import check_types, from_json
from ..runtime.bundle import RUNNER, Bundle, open_bundle
from ..runtime.golden import image_name, raw_layout
from ..targets import Target, cycles, emulator
from ..targets.device_cost import DeviceCost
from ..targets.facts import Facts
from ..targets.ssh import BoardError, Ssh
from ..targets.toolchain import ToolchainError
from .compatibility import why_incompatible
from .cooling import wait_until_cool
from .remote_staging import FOLDER, name_of, staged
from .shells import Here, Shell, There
from .text import plural


@dataclass(frozen=True)
class Timing:
    """Warm inferences on a number of threads; the runner's own figures."""

    threads: int
    runs: int
    load_ms: float
    first_ms: float
    min_ms: float
    median_ms: float
    p95_ms: float
    p99_ms: float
    peak_bytes: int
    times_ms: tuple[float, ...]

    def __post_init__(self) -> None:
        check_types(self, "timing")

    @property
    def on(self) -> str:
        """Name of what it ran on, for a person."""
        return plural(self.threads, "thread")

    def summary(self) -> str:
        """One line for a person."""
        return (
            f"{self.on}: median {self.median_ms:.2f} ms, min {self.min_ms:.2f}, p95 {self.p95_ms:.2f}, "
            f"p99 {self.p99_ms:.2f}; first {self.first_ms:.2f}, load {self.load_ms:.2f}; peak "
            f"{self.peak_bytes / 1e6:.1f} MB"
        )


@dataclass(frozen=True)
class StageTiming:
    """One stage by itself, on one thread."""

    name: str
    median_ms: float


@dataclass(frozen=True)
class Benchmark:
    """A bundle on a device."""

    model: str
    target: str
    size: tuple[int, int]
    emulated: bool
    device: Facts
    timings: tuple[Timing, ...]
    stages: tuple[StageTiming, ...]
    remarks: tuple[str, ...]
    cost: DeviceCost | None = None
    """One inference on one thread by the cost model, on the emulated device."""


@dataclass(frozen=True)
class BenchOptions:
    """Measurements that are asked for."""

    threads: tuple[int, ...] = (1, 2, 4)
    runs: int = 50
    stages: int = 0  # runs of each stage by itself


def bench_bundle(path: Path, emulate: bool, asked: BenchOptions, say: Say) -> Benchmark:
    """Measure on this machine, or on the emulated device. Raises BundleError, CompileError, ToolchainError."""
    with open_bundle(path) as bundle:
        target = target_of(bundle.manifest)
        prefix = emulator.command(target)
        if prefix is None:
            raise CompileError(f"{path}: is for {target.name}; {emulator.why_not_here(target)}")
        if bool(prefix) != emulate:
            how = "--emulate runs it here, but its times are not the device's" if prefix else "it needs no --emulate"
            raise CompileError(f"{path}: is for {target.name}; {how}")
        result = measure(bundle, str(bundle.path), Here(prefix), emulate, asked, say)
        return with_cost(result, bundle, target, say) if emulate else result


def with_cost(result: Benchmark, bundle: Bundle, target: Target, say: Say) -> Benchmark:
    """The same with what the cost model makes of one inference; where its tools are missing, a remark says so."""
    say("counting one inference by the cost model")
    try:
        profile = cycles.measure([*golden_command(bundle, str(bundle.path)), "--roi"], target, cache=True)
    except ToolchainError as e:
        return replace(result, remarks=(*result.remarks, f"emulated: no cost by the model: {e}"))
    return replace(result, cost=profile.cost)


def bench_board(path: Path, board: str, config: Path | None, asked: BenchOptions, say: Say) -> Benchmark:
    """Measure on a board, which has the bundle for that long. Raises BundleError, BoardError."""
    name = name_of(path)
    with open_bundle(path) as bundle, Ssh(board, config) as ssh:
        shell = There(ssh)
        if reason := why_incompatible(bundle.manifest, shell.facts(), runner_only=True):
            raise BoardError(f"{board}: {reason}")
        tar = write_tar(bundle.path, name)
        with staged(ssh, FOLDER, name, tar) as place:
            return measure(bundle, f"{place}/{name}", shell, False, asked, say)


def measure(bundle: Bundle, root: str, shell: Shell, emulated: bool, asked: BenchOptions, say: Say) -> Benchmark:
    """All that is asked for, on a device that has the bundle's files in `root`."""
    if why := bundle.signature.why_no_frames():
        raise CompileError(f"{bundle.path}: {why}; {RUNNER}, which is timed, takes them one by one")
    device = shell.facts()
    say(f"device  {'emulated on ' if emulated else ''}{device.summary()}")
    remarks = ["emulated: times are not the device's, and the emulator's memory is in the peak"] if emulated else []
    height, width = bundle.signature.size
    program = golden_command(bundle, root)
    timings = []
    for threads in asked.threads:
        on = plural(threads, "thread")
        if not emulated and device.cpus and threads > len(device.cpus):
            remarks.append(f"{on}: left out, the device has {len(device.cpus)} cores")
            continue
        if not emulated:
            wait_until_cool(shell.facts, say)
        say(f"timing  {plural(asked.runs, 'inference')} on {on}")
        cores = device.cpus[:threads] if device.can_pin and not emulated else ()
        command = [*program, "--threads", str(threads), "--bench", str(asked.runs), "--times"]
        timings.append(from_json(Timing, shell.run(command, cores), RUNNER))
        if not emulated and (troubles := shell.facts().troubles):
            remarks.append(f"{on}: the device says {', '.join(troubles)}; it may be faster than this")
    if not timings:
        raise CompileError(f"nothing to measure: {'; '.join(remarks)}")
    if not device.can_pin and not emulated:
        remarks.append("threads are not pinned to cores: no taskset on the device")
    stages = measure_stages(shell, program, asked.stages) if asked.stages else ()
    model, target = bundle.manifest["model"]["name"], bundle.manifest["target"]["name"]
    return Benchmark(
        model, target, (height, width), emulated, device, tuple(timings), stages, tuple(dict.fromkeys(remarks))
    )


def golden_command(bundle: Bundle, root: str) -> list[str]:
    """The runner on the golden frame, of a bundle's files in `root`."""
    return [f"{root}/{RUNNER}", "--raw", raw_layout(bundle.signature), f"{root}/{image_name(bundle.signature)}"]


def measure_stages(shell: Shell, program: Sequence[str], runs: int) -> tuple[StageTiming, ...]:
    """Each stage by itself, on one thread."""
    found = json.loads(shell.run([*program, "--stages", str(runs)]))
    return tuple(StageTiming(s["name"], s["median_ms"]) for s in found["stages"])
