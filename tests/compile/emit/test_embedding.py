# SPDX-License-Identifier: Apache-2.0
"""Bundles in other projects' builds: the examples are built by CMake, pkg-config and the cross-compiler, and run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from biisnet.compile.emit import embedding
from biisnet.runtime.sources import EXPORTS, HEADER
from biisnet.targets.toolchain import find_zig

TinyBundle = Callable[[str], Path]
EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
ZIG = [find_zig()]
ARM_LIBC = Path("/usr/aarch64-linux-gnu")
needs_gcc = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")


def run(*command: str | Path, **options: object) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def golden(bundle: Path) -> tuple[Path, int, int]:
    """The bundle's own frame, its target pixels, and how many pixels it has."""
    probability = np.fromfile(bundle / "golden" / "probability.f32", np.float32)
    threshold = json.loads((bundle / "manifest.json").read_text())["threshold"]
    return bundle / "golden" / "image.f32", int((probability > threshold).sum()), probability.size


@pytest.fixture
def moved(tiny_bundle: TinyBundle, tmp_path: Path) -> Callable[[str], Path]:
    """A copy of a bundle: its files must not know where it was made."""
    return lambda target: Path(shutil.copytree(tiny_bundle(target), tmp_path / "moved here" / target))


@needs_gcc
def test_cmake(moved: Callable[[str], Path], tmp_path: Path) -> None:
    bundle, build = moved("host"), tmp_path / "build"
    cmake = shutil.which("cmake", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert cmake
    flags = "-Wall -Wextra -Werror"
    options = [f"-DCMAKE_PREFIX_PATH={bundle}", f"-DCMAKE_C_FLAGS={flags}", f"-DCMAKE_CXX_FLAGS={flags}"]
    run(cmake, "-S", EXAMPLES, "-B", build, *options)
    run(cmake, "--build", build)
    frame, targets, pixels = golden(bundle)
    assert run(build / "detect_c", frame).endswith(f": {targets} of {pixels} pixels are target\n")
    assert run(build / "detect_cpp", frame, frame).splitlines() == [f"{frame}: {targets} pixels are target"] * 2
    wrong = subprocess.run([build / "detect_cpp", bundle / "manifest.json", frame], capture_output=True, text=True)
    assert wrong.returncode == 1
    assert wrong.stdout.splitlines()[0].endswith("a frame of another size than the model's")
    assert wrong.stdout.splitlines()[1] == f"{frame}: {targets} pixels are target"
    other = tmp_path / "CMakeLists.txt"
    text = "cmake_minimum_required(VERSION 3.16)\nproject(p C)\nfind_package(biisnet_model 1 CONFIG REQUIRED)\n"
    other.write_text(text)
    wrong = subprocess.run([cmake, "-S", tmp_path, "-B", tmp_path / "b", options[0]], capture_output=True, text=True)
    assert wrong.returncode != 0
    assert "requested version" in wrong.stderr


@needs_gcc
@pytest.mark.parametrize("static", [False, True])
def test_pkg_config(static: bool, moved: Callable[[str], Path], tmp_path: Path) -> None:
    bundle = moved("host")
    find = [sys.executable, "-m", "pkgconf", f"--with-path={bundle}/lib/pkgconfig", embedding.NAME]
    flags = run(*find, "--cflags", "--libs", *(["--static"] if static else []))
    assert ("-lm" in flags) == static
    program = tmp_path / "detect"
    # unquoted as in a shell: pkg-config escapes what needs it
    run("sh", "-c", f"gcc -Werror {EXAMPLES}/detect.c -o {program} {flags.strip()} -Wl,-rpath,'{bundle}/lib'")
    frame, targets, pixels = golden(bundle)
    assert run(program, frame).endswith(f": {targets} of {pixels} pixels are target\n")


@pytest.mark.emulator
@pytest.mark.parametrize(("source", "compiler"), [("detect.c", "cc"), ("detect.cpp", "c++")])
@pytest.mark.parametrize("library", ["so", "a"])
def test_on_the_emulated_device(
    source: str, compiler: str, library: str, tiny_bundle: TinyBundle, tmp_path: Path, emulated: None
) -> None:
    """With the compiler that comes from pip, against glibc."""
    if not ARM_LIBC.exists():
        pytest.skip("no aarch64 glibc (Debian: libc6-arm64-cross)")
    bundle, program = tiny_bundle("rpi4"), tmp_path / "detect"
    model = bundle / "lib" / f"libbiisnet_model.{library}"
    target = ["-target", "aarch64-linux-gnu.2.28", "-Os", f"-I{bundle}/include"]
    run(*ZIG, compiler, *target, EXAMPLES / source, model, "-lm", "-pthread", "-o", program)
    frame, targets, _ = golden(bundle)
    emulator = ["qemu-aarch64", "-cpu", "cortex-a72", "-L", str(ARM_LIBC)]
    said = run(*emulator, "-E", f"LD_LIBRARY_PATH={bundle}/lib:{ARM_LIBC}/lib", program, frame)
    assert re.search(rf": {targets}( of \d+)? pixels are target$", said.strip())


def test_python(tiny_bundle: TinyBundle) -> None:
    bundle = tiny_bundle("host")
    frame, targets, _ = golden(bundle)
    lines = run(sys.executable, EXAMPLES / "detect.py", bundle, frame, frame).splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"{frame}: {targets} pixels in ") for line in lines)


@needs_gcc
def test_another_abi_is_refused_at_load(tiny_bundle: TinyBundle, tmp_path: Path) -> None:
    """As if the program had been linked with the next version's library."""
    bundle, frame = tiny_bundle("host"), golden(tiny_bundle("host"))[0]
    (tmp_path / "map").write_text(EXPORTS.read_text().replace("BIISNET_3", "BIISNET_4"))
    names = re.findall(r"^BIISNET_API .*?(biisnet_\w+)\(", HEADER.read_text(), re.M)
    (tmp_path / "next.c").write_text("".join(f"void {name}(void) {{}}\n" for name in names))
    stub, program = tmp_path / "next" / "libbiisnet_model.so", tmp_path / "detect"
    stub.parent.mkdir()
    flags = ["-shared", "-fPIC", "-Wl,-soname,libbiisnet_model.so", f"-Wl,--version-script={tmp_path}/map"]
    run("gcc", *flags, tmp_path / "next.c", "-o", stub)
    run("gcc", f"-I{bundle}/include", EXAMPLES / "detect.c", stub, "-o", program)
    environment = {**os.environ, "LD_LIBRARY_PATH": f"{bundle}/lib"}
    done = subprocess.run([program, frame], capture_output=True, text=True, env=environment)
    assert done.returncode != 0
    assert "version `BIISNET_4' not found" in done.stderr


def test_the_symbol_version_is_the_abi() -> None:
    (abi,) = re.findall(r"#define BIISNET_ABI_VERSION (\d+)", HEADER.read_text())
    assert re.findall(r"^BIISNET_(\d+) \{", EXPORTS.read_text(), re.M) == [abi]


def test_a_name_is_no_command(tmp_path: Path) -> None:
    """A model's name is a file's word: it ends no comment and is nothing that CMake or pkg-config would evaluate."""
    embedding.write_embedding(tmp_path, "a\nmessage(FATAL_ERROR ${x})\n#", "rpi4")
    for path in (embedding.CMAKE, embedding.PKG_CONFIG):
        assert "a_message_FATAL_ERROR __x____ for rpi4\n" in (tmp_path / path).read_text()
