# SPDX-License-Identifier: Apache-2.0
"""`python -m tests.soak BUNDLE`: many frames through one runner; no answer may differ, and its memory may not grow.

A few scenes are streamed to `biisnet-run --targets -` over and over, on the emulated device where the bundle is not for
this machine. Every answer is compared with the scene's first one; the runner's resident memory is read when a tenth of
the frames are through, and at the end.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Annotated

import typer

from biisnet.compile.emit.manifest import target_of
from biisnet.compile.errors import CompileError
from biisnet.compile.verification.scene import scene
from biisnet.runtime.bundle import read_bundle
from biisnet.targets.emulator import command

SCENES = 16
GROWTH = 64 << 10
"""Bytes that a C library may take later than when it is warm."""
app = typer.Typer(add_completion=False)


@dataclass(frozen=True)
class Soaked:
    """How a runner stood many frames."""

    frames: int
    different: int
    targets: int  # of all scenes together
    warm_bytes: int
    end_bytes: int

    @property
    def passed(self) -> bool:
        """Whether nothing differed and memory did not grow; frames without any target would prove nothing."""
        return not self.different and self.targets > 0 and self.end_bytes - self.warm_bytes <= GROWTH


@app.command()
def main(
    bundle: Annotated[Path, typer.Argument(help="A bundle's folder.")],
    frames: Annotated[int, typer.Option(min=10 * SCENES, help="Frames to stream.")] = 1_000_000,
    threads: Annotated[int, typer.Option(min=1, help="The runner's.")] = 1,
) -> None:
    """Stream frames to a bundle's runner; exit 1 where an answer differs or memory grows."""
    result = soak(bundle, frames, threads)
    verdict = "passed" if result.passed else "FAILED"
    print(
        f"{result.frames} frames, {result.different} of them other than at first; "
        f"memory {result.warm_bytes >> 10} KiB, then {result.end_bytes >> 10}: {verdict}"
    )
    raise typer.Exit(int(not result.passed))


def soak(path: Path, frames: int, threads: int = 1) -> Soaked:
    """Stream scenes to a bundle's runner, and look at it. Raises BundleError, CalledProcessError, CompileError."""
    bundle = read_bundle(path)
    height, width = bundle.signature.size
    target = target_of(bundle.manifest)
    prefix = command(target)
    if prefix is None:
        raise CompileError(f"{path}: is for {target.name}, and there is no emulator of it here")
    scenes = [scene(height, width, seed).astype("<f4").tobytes() for seed in range(SCENES)]
    words = [*prefix, str(bundle.runner), "--threads", str(threads), "--raw", f"{height}x{width}", "--targets", "-"]
    runner = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert runner.stdin
    assert runner.stdout
    memory: list[int] = []
    writer = threading.Thread(target=write, args=(runner, scenes, frames, memory))
    writer.start()
    first: dict[int, list[bytes]] = {}
    different = 0
    try:
        for n, answer in answers(runner.stdout, frames):
            different += answer != first.setdefault(n % SCENES, answer)
    except BaseException:
        runner.kill()  # else the writer waits for ever
        raise
    finally:
        writer.join()
    if runner.wait():
        raise subprocess.CalledProcessError(runner.returncode, words)
    return Soaked(frames, different, sum(map(len, first.values())), *memory)


def write(runner: subprocess.Popen[bytes], scenes: list[bytes], frames: int, memory: list[int]) -> None:
    """Stream scenes to a runner; `memory` becomes its resident bytes when it is warm and at the end."""
    assert runner.stdin
    for n in range(frames):
        runner.stdin.write(scenes[n % SCENES])
        if n in (frames // 10, frames - 1):
            runner.stdin.flush()
            memory.append(resident_bytes(runner.pid))
    runner.stdin.close()


def answers(output: IO[bytes], frames: int) -> Iterator[tuple[int, list[bytes]]]:
    """(frame, its targets' lines without the frame's name), of frames without targets too."""
    next(output, b"")  # the columns' names; nothing where the runner ended at once
    parted = (line.partition(b",") for line in output)
    grouped = itertools.groupby(parted, key=lambda parts: int(parts[0].removeprefix(b"frame-")) - 1)
    expected = 0
    for n, lines in grouped:
        yield from ((skipped, []) for skipped in range(expected, n))
        yield n, [rest for _, _, rest in lines]
        expected = n + 1
    yield from ((skipped, []) for skipped in range(expected, frames))


def resident_bytes(process: int) -> int:
    """What a process has in memory."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    sys.exit(app())
