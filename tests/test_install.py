# SPDX-License-Identifier: Apache-2.0
"""What pip installs: complete, and no more demanding than it says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from importlib import metadata
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


PACKAGES = ("model", "ops", "compile", "runtime", "targets", "tools")
MADE = {"PKG-INFO", "setup.cfg"}
"""Files that setuptools adds to an sdist."""


def tracked() -> list[str]:
    """The repository's files, those that are not committed yet too."""
    command = ["git", "ls-files", "-co", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("no clone")
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def build(target: Path) -> None:
    """Make the sdist and, out of that, the wheel: `python -m build`, with the setuptools that is here."""
    pytest.importorskip("build")
    pytest.importorskip("setuptools", minversion="77")
    with TemporaryDirectory() as folder:
        for name in tracked():  # a copy, for setuptools leaves files where it builds
            (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, Path(folder) / name)
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(target), folder]
        done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def distributions(once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """A folder with the sdist and the wheel."""
    return once("distributions", build)


def install(distributions: Path, target: Path) -> None:
    """Fill `target` with what is in the wheel, and the blocker."""
    (wheel,) = distributions.glob("*.whl")
    options = ["--quiet", "--no-deps", "--no-index", "--disable-pip-version-check", "--target", str(target)]
    command = [sys.executable, "-m", "pip", "install", *options, str(wheel)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (target / "sitecustomize.py").write_text(BLOCKER)


@pytest.fixture(scope="session")
def installed(distributions: Path, once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """A folder with nothing but what pip puts there."""
    return once("installed", lambda target: install(distributions, target))


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
    """Fails where a file of a package is not package data."""
    wanted = {name for name in tracked() if name.startswith((*(f"{p}/" for p in PACKAGES), "LICENSES/"))}
    package = installed / "biisnet"
    there = {str(p.relative_to(package)) for p in package.rglob("*") if p.is_file()}
    assert len(wanted) > 200
    assert wanted <= there, sorted(wanted - there)


def test_the_sdist_is_the_repository(distributions: Path) -> None:
    """Fails where a file is not in MANIFEST.in, or one is that does not belong."""
    (sdist,) = distributions.glob("*.tar.gz")
    with tarfile.open(sdist) as tar:
        names = {m.name.partition("/")[2] for m in tar.getmembers() if m.isfile()}
    assert {name for name in names if ".egg-info/" not in name} - MADE == set(tracked())


def test_what_an_index_shows_is_complete(installed: Path) -> None:
    """Summary, licence, Pythons, keywords, all classifiers known; no address that does not exist."""
    (info,) = installed.glob("biisnet-*.dist-info")
    shown = metadata.PathDistribution(info).metadata
    assert shown["License-Expression"] == "Apache-2.0"
    assert shown["Requires-Python"] == "<3.14,>=3.10"
    assert shown["Description-Content-Type"] == "text/markdown"
    assert all(shown[field] for field in ("Summary", "Keywords", "Author"))
    pythons = {c.rpartition(" ")[2] for c in shown.get_all("Classifier") if " :: 3." in c}
    assert pythons == {"3.10", "3.11", "3.12", "3.13"}
    notices = {p.name for p in (ROOT / "LICENSES").iterdir()}
    assert {Path(name).name for name in shown.get_all("License-File")} == {"LICENSE", *notices}
    assert all((info / "licenses" / name).is_file() for name in shown.get_all("License-File"))
    assert shown.get_all("Project-URL") is None


def test_module_for_who_has_no_scripts_on_the_path(installed: Path, tmp_path: Path) -> None:
    """`python -m biisnet.tools` is `biisnet`."""
    done = run(installed, ["-m", "biisnet.tools", "targets"], tmp_path, "torch tvm onnx onnxruntime")
    by_script = run(installed, [script(installed, "biisnet"), "targets"], tmp_path, "torch tvm onnx onnxruntime")
    assert (done.returncode, done.stdout) == (0, by_script.stdout)
    assert "rpi4" in done.stdout
    usage = run(installed, ["-m", "biisnet.tools", "--help"], tmp_path).stdout
    assert "python -m biisnet.tools" in usage


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
        ["train", "run/best.safetensors", *scenes, "--recipe", "recipe.json", "--precision", "int8", "-o", "int8"],
    ):
        done = run(installed, [script(installed, "biisnet"), *command], tmp_path, "tvm tvm_ffi onnxruntime ziglang")
        assert done.returncode == (2 if {"nowhere.safetensors", "int8"} & {*command} else 0), done.stderr
        assert "Traceback" not in done.stderr
    assert "pip install '.[compile]' (in a clone)" in done.stderr
    assert not (tmp_path / "int8").exists()
