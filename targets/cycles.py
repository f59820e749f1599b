# SPDX-License-Identifier: Apache-2.0
"""The cycle model: what a program costs on the emulated device's core, exactly and repeatably.

qemu counts how often each basic block runs between the two marker calls of `biisnet-run --roi` (src/roi_plugin.c), and
each is priced by LLVM's model of the core (pricing.py). So the sum is the time of a core
whose caches always hit and whose branches are always predicted: good for comparing two kernels, no stopwatch. With
the caches modelled too, the DRAM traffic is what misses L2 and what is written back from it, in 64-byte lines.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from .devices import Target
from .emulator import MISSING, find_emulator
from .pricing import Block, disassemble, find_llvm, price, rejoin
from .toolchain import ToolchainError, zig

LINE_BYTES = 64

PLUGIN = Path(__file__).resolve().parent / "src" / "roi_plugin.c"

SYMBOL = re.compile(r"^ *([0-9a-f]+) +[0-9a-f]+ +[0-9a-f]+ +1 {17}(\S+)$", re.MULTILINE)
"""A line of lld's map: address (twice), size, alignment; a symbol's name stands in the last of the three columns."""


@dataclass(frozen=True)
class Profile:
    """The work of one region of interest: its blocks, hottest first; `dram_bytes` where the caches were modelled."""

    blocks: tuple[Block, ...]
    instructions: int
    cycles: float
    dram_bytes: int | None


@dataclass(frozen=True)
class Counter:
    """An emulator that counts: put `prefix` before a program, and when it has ended ask for its profile."""

    prefix: tuple[str | Path, ...]
    records: Path
    target: Target

    def profile(self) -> Profile:
        """The program's work between its two marker calls. Raises ToolchainError where it made none."""
        if not self.records.exists():
            raise ToolchainError("the program under the emulator marked no region of interest")
        return read_profile(self.records.read_text(), self.target)


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
    sysroot: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Iterator[Counter]:
    """An emulator of `target` that counts; `cache` models the caches too, `env` is added to the program's environment.

    Raises ToolchainError.
    """
    emulator = require_tools(target)
    with tempfile.TemporaryDirectory(prefix="biisnet-") as name:
        folder = Path(name)
        zig(["cc", "-Os", "-shared", "-fPIC", "-Wl,-z,undefs", "-o", folder / "plugin.so", PLUGIN], folder)
        root = ["-L", str(sysroot)] if sysroot else []
        settings = [word for name, value in (env or {}).items() for word in ("-E", f"{name}={value}")]
        plugin = f"{folder / 'plugin.so'},out={folder / 'blocks'}{cache_arguments(target) if cache else ''}"
        prefix = (emulator, "-cpu", str(target.emulated_cpu), *root, *settings, "-plugin", plugin)
        yield Counter(prefix, folder / "blocks", target)


def cache_arguments(target: Target) -> str:
    """The plugin's arguments for the caches of a target's core. Raises ToolchainError where they are not known."""
    caches = target.core.caches
    if caches is None:
        raise ToolchainError(f"the caches of {target.cpu} are not known; leave out what needs them")
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
        done = subprocess.run([*map(str, emulator.prefix), *map(str, command)], capture_output=True, text=True)
        if done.returncode:
            raise ToolchainError(f"{command[0]} failed under the emulator: {(done.stderr.strip() or '?')[-300:]}")
        return emulator.profile()


def read_profile(records: str, target: Target) -> Profile:
    """The plugin's records, priced. Raises ToolchainError."""
    fields = [line.split() for line in records.splitlines()]
    counted = [(int(f[1], 16), int(f[2]), re.findall(".{8}", f[3])) for f in fields if f[0] == "B"]
    listings = disassemble([code for _, _, code in counted])
    cut = [Block(address, n, tuple(lines), 0.0) for (address, n, _), lines in zip(counted, listings, strict=True)]
    whole = rejoin(cut)
    prices = price([b.listing for b in whole], target)
    blocks = [replace(b, cycles=cycles) for b, cycles in zip(whole, prices, strict=True)]
    executed = sum(n * len(code) for _, n, code in counted)
    memory = next((int(f[3]) + int(f[4]) for f in fields if f[0] == "M"), None)
    return Profile(
        tuple(blocks),
        executed,
        sum(b.executions * b.cycles for b in blocks),
        None if memory is None else memory * LINE_BYTES,
    )


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
    """Where a linked program's map is."""
    return program.with_name(f"{program.name}.map")


def by_symbol(profile: Profile, functions: list[tuple[int, str]]) -> dict[str, float]:
    """Cycles of each function, most expensive first."""
    found: dict[str, float] = {}
    starts = [address for address, _ in functions]
    for block in profile.blocks:
        at = bisect_right(starts, block.address) - 1
        name = functions[at][1] if at >= 0 else "?"
        found[name] = found.get(name, 0.0) + block.executions * block.cycles
    return dict(sorted(found.items(), key=lambda item: -item[1]))
