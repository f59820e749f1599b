# SPDX-License-Identifier: Apache-2.0
"""Compilations that somebody ends: nothing is left behind, and it is not called a failure."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

MAIN = "from biisnet.tools.cli import compile_main; compile_main()"
TINY = ("--target", "host", "--size", "24x20", "-o", "deep/bundle")


def ended(program: str, model: Path) -> subprocess.CompletedProcess[str]:
    """A compilation in a process group of its own, which `program` ends."""
    command = [sys.executable, "-c", program, str(model), *TINY]
    return subprocess.run(command, capture_output=True, text=True, start_new_session=True, timeout=300)


def test_sigterm_from_outside(here: Path, tiny_onnx: Path) -> None:
    """Fails where the hidden folder stays."""
    command = [sys.executable, "-c", MAIN, str(tiny_onnx), *TINY]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any("cut_stages" in line for line in process.stderr)
        assert [p.name[:8] for p in (here / "deep").iterdir()] == [".bundle."]
        process.terminate()
        rest = process.stderr.read()
    assert process.returncode == 128 + signal.SIGTERM
    assert "Traceback" not in rest
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("step", ["generate", "check_bundle"])
def test_sigterm_twice(step: str, here: Path, tiny_onnx: Path) -> None:
    """timeout(1) sends it to the process and to its group; fails where the second breaks off the tidying."""
    program = f"""
import os, shutil
from biisnet.compile import pipeline
from biisnet.compile.emit import bundle
def end(*_): os.kill(os.getpid(), {int(signal.SIGTERM)})
end.__name__ = "{step}"
pipeline.{step} = end
remove = shutil.rmtree
def remove_after_another(*arguments, **options):
    end()
    remove(*arguments, **options)
bundle.shutil.rmtree = remove_after_another
{MAIN}
"""
    assert ended(program, tiny_onnx).returncode == 128 + signal.SIGTERM
    assert list(here.iterdir()) == []


def test_ctrl_c_while_it_is_verified(here: Path, tiny_onnx: Path) -> None:
    """SIGINT to the whole group, the runner too; fails where that is told as the runner's failure."""
    program = f"""
import os, signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
from biisnet.compile.verification import check
def end(*_):
    os.killpg(0, {int(signal.SIGINT)})
    time.sleep(60)
check.compare = end
{MAIN}
"""
    done = ended(program, tiny_onnx)
    assert done.returncode == 128 + signal.SIGINT
    assert "error" not in done.stderr
    assert done.stderr.splitlines()[-1] == "interrupted"
    assert list(here.iterdir()) == []
