# SPDX-License-Identifier: Apache-2.0
"""The tool-chain's failures, each one line."""

import subprocess
import sys
from pathlib import Path

import pytest

from biisnet.targets import resolve, toolchain
from biisnet.targets.toolchain import ToolchainError, zig


def test_zig_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolchainError, match="missing: pip install") as caught:
        zig(["cc"], tmp_path)
    assert ".[compile]" in str(caught.value)


def test_zig_fails(tmp_path: Path) -> None:
    """The compiler's own first error, and where it is."""
    (tmp_path / "broken.c").write_text("int main(void) {\n    return zero;\n}\n")
    with pytest.raises(ToolchainError, match=r"zig cc failed: broken\.c:2:12: error: .*'zero'") as caught:
        zig(["cc", *resolve("rpi4").zig(), "-c", "broken.c", "-o", "broken.o"], tmp_path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "broken.o").exists()


@pytest.mark.parametrize("name", ["rpi4", "rpi3", "rpi5"])
def test_an_object_for_the_board(name: str, tmp_path: Path) -> None:
    """ELF, 64 bits, AArch64, whatever this machine is."""
    (tmp_path / "answer.c").write_text("int answer(void) { return 42; }\n")
    zig(["cc", *resolve(name).zig(), "-c", "answer.c", "-o", "answer.o"], tmp_path)
    head = (tmp_path / "answer.o").read_bytes()[:20]
    assert head[:5] == b"\x7fELF\x02"
    assert int.from_bytes(head[18:20], "little") == 183


def test_the_program_is_the_packages(tmp_path: Path) -> None:
    """Fails where the program that is started is not the one that `python -m ziglang` starts."""
    command = [sys.executable, "-m", "ziglang", "version"]
    assert zig(["version"], tmp_path) == subprocess.run(command, capture_output=True, text=True, check=True).stdout
