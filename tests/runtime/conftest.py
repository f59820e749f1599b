# SPDX-License-Identifier: Apache-2.0
"""The runtime built around the small plan, for this machine and for the emulated one; a bundle of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from biisnet.runtime import sources

from .cbuild import (
    ARM_STATIC,
    EMULATOR,
    HERE,
    HOST_CC,
    INTEGER_PLAN,
    NO_EMULATOR,
    NO_EMULATOR_REASON,
    PLAN,
    SANITIZED,
    ZIG,
    Edit,
    compile_c,
    of_integers,
    write_bundle,
)


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
        return write_bundle(tmp_path / "bundle", built, edit)

    return make


@pytest.fixture
def make_integer_bundle(integer_library: Path, tmp_path: Path) -> Callable[..., Path]:
    """The same around the plan of integers."""

    def make(edit: Edit | None = None, built: Path = integer_library) -> Path:
        return write_bundle(tmp_path / "bundle", built, lambda m: (of_integers(m), edit and edit(m)))

    return make
