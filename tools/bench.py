# SPDX-License-Identifier: Apache-2.0
"""`biisnet bench`: how long a bundle's inferences take where it runs, and whether that device was fit to say so."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from ..compile.emit.manifest import channels, frame_size, target_of
from ..compile.emit.tar import write_tar
from ..compile.errors import CompileError
from ..model.datasets import Say
from ..model.fields import check_types, from_json
from ..runtime.bundle import RUNNER, Bundle, open_bundle
from ..targets import emulator
from ..targets.facts import HEAT, SCRIPT, Facts, parse
from ..targets.ssh import BoardError, Ssh
from ..targets.toolchain import ToolchainError
from .compatibility import why_incompatible
from .remote_staging import FOLDER, name_of, staged
from .text import plural

HOT, COOL = 75.0, 65.0
"""Degrees Celsius: above HOT it is waited until COOL. The Raspberry Pi's firmware lowers the clock from 80 on."""
PATIENCE, PAUSE = 300.0, 5.0
"""Seconds that it is waited at most, and between two looks."""


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
        """What it ran on, for a person."""
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

    def as_json(self) -> str:
        """All of it."""
        return json.dumps(asdict(self), indent=1) + "\n"


class Shell(Protocol):
    """Where a bundle's files are and its programs run."""

    def facts(self) -> Facts:
        """What the device says of itself."""

    def run(self, command: Sequence[str], cores: Sequence[int] = ()) -> str:
        """Standard output of a bundle's program, on some cores alone. Raises ToolchainError, BoardError."""


def pinned(command: Sequence[str], cores: Sequence[int]) -> list[str]:
    """A command on some cores alone; on all where none are named."""
    return [*(["taskset", "-c", ",".join(map(str, cores))] if cores else []), *command]


class Here:
    """This machine; `prefix` stands before the bundle's programs."""

    def __init__(self, prefix: Sequence[str | Path] = ()) -> None:
        self.prefix = [str(word) for word in prefix]

    def facts(self) -> Facts:
        """What it says of itself."""
        return parse(self._run(["sh", "-c", SCRIPT], "sh"))

    def run(self, command: Sequence[str], cores: Sequence[int] = ()) -> str:
        """Raises ToolchainError."""
        return self._run(pinned([*self.prefix, *command], cores), command[0])

    def _run(self, command: Sequence[str], name: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise ToolchainError(f"{name}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}")
        return done.stdout


class There:
    """A board."""

    def __init__(self, ssh: Ssh) -> None:
        self.ssh = ssh

    def facts(self) -> Facts:
        """What it says of itself."""
        return parse(self.ssh.run(SCRIPT).decode("utf-8", "replace"))

    def run(self, command: Sequence[str], cores: Sequence[int] = ()) -> str:
        """Raises BoardError."""
        return self.ssh.run('exec "$@"', pinned(command, cores)).decode("utf-8", "replace")


@dataclass(frozen=True)
class Asked:
    """What to measure."""

    threads: tuple[int, ...] = (1, 2, 4)
    runs: int = 50
    stages: int = 0  # runs of each stage by itself


def bench_bundle(path: Path, emulate: bool, asked: Asked, say: Say) -> Benchmark:
    """Measure on this machine, or on the emulated device. Raises BundleError, CompileError, ToolchainError."""
    with open_bundle(path) as bundle:
        target = target_of(bundle.manifest)
        prefix = emulator.command(target)
        if prefix is None:
            raise CompileError(f"{path}: is for {target.name}; {emulator.MISSING}")
        if bool(prefix) != emulate:
            how = "--emulate runs it here, but its times are not the device's" if prefix else "it needs no --emulate"
            raise CompileError(f"{path}: is for {target.name}; {how}")
        return measure(bundle, str(bundle.path), Here(prefix), emulate, asked, say)


def bench_board(path: Path, board: str, config: Path | None, asked: Asked, say: Say) -> Benchmark:
    """Measure on a board, which has the bundle for that long. Raises BundleError, BoardError."""
    name = name_of(path)
    with open_bundle(path) as bundle, Ssh(board, config) as ssh:
        shell = There(ssh)
        if reason := why_incompatible(bundle.manifest, shell.facts(), runner_only=True):
            raise BoardError(f"{board}: {reason}")
        tar = write_tar(bundle.path, name)
        with staged(ssh, FOLDER, name, tar) as place:
            return measure(bundle, f"{place}/{name}", shell, False, asked, say)


def measure(bundle: Bundle, root: str, shell: Shell, emulated: bool, asked: Asked, say: Say) -> Benchmark:
    """All that is asked for, on a device that has the bundle's files in `root`."""
    if (planes := channels(bundle.manifest)) != 1:
        raise CompileError(
            f"{bundle.path}: takes frames of {planes} channels; {RUNNER}, which is timed, takes grey ones"
        )
    device = shell.facts()
    say(f"device  {'emulated on ' if emulated else ''}{device.summary()}")
    remarks = ["emulated: times are not the device's, and the emulator's memory is in the peak"] if emulated else []
    height, width = frame_size(bundle.manifest)
    program = golden_command(bundle, root)
    timings = []
    for threads in asked.threads:
        on = plural(threads, "thread")
        if device.cpus and threads > len(device.cpus):
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
    height, width = frame_size(bundle.manifest)
    return [f"{root}/{RUNNER}", "--raw", f"{height}x{width}", f"{root}/golden/image.f32"]


def measure_stages(shell: Shell, program: Sequence[str], runs: int) -> tuple[StageTiming, ...]:
    """Each stage by itself, on one thread."""
    found = json.loads(shell.run([*program, "--stages", str(runs)]))
    return tuple(StageTiming(s["name"], s["median_ms"]) for s in found["stages"])


def wait_until_cool(
    facts: Callable[[], Facts],
    say: Say,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Where a device is too hot, or its firmware says so, until it is cool; PATIENCE seconds at most."""
    waited, limit = 0.0, HOT
    while waited < PATIENCE:
        now = facts()
        hot = now.degrees is not None and now.degrees > limit
        if not hot and HEAT not in now.troubles:
            return
        if not waited:
            say(f"waiting for the device to cool down: {now.summary()}")
        limit = COOL
        sleep(PAUSE)
        waited += PAUSE
    say(f"the device did not cool down within {PATIENCE / 60:.0f} minutes")
