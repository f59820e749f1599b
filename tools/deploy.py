# SPDX-License-Identifier: Apache-2.0
"""`biisnet deploy`: a bundle onto a board, checked before, proved there, and in place all at once or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..compile.emit.manifest import frame_size
from ..compile.emit.tar import write_tar
from ..compile.errors import CompileError
from ..compile.verification.end_to_end import compare_output
from ..model.datasets import Say
from ..runtime.bundle import Bundle, open_bundle
from ..targets.facts import SCRIPT, parse
from ..targets.ssh import BoardError, Ssh
from .compatibility import why_incompatible
from .remote_staging import FOLDER, name_of, staged

# $1 staged folder, $2 name, $3 HxW. Prints the probabilities.
SMOKE = r"""
set -e
cd "$1/$2"
bin/biisnet-run --raw "$3" --probability "$1/out.f32" golden/image.f32 >/dev/null
cat "$1/out.f32"
rm "$1/out.f32"
"""
# A link is replaced in one step, by one to what the disk has; what it pointed to goes afterwards.
# $1 staged folder, $2 name, $3 folder.
ACTIVATE = r"""
cd "$3" || exit 1
old=$(readlink "$2")
case "$old" in
".$2.kept."*) ;;
*)
    if [ -e "$2" ] || [ -L "$2" ]; then
        echo "$3/$2 is there, and not by biisnet deploy; move it away" >&2
        exit 1
    fi
    ;;
esac
kept=".$2.kept.${1##*.}"
mv "$1" "$kept" && sync && ln -s "$kept/$2" "$kept/link" && mv -T "$kept/link" "$2" || { rm -rf "$kept"; exit 1; }
case "$old" in ".$2.kept."*) rm -rf "${old%%/*}" ;; esac
"""


@dataclass(frozen=True)
class Asked:
    """Where to, and how."""

    boards: tuple[str, ...]
    folder: str = FOLDER
    config: Path | None = None  # ssh's
    runner_only: bool = False  # the library will not be used, so its C library need not be there


@dataclass(frozen=True)
class Result:
    """Of one board; `problem` is empty where all went well."""

    board: str
    path: str
    device: str
    pixels: int  # of the golden frame
    differing: int  # of its mask
    problem: str


def deploy(path: Path, asked: Asked, say: Say) -> list[Result]:
    """Deploy to all boards, those of several at the same time. Raises BundleError, CompileError."""
    name = name_of(path)
    with open_bundle(path) as bundle:
        tar = write_tar(bundle.path, name)

        def one(board: str) -> Result:
            try:
                return deploy_to(board, bundle, name, tar, asked, say)
            except BoardError as e:
                return Result(board, "", "", 0, 0, str(e).removeprefix(f"{board}: "))

        with ThreadPoolExecutor(min(16, len(asked.boards))) as pool:
            return list(pool.map(one, asked.boards))


def deploy_to(board: str, bundle: Bundle, name: str, tar: bytes, asked: Asked, say: Say) -> Result:
    """Deploy to one board. Raises BoardError."""
    with Ssh(board, asked.config, batch=len(asked.boards) > 1) as ssh:
        facts = parse(ssh.run(SCRIPT).decode("utf-8", "replace"))
        say(f"{board}: {facts.summary()}")
        if reason := why_incompatible(bundle.manifest, facts, asked.runner_only):
            raise BoardError(f"{board}: {reason}")
        with staged(ssh, asked.folder, name, tar) as place:
            say(f"{board}: {len(tar) / 1e6:.1f} MB copied, running the golden frame")
            pixels, differing = smoke_test(ssh, bundle, place, name)
            ssh.run(ACTIVATE, [place, name, asked.folder])
        return Result(board, f"{asked.folder}/{name}", facts.cpu or facts.arch, pixels, differing, "")


def smoke_test(ssh: Ssh, bundle: Bundle, place: str, name: str) -> tuple[int, int]:
    """Pixels of the golden frame, and how many of its mask differ from ONNX Runtime's. Raises BoardError."""
    height, width = frame_size(bundle.manifest)
    found = ssh.run(SMOKE, [place, name, f"{height}x{width}"])
    expected = np.fromfile(bundle.path / "golden" / "probability.f32", np.float32)
    if len(found) != expected.nbytes:
        raise BoardError(f"{ssh.address}: the golden frame gave {len(found)} bytes instead of {expected.nbytes}")
    agreement = compare_output(np.frombuffer(found, np.float32), expected, bundle.manifest["threshold"])
    if agreement.wrong:
        raise BoardError(f"{ssh.address}: the golden frame's result is wrong there: {agreement.wrong}")
    return agreement.pixels, agreement.differing


def read_hosts(path: Path) -> tuple[str, ...]:
    """A board a line; empty lines and what follows # are left out. Raises CompileError."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise CompileError(f"{path}: cannot be read as a list of boards ({e})") from e
    boards = tuple(dict.fromkeys(b for line in lines if (b := line.partition("#")[0].strip())))
    if not boards:
        raise CompileError(f"{path}: names no board; give one a line, as ssh takes it")
    return boards


def table_of(results: Sequence[Result]) -> list[str]:
    """A line a board."""
    width = max(len(r.board) for r in results)
    return [
        f"{r.board:{width}}  " + (f"failed: {r.problem}" if r.problem else f"pass: {r.path} ({r.device}), {differs(r)}")
        for r in results
    ]


def differs(r: Result) -> str:
    """The smoke test for a person."""
    return f"{r.differing} of {r.pixels} mask pixels of the golden frame differ from ONNX Runtime's"
