# SPDX-License-Identifier: Apache-2.0
"""Boards are served from a machine that has no compiler: `pip install` without extras, on which TVM and ONNX are not."""

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
        if name.partition(".")[0] in ("tvm", "tvm_ffi", "onnx", "onnxruntime", "torch", "ziglang", "scipy", "matplotlib"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from biisnet.tools.cli import main
main()
"""


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["deploy", "BUNDLE", "--hosts", "empty"], 2, "error: empty: names no board; give one a line"),
        (["deploy", "BUNDLE", "nowhere.invalid"], 2, "error: nowhere.invalid: cannot be reached ("),
        (["bench", "BUNDLE", "nowhere.invalid"], 2, "error: nowhere.invalid: cannot be reached ("),
        (["inspect", "BUNDLE"], 0, "target   rpi4"),
        (["doctor"], 0, "lack package onnx"),
        (["targets"], 0, "rpi4"),
    ],
)
def test_commands(
    arguments: list[str], code: int, said: str, tmp_path: Path, tiny_bundle: Callable[[str], Path]
) -> None:
    """Fails where they end with `tvm is not installed`."""
    (tmp_path / "empty").touch()
    words = [str(tiny_bundle("rpi4")) if a == "BUNDLE" else a for a in arguments]
    done = subprocess.run([sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert said in done.stdout + done.stderr
