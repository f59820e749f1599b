# SPDX-License-Identifier: Apache-2.0
"""Bundles where no compiler is: neither TVM nor ONNX nor ONNX Runtime can be imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from biisnet.compile.verification.scene import scene

from .boards import NO_BOARD, can_emulate, fleet
from .conftest import Outcome
from .damage import damaged

TinyBundle = Callable[[str], Path]
BLOCKED = ("tvm", "tvm_ffi", "onnx", "onnxruntime")
PROGRAM = f"""
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BLOCKED}:
            raise ModuleNotFoundError(f"{{name}} is blocked", name=name)

sys.meta_path.insert(0, Blocker())
from biisnet.tools.cli import main
main()
"""


@pytest.fixture
def blocked(here: Path) -> Callable[..., Outcome]:
    """`blocked("inspect", bundle)`: a command of `biisnet`, without the compiler's packages."""

    def invoke(*arguments: str | Path, **environment: str) -> Outcome:
        command = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})
        return Outcome(done.returncode, done.stdout, done.stderr)

    return invoke


def test_the_blocker_blocks(blocked: Callable[..., Outcome]) -> None:
    """Fails where the tests below would be of nothing."""
    assert blocked("compile", "--target", "host").message.startswith("onnx is not installed: pip install '.[compile]'")


def test_run_bench_inspect(
    blocked: Callable[..., Outcome], cli: Callable[..., Outcome], here: Path, tiny_bundle: TinyBundle
) -> None:
    """The same answers as with it."""
    bundle = tiny_bundle("host")
    Image.fromarray(scene(24, 20)).save(here / "frame.png")
    for command in (("inspect", bundle), ("run", bundle, "frame.png", "--json"), ("targets",), ("variants",)):
        done, wanted = blocked(*command), cli(*command)
        assert (done.code, done.out) == (0, wanted.out), done.err
    timed = blocked("bench", bundle, "--threads", "1", "--runs", "2", "--stages", "1", "--json")
    assert timed.code == 0, timed.err
    assert [t["threads"] for t in json.loads(timed.out)["timings"]] == [1]
    assert "bundle's directory or its .tar" in blocked("run", "nothing", "frame.png").message


def test_verify_is_by_the_golden_files(blocked: Callable[..., Outcome], here: Path, tiny_bundle: TinyBundle) -> None:
    """It says so, finds what is wrong, and refuses what it cannot judge."""
    bundle = tiny_bundle("host")
    done = blocked("verify", bundle, "--quiet")
    assert done.code == 0, done.err
    assert done.out.startswith("checked on this machine by the bundle's golden files: 0 of 480 mask pixels differ")
    assert done.out.endswith("stages and accumulators were not compared\n")
    assert done.err == "note: onnx is not installed: pip install '.[compile]' (in a clone) for the whole proof\n"
    assert json.loads(blocked("verify", bundle, "--json").out)["reference"] == "golden files"
    golden = (bundle / "golden" / "probability.f32").read_bytes()
    wrong = damaged(bundle, here / "wrong", "golden/probability.f32", bytes(len(golden)))
    assert "the golden frame's result is wrong: " in blocked("verify", wrong).error(1)
    assert "pip install '.[compile]'" in blocked("verify", bundle, "--image", "frame.png").message
    (wrong / "bin" / "biisnet-run").write_bytes(b"")
    assert "biisnet-run: differs from its sha256" in blocked("verify", wrong).message
    assert "nothing: does not exist" in blocked("verify", "nothing").message


def test_deploy_to_a_board_that_is_away(blocked: Callable[..., Outcome], here: Path, tiny_bundle: TinyBundle) -> None:
    (here / "config").write_text("Host board\n    HostName 127.0.0.1\n    Port 9\n    BatchMode yes\n")
    done = blocked("deploy", tiny_bundle("host"), "board", "--ssh-config", "config")
    assert done.message.startswith("board: ")
    assert "is not installed" not in done.err
    assert done.out.startswith("board  failed: ")


@pytest.mark.emulator
def test_deploy(blocked: Callable[..., Any], tiny_bundle: TinyBundle, tmp_path_factory: pytest.TempPathFactory) -> None:
    if not can_emulate():
        pytest.skip(NO_BOARD)
    with fleet(tmp_path_factory.mktemp("fleet"), 1) as board:
        done = blocked("deploy", tiny_bundle("rpi4"), "board0", "--ssh-config", board.config)
        assert done.code == 0, done.err
        assert "0 of 480 mask pixels of the golden frame differ" in done.out
