# SPDX-License-Identifier: Apache-2.0
"""The cost model: what a program costs on the emulated device's core, exactly and repeatably.

qemu counts how often each basic block runs between the two marker calls of `biisnet-run --roi` (src/roi_plugin.c), and
each is priced by LLVM's model of the core (pricing.py). So the cycles are those of a core whose caches always hit and
whose branches are always predicted. The data caches are modelled beside it, line by line: what misses L1, and what
travels to and from DRAM, which is what misses L2 and what is written back from it. device_cost.py makes a time of the
three: good for comparing two kernels, no stopwatch.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from .device_cost import DeviceCost
from .devices import Target
from .emulator import MISSING, find_emulator
from .pricing import BasicBlock, disassemble, find_llvm, price, rejoin
from .toolchain import ToolchainError, zig

LINE_BYTES = 64
ADDRESS_SPACE = "64G"
"""Addresses that the emulator sets apart for the program; no memory is taken for them."""

PLUGIN = Path(__file__).resolve().parent / "src" / "roi_plugin.c"

SYMBOL = re.compile(r"^ *([0-9a-f]+) +[0-9a-f]+ +[0-9a-f]+ +1 {17}(\S+)$", re.MULTILINE)
"""A line of lld's map: address (twice), size, alignment; a symbol's name stands in the last of the three columns."""


@dataclass(frozen=True)
class Traffic:
    """Lines that a block of the emulator's has moved, by the address of its first instruction."""

    address: int
    l1d_misses: int
    dram_bytes: int


@dataclass(frozen=True)
class Profile:
    """The work of one region of interest: its blocks, hottest first; their traffic, where the caches were modelled."""

    target: Target
    blocks: tuple[BasicBlock, ...]
    instructions: int
    traffic: tuple[Traffic, ...] | None

    @property
    def cost(self) -> DeviceCost:
        """The cost of all of it."""
        return self.cost_of(self.blocks, self.traffic)

    def cost_of(self, blocks: Sequence[BasicBlock], traffic: Sequence[Traffic] | None) -> DeviceCost:
        """The cost of some blocks and some traffic."""
        return DeviceCost.of(
            self.target,
            sum(b.executions * b.cycles for b in blocks),
            None if traffic is None else sum(t.l1d_misses for t in traffic),
            None if traffic is None else sum(t.dram_bytes for t in traffic),
        )


@dataclass(frozen=True)
class Counter:
    """An emulator that counts: put `prefix` before a program, and when it has ended ask for its profile."""

    prefix: tuple[str | Path, ...]
    records: Path
    target: Target

    def profile(self) -> Profile:
        """The program's work between its two marker calls. Raises ToolchainError where it made none."""
        return read_profile(self.text(), self.target)

    def profiles(self) -> list[Profile]:
        """That of each thread, of a counter of threads. Raises ToolchainError."""
        of_thread: dict[int, list[str]] = {}
        for line in self.text().splitlines():
            _, thread, block = line.split(" ", 2)
            of_thread.setdefault(int(thread), []).append(f"B {block}")
        return [read_profile("\n".join(lines), self.target) for _, lines in sorted(of_thread.items())]

    def text(self) -> str:
        """The records. Raises ToolchainError where there are none."""
        if not self.records.exists():
            raise ToolchainError("the program under the emulator marked no region of interest")
        return self.records.read_text()


def require_tools(target: Target) -> str:
    """Path of the target's emulator, where all that counting needs is there. Raises ToolchainError."""
    emulator = find_emulator(target)
    if emulator is None:
        why = MISSING if target.emulated_cpu else f"no emulator has a model of {target.name}: choose a board"
        raise ToolchainError(f"cycles are those of an emulated device; {why}")
    for tool in ("llvm-mc", "llvm-mca"):
        find_llvm(tool)
    return emulator


@contextmanager
def counter(
    target: Target,
    *,
    cache: bool = False,
    threads: bool = False,
    sysroot: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Iterator[Counter]:
    """An emulator of `target` that counts; `cache` models the caches of its core too, where they are known; `threads`
    counts each thread for itself, without caches; `env` is the program's environment. It has no other, and an address
    space of its own: where stack and heap lie decides what misses, and would depend on this machine's.

    Raises ToolchainError.
    """
    emulator = require_tools(target)
    with tempfile.TemporaryDirectory(prefix="biisnet-") as name:
        folder = Path(name)
        zig(["cc", "-O2", "-shared", "-fPIC", "-Wl,-z,undefs", "-o", folder / "plugin.so", PLUGIN], folder)
        root = ["-L", str(sysroot)] if sysroot else []
        forgotten = [word for name in os.environ for word in ("-U", name)]
        settings = [word for name, value in (env or {}).items() for word in ("-E", f"{name}={value}")]
        how = ",threads=on" if threads else cache_arguments(target) if cache else ""
        plugin = f"{folder / 'plugin.so'},out={folder / 'blocks'}{how}"
        space = ("-R", ADDRESS_SPACE)
        prefix = (emulator, "-cpu", str(target.emulated_cpu), *space, *root, *forgotten, *settings, "-plugin", plugin)
        yield Counter(prefix, folder / "blocks", target)


def cache_arguments(target: Target) -> str:
    """The plugin's arguments for the caches of a target's core; none where they are not known."""
    caches = target.core.caches
    if caches is None:
        return ""
    return f",l1={caches.l1_bytes}:{caches.l1_ways},l2={caches.l2_bytes}:{caches.l2_ways}"


def measure(
    command: Sequence[str | Path],
    target: Target,
    *,
    cache: bool = False,
    sysroot: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Profile:
    """Run a program of `target` on a `counter` and price it. Raises ToolchainError."""
    with counter(target, cache=cache, sysroot=sysroot, env=env) as emulator:
        run_on(emulator, command)
        return emulator.profile()


def measure_threads(command: Sequence[str | Path], target: Target) -> list[Profile]:
    """The same of each thread of a program, by cycles alone. Raises ToolchainError."""
    with counter(target, threads=True) as emulator:
        run_on(emulator, command)
        return emulator.profiles()


def run_on(emulator: Counter, command: Sequence[str | Path]) -> None:
    """Run a program to its end. Raises ToolchainError where that is a failure."""
    done = subprocess.run([*map(str, emulator.prefix), *map(str, command)], capture_output=True, text=True)
    if done.returncode:
        raise ToolchainError(f"{command[0]} failed under the emulator: {(done.stderr.strip() or '?')[-300:]}")


def read_profile(records: str, target: Target) -> Profile:
    """The plugin's records, priced. Raises ToolchainError."""
    fields = [line.split() for line in records.splitlines()]
    counted = [(int(f[1], 16), int(f[2]), re.findall(".{8}", f[3])) for f in fields]
    listings = disassemble([code for _, _, code in counted])
    cut = [BasicBlock(address, n, tuple(lines), 0.0) for (address, n, _), lines in zip(counted, listings, strict=True)]
    whole = rejoin(cut)
    prices = price([b.listing for b in whole], target)
    blocks = [replace(b, cycles=cycles) for b, cycles in zip(whole, prices, strict=True)]
    executed = sum(n * len(code) for _, n, code in counted)
    moved = [(int(f[1], 16), *map(int, f[4:])) for f in fields if len(f) > 4]
    traffic = tuple(Traffic(address, l1, LINE_BYTES * (l2 + back)) for address, l1, l2, back in moved)
    return Profile(target, tuple(blocks), executed, traffic or None)


def symbols(program: Path) -> list[tuple[int, str]]:
    """(address, name) of what is in a program, sorted by address, by the linker's map of it. Raises ToolchainError.

    The program itself has none: with them zig would build its C library a second time, for more than a minute.
    """
    try:
        found = SYMBOL.finditer(map_of(program).read_text())
    except OSError as e:
        raise ToolchainError(f"{map_of(program)}: cannot be read ({e.strerror})") from e
    return sorted((int(symbol[1], 16), symbol[2]) for symbol in found)


def map_of(program: Path) -> Path:
    """Path of a linked program's map."""
    return program.with_name(f"{program.name}.map")


def by_symbol(profile: Profile, functions: list[tuple[int, str]]) -> dict[str, DeviceCost]:
    """Cost of each function, that of the most cycles first."""
    starts = [address for address, _ in functions]

    def name_of(part: BasicBlock | Traffic) -> str:
        at = bisect_right(starts, part.address) - 1
        return functions[at][1] if at >= 0 else "?"

    blocks: dict[str, list[BasicBlock]] = {}
    for block in profile.blocks:
        blocks.setdefault(name_of(block), []).append(block)
    traffic: dict[str, list[Traffic]] = {}
    for moved in profile.traffic or ():
        traffic.setdefault(name_of(moved), []).append(moved)
    known = profile.traffic is not None
    found = {name: profile.cost_of(some, traffic.get(name, []) if known else None) for name, some in blocks.items()}
    return dict(sorted(found.items(), key=lambda item: -item[1].cycles))
