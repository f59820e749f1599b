# SPDX-License-Identifier: Apache-2.0
"""What pip installs: complete, and no more demanding than it says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

ROOT = Path(__file__).parents[1]

# refuses to import what is not allowed; runs first in every Python below, by way of PYTHONPATH
BLOCKER = """
import os, sys
from importlib.machinery import ModuleSpec

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in os.environ["BLOCKED"].split():
            return ModuleSpec(name, self)  # torch looks for some, and imports none of them

    def create_module(self, spec):
        raise ModuleNotFoundError(f"{spec.name} is blocked", name=spec.name)

    def exec_module(self, module):
        pass

if os.environ.get("BLOCKED"):
    sys.meta_path.insert(0, Blocker())
"""
THIRD_PARTY = "torch onnx onnxruntime onnxscript tvm tvm_ffi ziglang PIL safetensors typer click rich"


def install(target: Path) -> None:
    """Fill `target` with what `pip install .` installs, and the blocker."""
    with TemporaryDirectory() as folder:
        source = Path(folder)
        for name in ("model", "ops", "compile", "runtime", "targets", "tools"):
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, source)
        options = ["--quiet", "--no-deps", "--disable-pip-version-check", "--target", str(target)]
        command = [sys.executable, "-m", "pip", "install", *options, str(source)]
        done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (target / "sitecustomize.py").write_text(BLOCKER)


@pytest.fixture(scope="session")
def installed(once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """A folder with nothing but what `pip install .` puts there."""
    return once("installed", install)


def run(installed: Path, command: list[str], folder: Path, blocked: str = "") -> subprocess.CompletedProcess[str]:
    """Python on a command, with the packages of `blocked` out of reach."""
    env = {**os.environ, "PYTHONPATH": str(installed), "BLOCKED": blocked}
    return subprocess.run([sys.executable, *command], cwd=folder, env=env, capture_output=True, text=True)


def script(installed: Path, name: str) -> str:
    """The path of a command that was installed."""
    path = installed / "bin" / name
    assert path.is_file(), name
    return str(path)


def test_everything_is_inside(installed: Path) -> None:
    package = installed / "biisnet"
    for folder in ("model", "ops", "compile", "runtime", "targets", "tools"):
        wanted = {
            p.relative_to(ROOT) for p in (ROOT / folder).rglob("*") if p.is_file() and "__pycache__" not in p.parts
        }
        there = {p.relative_to(package) for p in (package / folder).rglob("*") if p.is_file()}
        assert wanted <= there, sorted(map(str, wanted - there))
    assert (package / "model" / "data" / "biisnet.onnx").is_file()
    assert (package / "model" / "data" / "biisnet.safetensors").is_file()
    assert (package / "runtime" / "include" / "biisnet.h").is_file()
    assert (package / "runtime" / "src" / "exports.map").is_file()


@pytest.mark.parametrize("command", [["biisnet-compile", "--help"], ["biisnet", "--help"], ["biisnet", "targets"]])
def test_commands_start(installed: Path, tmp_path: Path, command: list[str]) -> None:
    done = run(installed, [script(installed, command[0]), *command[1:]], tmp_path, "torch tvm onnx onnxruntime")
    assert done.returncode == 0, done.stderr
    assert "rpi4" in done.stdout or "Usage" in done.stdout


def test_runtime_needs_numpy_only(installed: Path, tmp_path: Path) -> None:
    code = "import biisnet.runtime, sys; print(biisnet.runtime.__file__)"
    done = run(installed, ["-c", code], tmp_path, THIRD_PARTY)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(installed))


def test_missing_extra_is_one_line(installed: Path, tmp_path: Path) -> None:
    done = run(installed, [script(installed, "biisnet-compile")], tmp_path, "onnx tvm tvm_ffi onnxruntime")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "pip install '.[compile]' (in a clone)" in done.stderr


def test_compiling_needs_no_torch(installed: Path, tmp_path: Path) -> None:
    command = [script(installed, "biisnet-compile"), "--target", "host", "--size", "32x32"]
    done = run(installed, command, tmp_path, "torch onnxscript safetensors")
    assert done.returncode == 0, done.stderr
    assert "verified on this machine" in done.stderr
    assert (tmp_path / "biisnet-host-32x32" / "manifest.json").is_file()
    assert {p.name for p in tmp_path.iterdir()} == {"biisnet-host-32x32", "biisnet-host-32x32.tar"}


def test_training_needs_no_tvm(installed: Path, tmp_path: Path) -> None:
    """Fails where the extra `train` alone does not train, or evaluate what it trained."""
    pytest.importorskip("torch")
    recipe = {"phases": [{"begin": 0, "crop": 16, "batch": 2}], "size": [32, 32]}
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    scenes = ["--synthetic", "--scenes", "4"]
    for command in (
        ["train", "biisnet-lite", *scenes, "--epochs", "1", "--recipe", "recipe.json", "-o", "run"],
        ["eval", "run/best.safetensors", *scenes, "--size", "32x32"],
        ["eval", "nowhere.safetensors", *scenes],
    ):
        done = run(installed, [script(installed, "biisnet"), *command], tmp_path, "tvm tvm_ffi onnxruntime ziglang")
        assert done.returncode == (2 if "nowhere" in command[1] else 0), done.stderr
        assert "Traceback" not in done.stderr
