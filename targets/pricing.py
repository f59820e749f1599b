# SPDX-License-Identifier: Apache-2.0
"""Pricing: what basic blocks cost, by LLVM's model of a core: their reciprocal throughput."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from .devices import Target
from .toolchain import ToolchainError

LLVM = 19
"""The version whose cost tables the project's figures are quoted with."""
ITERATIONS = 50
ATTRIBUTES = "+v8.2a,+crypto,+dotprod,+fullfp16"  # all that a known core, or a C library, has
BRANCH = re.compile(r"(b|bl|b\.\w+|cbn?z|tbn?z)\s")
LEAVES = re.compile(r"(b|bl|b\.\w+|cbn?z|tbn?z|br|blr|ret|svc)\s")
WORD = 4
SYSTEM = {"svc", "mrs", "msr", "dmb", "dsb", "isb", "brk", "udf", "hint", "yield", "clrex"}


@dataclass(frozen=True)
class BasicBlock:
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


def rejoin(blocks: Sequence[BasicBlock]) -> list[BasicBlock]:
    """The program's basic blocks, of those that the emulator has cut: it ends one where a page of memory ends or after
    so many instructions, and begins one wherever it was jumped to, so that an instruction may be in several.

    Executions are counted by instruction. A block ends behind a branch, and where the count changes: there another
    branch arrives. So what a program costs does not depend on where in memory it lies.
    """
    executions: Counter[tuple[int, str]] = Counter()
    for block in blocks:
        for n, line in enumerate(block.listing):
            executions[block.address + WORD * n, line] += block.executions
    whole: list[tuple[int, int, list[str]]] = []
    end: int | None = None  # address at which the last block may go on
    for (address, line), count in sorted(executions.items()):
        if address != end or count != whole[-1][1]:
            whole.append((address, count, []))
        whole[-1][2].append(line)
        end = None if LEAVES.match(line + " ") else address + WORD
    found = [BasicBlock(address, count, tuple(listing), 0.0) for address, count, listing in whole]
    return sorted(found, key=lambda b: (-b.executions * len(b.listing), b.address))


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
