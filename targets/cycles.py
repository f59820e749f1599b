# SPDX-License-Identifier: Apache-2.0
"""The cycle model: what a program costs on the emulated device's core, exactly and repeatably.

qemu counts how often each basic block runs between the two marker calls of `biisnet-run --roi` (src/roi_plugin.c);
llvm-mca prices a block with LLVM's model of the core, as its reciprocal throughput. So the sum is the time of a core
whose caches always hit and whose branches are always predicted: good for comparing two kernels, no stopwatch. With
the caches modelled too, the DRAM traffic is what misses L2 and what is written back from it, in 64-byte lines.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from .devices import Target
from .emulator import MISSING, find_emulator
from .toolchain import ToolchainError, zig

LLVM = 19
"""The version whose cost tables the project's figures are quoted with."""
LINE_BYTES = 64
ITERATIONS = 50
ATTRIBUTES = "+v8.2a,+crypto"  # so that whatever a C library has in it can be disassembled
PLUGIN = Path(__file__).resolve().parent / "src" / "roi_plugin.c"
BRANCH = re.compile(r"(b|bl|b\.\w+|cbn?z|tbn?z)\s")
LEAVES = re.compile(r"(b|bl|b\.\w+|cbn?z|tbn?z|br|blr|ret|svc)\s")
WORD = 4
SYSTEM = {"svc", "mrs", "msr", "dmb", "dsb", "isb", "brk", "udf", "hint", "yield", "clrex"}

SYMBOL = re.compile(r"^ *([0-9a-f]+) +[0-9a-f]+ +[0-9a-f]+ +1 {17}(\S+)$", re.MULTILINE)
"""A line of lld's map: address (twice), size, alignment; a symbol's name stands in the last of the three columns."""


@dataclass(frozen=True)
class Block:
    """A basic block: its address, how often it ran, its instructions and the cycles of one run."""

    address: int
    executions: int
    listing: tuple[str, ...]
    cycles: float


@dataclass(frozen=True)
class Profile:
    """What one region of interest did: its blocks, hottest first; `dram_bytes` where the caches were modelled."""

    blocks: tuple[Block, ...]
    instructions: int
    cycles: float
    dram_bytes: int | None


def find_llvm(tool: str) -> str:
    """Path of an LLVM tool. Raises ToolchainError."""
    if path := shutil.which(f"{tool}-{LLVM}"):
        return path
    raise ToolchainError(f"{tool}-{LLVM} is missing: apt-get install llvm-{LLVM} (as root)")


@dataclass(frozen=True)
class Counter:
    """An emulator that counts: put `prefix` before a program, and when it has ended ask for its profile."""

    prefix: tuple[str | Path, ...]
    records: Path
    target: Target

    def profile(self) -> Profile:
        """What the program did between its two marker calls. Raises ToolchainError where it made none."""
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
        plugin = f"{folder / 'plugin.so'},out={folder / 'blocks'},cache={int(cache)}"
        prefix = (emulator, "-cpu", str(target.emulated_cpu), *root, *settings, "-plugin", plugin)
        yield Counter(prefix, folder / "blocks", target)


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


def rejoin(blocks: Sequence[Block]) -> list[Block]:
    """Blocks that the emulator cut, where a page of memory ends or after so many instructions, as the program has them.

    A block whose last instruction does not leave it goes on with the one behind it, which is divided among all that do:
    a loop's own turns, and the first one, which came from above. Priced apart they would cost more, and each time
    another sum, for where they are cut depends on where in memory they lie.
    """
    whole: list[Block] = []
    open_at: dict[int, list[int]] = {}  # address behind a block that goes on -> its places in `whole`
    for block in sorted(blocks, key=lambda b: b.address):
        before = open_at.pop(block.address, [])
        rest = block.executions - sum(whole[n].executions for n in before)
        if rest < 0:  # somebody else's block lies there
            before, rest = [], block.executions
        for n in before:
            whole[n] = replace(whole[n], listing=whole[n].listing + block.listing)
        if rest:
            before.append(len(whole))
            whole.append(replace(block, executions=rest))
        if not LEAVES.match(block.listing[-1] + " "):
            open_at.setdefault(block.address + WORD * len(block.listing), []).extend(before)
    return sorted(whole, key=lambda b: (-b.executions * len(b.listing), b.address))


def disassemble(blocks: Sequence[Sequence[str]]) -> list[list[str]]:
    """Blocks of instruction words in hexadecimal -> a line of assembly for each.

    Raises ToolchainError where a word is no instruction.
    """
    words = "\n".join(" ".join(f"0x{b:02x}" for b in reversed(bytes.fromhex(word))) for code in blocks for word in code)
    done = subprocess.run(
        [find_llvm("llvm-mc"), "--disassemble", "-triple=aarch64", f"-mattr={ATTRIBUTES}"],
        input=words,
        capture_output=True,
        text=True,
    )
    lines = [s for line in done.stdout.splitlines() if (s := line.strip()) and not s.startswith((".text", "//", "#"))]
    if len(lines) != sum(map(len, blocks)):
        raise ToolchainError(f"llvm-mc read {len(lines)} instructions of {sum(map(len, blocks))}")
    remaining = iter(lines)
    return [[next(remaining) for _ in code] for code in blocks]


def price(listings: Sequence[Sequence[str]], target: Target) -> list[float]:
    """Cycles of each block: its reciprocal throughput. llvm-mca takes neither far branches nor system calls.

    Raises ToolchainError.
    """
    different = list(dict.fromkeys(tuple(listing) for listing in listings))

    def plain(line: str) -> str:
        return "b #0" if BRANCH.match(line + " ") else "nop" if line.split()[0] in SYSTEM else line

    text = "".join(
        f"# LLVM-MCA-BEGIN b{i}\n" + "\n".join(map(plain, listing)) + "\n# LLVM-MCA-END\n"
        for i, listing in enumerate(different)
    )
    done = subprocess.run(
        [
            find_llvm("llvm-mca"),
            "-mtriple=aarch64",
            f"-mcpu={target.cpu}",
            f"-mattr={ATTRIBUTES}",
            f"-iterations={ITERATIONS}",
            "--json",
        ],
        input=text,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise ToolchainError(f"llvm-mca failed: {done.stderr.strip()[:300]}")
    regions = json.loads(done.stdout)["CodeRegions"]
    cycles = {x: r["SummaryView"]["TotalCycles"] / ITERATIONS for x, r in zip(different, regions, strict=True)}
    return [cycles[tuple(listing)] for listing in listings]


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
