# SPDX-License-Identifier: Apache-2.0
"""The runtime built around the small plan, for this machine and for the emulated one; a bundle of it."""

import hashlib
import json
import platform
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from biisnet.runtime import sources
from biisnet.runtime.bundle import SUMS, sums_text

from .cbuild import (
    ARENA_BYTES,
    ARM_STATIC,
    EMULATOR,
    HEIGHT,
    HERE,
    HOST_CC,
    INTEGER_ARENA_BYTES,
    INTEGER_PLAN,
    INTEGER_SCALE,
    INTEGER_SHA256,
    NO_EMULATOR,
    NO_EMULATOR_REASON,
    PLAN,
    SANITIZED,
    SHA256,
    WIDTH,
    ZIG,
    compile_c,
)

Edit = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("build")


@pytest.fixture(scope="session")
def host_library(build: Path) -> Path:
    flags = ("-fPIC", *sources.SHARED_LDFLAGS)
    return compile_c(build / "libhost.so", (*sources.LIBRARY_SOURCES, PLAN), *flags)


@pytest.fixture(scope="session")
def host_runner(build: Path) -> Path:
    """With sanitizers, so that every test of the runner is one of its memory, too."""
    files = (*sources.LIBRARY_SOURCES, *sources.RUNNER_SOURCES, PLAN)
    return compile_c(build / "host-run", files, *SANITIZED)


@pytest.fixture(scope="session")
def arm_runner(build: Path) -> Path:
    files = (*sources.LIBRARY_SOURCES, *sources.RUNNER_SOURCES, PLAN)
    return compile_c(build / "arm-run", files, *ARM_STATIC, compiler=ZIG)


@pytest.fixture(scope="session")
def integer_library(build: Path) -> Path:
    flags = ("-fPIC", *sources.SHARED_LDFLAGS)
    return compile_c(build / "libinteger.so", (*sources.LIBRARY_SOURCES, INTEGER_PLAN), *flags)


@pytest.fixture(params=["host", "emulated"])
def integer_runner(request: pytest.FixtureRequest, build: Path) -> list[str]:
    """The same as `runner` of the plan of integers."""
    files = (*sources.LIBRARY_SOURCES, *sources.RUNNER_SOURCES, INTEGER_PLAN)
    if request.param == "emulated" and NO_EMULATOR:
        pytest.skip(NO_EMULATOR_REASON)
    path, prefix = build / f"integer-run-{request.param}", EMULATOR if request.param == "emulated" else ()
    if not path.exists():
        flags, compiler = (ARM_STATIC, ZIG) if prefix else (SANITIZED, HOST_CC)
        compile_c(path, files, *flags, compiler=compiler)
    return [*prefix, str(path)]


@pytest.fixture(scope="session")
def decoder(build: Path) -> Path:
    names = ("fail.c", "file.c", "image.c", "inflate.c", "levels.c", "pgm.c", "png.c", "resize.c")
    files = tuple(sources.ROOT / "runner" / name for name in names)
    return compile_c(build / "decode", (*files, HERE / "decode.c"), *SANITIZED)


@pytest.fixture(params=["host", "emulated"])
def runner(request: pytest.FixtureRequest) -> list[str]:
    """The command that starts a device runner, here and on the emulated device."""
    if request.param == "host":
        return [str(request.getfixturevalue("host_runner"))]
    if NO_EMULATOR:
        pytest.skip(NO_EMULATOR_REASON)
    return [*EMULATOR, str(request.getfixturevalue("arm_runner"))]


@pytest.fixture
def make_bundle(host_library: Path, tmp_path: Path) -> Callable[..., Path]:
    """A bundle for this machine around the small plan; `edit` changes the manifest before it is written, `built` is
    another library."""

    def make(edit: Edit | None = None, built: Path = host_library) -> Path:
        root = tmp_path / "bundle"
        shutil.rmtree(root, ignore_errors=True)
        (root / "lib").mkdir(parents=True)
        library = root / "lib" / "libbiisnet_model.so"
        shutil.copy(built, library)
        arch = {"arm64": "aarch64", "AMD64": "x86_64"}.get(platform.machine(), platform.machine())
        shape = [1, 1, HEIGHT, WIDTH]
        manifest: dict[str, Any] = {
            "schema": 3,
            "abi": 3,
            "task": "detection",
            "model": {"name": "tiny", "sha256": SHA256, "weights": "random", "seed": 0},
            "inputs": [{"name": "grey", "dtype": "float32", "shape": shape, "meaning": "image"}],
            "outputs": [{"name": "probability", "dtype": "float32", "shape": shape, "meaning": "probability"}],
            "threshold": 0.5,
            "target": {"name": "host", "triple": "", "cpu": "", "arch": arch, "features": []},
            "glibc": "2.28",
            "arena_bytes": ARENA_BYTES,
            "files": {"lib/libbiisnet_model.so": hashlib.sha256(library.read_bytes()).hexdigest()},
        }
        if edit:
            edit(manifest)
        (root / "manifest.json").write_text(json.dumps(manifest))
        (root / SUMS).write_text(sums_text(root, manifest.get("files", {})))
        return root

    return make


@pytest.fixture
def make_integer_bundle(make_bundle: Callable[..., Path], integer_library: Path) -> Callable[..., Path]:
    """The same around the plan of integers."""

    def make(edit: Edit | None = None, built: Path = integer_library) -> Path:
        def both(manifest: dict[str, Any]) -> None:
            manifest["model"].update(name="edges", sha256=INTEGER_SHA256)
            manifest["inputs"][0].update(name="image", dtype="uint8")
            manifest["outputs"][0].update(name="logit", dtype="int16", meaning="logit", scale=INTEGER_SCALE)
            manifest.update(arena_bytes=INTEGER_ARENA_BYTES, receptive_field={"radius": 1, "stride": 1})
            if edit:
                edit(manifest)

        return make_bundle(both, built)

    return make
