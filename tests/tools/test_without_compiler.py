# SPDX-License-Identifier: Apache-2.0
"""Boards are served from a machine that has no compiler: `pip install` without extras brings no TVM and no ONNX."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PROGRAM = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tvm", "tvm_ffi", "onnx", "onnxruntime", "torch", "ziglang", "matplotlib"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from biisnet.tools.cli import main
main()
"""


@pytest.mark.parametrize(
    ("arguments", "succeeds", "said"),
    [
        (["deploy", "BUNDLE", "--hosts", "empty"], False, "error: empty: names no board; give one a line"),
        (["deploy", "BUNDLE", "nowhere.invalid"], False, "error: nowhere.invalid: cannot be reached ("),
        (["bench", "BUNDLE", "nowhere.invalid"], False, "error: nowhere.invalid: cannot be reached ("),
        (["inspect", "BUNDLE"], True, "target   rpi4"),
        (["doctor"], True, "zig's cache: "),
        (["targets"], True, "rpi4"),
    ],
)
def test_commands(
    arguments: list[str], succeeds: bool, said: str, tmp_path: Path, tiny_bundle: Callable[[str], Path]
) -> None:
    """Fails where they end with `tvm is not installed`."""
    (tmp_path / "empty").touch()
    words = [str(tiny_bundle("rpi4")) if a == "BUNDLE" else a for a in arguments]
    done = subprocess.run([sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode == 0) == succeeds, done.stderr
    assert said in done.stdout + done.stderr
