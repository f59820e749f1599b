# SPDX-License-Identifier: Apache-2.0
"""Pricing: what basic blocks cost, by LLVM's model of a core: their reciprocal throughput."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .devices import Target
from .toolchain import ToolchainError

LLVM = 19
"""The version whose cost tables the project's figures are quoted with."""
ITERATIONS = 50
ATTRIBUTES = "+v8.2a,+crypto"  # so that whatever a C library has in it can be disassembled
BRANCH = re.compile(r"(b|bl|b\.\w+|cbn?z|tbn?z)\s")
LEAVES = re.compile(r"(b|bl|b\.\w+|cbn?z|tbn?z|br|blr|ret|svc)\s")
WORD = 4
SYSTEM = {"svc", "mrs", "msr", "dmb", "dsb", "isb", "brk", "udf", "hint", "yield", "clrex"}


@dataclass(frozen=True)
class Block:
    """A basic block: its address, how often it ran, its instructions and the cycles of one run."""

    address: int
    executions: int
    listing: tuple[str, ...]
    cycles: float


def find_llvm(tool: str) -> str:
    """Path of an LLVM tool. Raises ToolchainError."""
    if path := shutil.which(f"{tool}-{LLVM}"):
        return path
    raise ToolchainError(f"{tool}-{LLVM} is missing: apt-get install llvm-{LLVM} (as root)")


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
