# SPDX-License-Identifier: Apache-2.0
"""`biisnet deploy`: a bundle onto a board, checked before, proved there, and in place all at once or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import accumulate
from math import prod
from pathlib import Path

from ..compile.emit.tar import write_tar
from ..compile.errors import CompileError, VerificationError
from ..compile.verification.agreement import Agreement
from ..model.datasets import Say
from ..runtime.bundle import Bundle, open_bundle
from ..runtime.golden import image_name, raw_layout
from ..runtime.signature import DETECTION
from ..targets.ssh import BoardError, Ssh
from .board_folder import board_folder, check_home
from .compatibility import why_incompatible
from .golden import compare_probabilities, compare_values, compared
from .remote_staging import FOLDER, name_of, staged
from .shells import There

# $1 staged folder, $2 name, $3 HxW:TYPE, $4 the golden frame, $5 the option that writes the output, $6 the outputs'
# numbers but the first's. Prints the values of all.
SMOKE = r"""
set -e
cd "$1/$2"
for output in 1 $6; do
    [ "$output" = 1 ] && which= || which="--output=$output"
    bin/biisnet-run --raw "$3" $which "$5" "$1/out.f32" "$4" >/dev/null
    cat "$1/out.f32"
    rm "$1/out.f32"
done
"""
# A link is replaced in one step, by one to what the disk has; what it pointed to goes afterwards.
# $1 staged folder, $2 name, $3 folder.
ACTIVATE = r"""
cd "$3" || exit 1
old=$(readlink "./$2")
case "$old" in
".$2.kept."*) ;;
*)
    if [ -e "./$2" ] || [ -L "./$2" ]; then
        echo "$3/$2 is there, and not by biisnet deploy; move it away" >&2
        exit 1
    fi
    ;;
esac
kept=".$2.kept.${1##*.}"
mv "$1" "$kept" && sync && ln -s "$kept/$2" "$kept/link" && mv -T "$kept/link" "./$2" || { rm -rf "$kept"; exit 1; }
case "$old" in ".$2.kept."*) rm -rf "${old%%/*}" ;; esac
"""


@dataclass(frozen=True)
class DeployOptions:
    """Boards to deploy to, and how."""

    boards: tuple[str, ...]
    folder: str = FOLDER
    config: Path | None = None  # ssh's
    runner_only: bool = False  # the library will not be used, so its C library need not be there


@dataclass(frozen=True)
class Deployment:
    """Outcome of one board's deployment; `problem` is empty where all went well."""

    board: str
    path: str
    device: str
    pixels: int  # of the golden frame
    differing: int  # of its mask
    task: str = field(default=DETECTION, kw_only=True)
    error: float = field(default=0.0, kw_only=True)  # the largest, of its values
    problem: str
    wrong: bool = False  # whether the problem is its result for the golden frame


def deploy(path: Path, asked: DeployOptions, say: Say) -> list[Deployment]:
    """Deploy to all boards, those of several at the same time. Raises BundleError, CompileError."""
    asked = replace(asked, folder=board_folder(asked.folder))
    name = name_of(path)
    with open_bundle(path) as bundle:
        tar = write_tar(bundle.path, name)

        def one(board: str) -> Deployment:
            try:
                return deploy_to(board, bundle, name, tar, asked, say)
            except (BoardError, CompileError) as e:
                return Deployment(board, "", "", 0, 0, str(e).removeprefix(f"{board}: "))
            except VerificationError as e:
                return Deployment(board, "", "", 0, 0, str(e), wrong=True)

        with ThreadPoolExecutor(min(16, len(asked.boards))) as pool:
            return list(pool.map(one, asked.boards))


def deploy_to(board: str, bundle: Bundle, name: str, tar: bytes, asked: DeployOptions, say: Say) -> Deployment:
    """Deploy to one board. Raises BoardError, VerificationError."""
    with Ssh(board, asked.config, batch=len(asked.boards) > 1) as ssh:
        facts = There(ssh).facts()
        say(f"{board}: {facts.summary()}")
        if reason := why_incompatible(bundle.manifest, facts, asked.runner_only):
            raise BoardError(f"{board}: {reason}")
        check_home(asked.folder, facts.home)
        with staged(ssh, asked.folder, name, tar) as place:
            say(f"{board}: {len(tar) / 1e6:.1f} MB copied, running the golden frame")
            found = smoke_test(ssh, bundle, place, name)
            ssh.run(ACTIVATE, [place, name, asked.folder])
        return Deployment(
            board,
            f"{asked.folder}/{name}",
            facts.cpu or facts.arch,
            found.pixels,
            found.differing,
            "",
            task=bundle.signature.task,
            error=found.error,
        )


def smoke_test(ssh: Ssh, bundle: Bundle, place: str, name: str) -> Agreement:
    """The agreement of the golden frame's results with ONNX Runtime's.

    Raises BoardError, VerificationError.
    """
    frame = [raw_layout(bundle.signature), image_name(bundle.signature)]
    if bundle.signature.task == DETECTION:
        return compare_probabilities(bundle, ssh.run(SMOKE, [place, name, *frame, "--probability", ""]))
    outputs = compared(bundle)
    others = " ".join(str(n + 1) for n in outputs[1:])
    found = ssh.run(SMOKE, [place, name, *frame, "--values", others])
    starts = [0, *accumulate(4 * prod(bundle.signature.outputs[n].shape) for n in outputs[:-1])]
    return compare_values(bundle, [found[a:b] for a, b in zip(starts, [*starts[1:], None], strict=True)])


def table_of(results: Sequence[Deployment]) -> list[str]:
    """A line a board."""
    width = max(len(r.board) for r in results)
    return [
        f"{r.board:{width}}  " + (f"failed: {r.problem}" if r.problem else f"pass: {r.path} ({r.device}), {differs(r)}")
        for r in results
    ]


def differs(r: Deployment) -> str:
    """The smoke test for a person."""
    if r.task != DETECTION:
        return f"{r.pixels} values of the golden frame are ONNX Runtime's within {r.error:.1e}"
    return f"{r.differing} of {r.pixels} mask pixels of the golden frame differ from ONNX Runtime's"
