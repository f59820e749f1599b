# SPDX-License-Identifier: Apache-2.0
"""The C library: sanitizers, what it asks of the system, what it exports."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from biisnet.runtime import sources

from .cbuild import (
    ARM_SHARED,
    ARM_STATIC,
    EMULATOR,
    GCC,
    HEIGHT,
    HERE,
    INTEGER_PLAN,
    NO_EMULATOR,
    NO_EMULATOR_REASON,
    PLAN,
    SANITIZED,
    WIDTH,
    ZIG,
    compile_c,
    integer_reference,
    reference,
    run,
)

FILES = (*sources.LIBRARY_SOURCES, HERE / "driver.c", PLAN)
INTEGER_FILES = (*sources.LIBRARY_SOURCES, HERE / "driver.c", INTEGER_PLAN)
SIZES = [(HEIGHT, WIDTH), (1, 1), (2, 5), (7, 3)]  # one row: most threads have nothing to do
needs_gcc = pytest.mark.skipif(GCC is None, reason="zig cc brings no sanitizers; install gcc")
needs_readelf = pytest.mark.skipif(shutil.which("readelf") is None, reason="needs binutils")


def _passes(*command: str | Path) -> None:
    done = run(*command)
    assert done.stdout == b"ok\n", (done.stdout + done.stderr).decode()
    assert done.returncode == 0, done.stderr.decode()


def _sanitized(sanitizer: str, size: tuple[int, int]) -> tuple[str, ...]:
    sizes = ("-UPLAN_HEIGHT", "-UPLAN_WIDTH", f"-DPLAN_HEIGHT={size[0]}", f"-DPLAN_WIDTH={size[1]}")
    return ("-g", f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all", *sizes)


@needs_gcc
@pytest.mark.parametrize("sanitizer", ["address,undefined", "thread"])
@pytest.mark.parametrize("size", SIZES)
def test_sanitizers_find_nothing(tmp_path: Path, sanitizer: str, size: tuple[int, int]) -> None:
    _passes(compile_c(tmp_path / "driver", FILES, *_sanitized(sanitizer, size)), tmp_path / "probability")
    grey = (np.arange(size[0] * size[1]) * 37 % 256 + 1).astype(np.float32).reshape(size)
    probability = np.fromfile(tmp_path / "probability", np.float32).reshape(size)
    np.testing.assert_allclose(probability, reference(grey)["probability"], rtol=0, atol=1e-6)


@needs_gcc
@pytest.mark.parametrize("band", [2, 4])
@pytest.mark.parametrize("height", [*range(1, 10), HEIGHT])
def test_bands(tmp_path: Path, band: int, height: int) -> None:
    """Fails where a band's rows are other than those one by one, at a map's end, on 1 to 4 threads."""
    size = (height, WIDTH)
    flags = (*_sanitized("address,undefined", size), f"-DPLAN_BAND={band}")
    _passes(compile_c(tmp_path / "driver", FILES, *flags), tmp_path / "probability")
    grey = (np.arange(size[0] * size[1]) * 37 % 256 + 1).astype(np.float32).reshape(size)
    probability = np.fromfile(tmp_path / "probability", np.float32).reshape(size)
    np.testing.assert_allclose(probability, reference(grey)["probability"], rtol=0, atol=1e-6)


@needs_gcc
@pytest.mark.parametrize("sanitizer", ["address,undefined", "thread"])
@pytest.mark.parametrize("size", SIZES)
def test_sanitizers_find_nothing_in_integers(tmp_path: Path, sanitizer: str, size: tuple[int, int]) -> None:
    """Bytes in, without a copy, int16 out; all other types of frame, with their rounding."""
    flags = ("-DINTEGER", *_sanitized(sanitizer, size))
    _passes(compile_c(tmp_path / "driver", INTEGER_FILES, *flags), tmp_path / "logits")
    grey = (np.arange(size[0] * size[1]) * 37 % 256).astype(np.uint8).reshape(size)
    logits = np.fromfile(tmp_path / "logits", np.int16).reshape(size)
    np.testing.assert_array_equal(logits, integer_reference(grey))


@needs_gcc
def test_allocates_and_starts_threads_only_in_create(tmp_path: Path) -> None:
    own = re.findall(r"\bpthread_\w+(?=\()", (sources.ROOT / "src" / "threads.c").read_text())
    wrapped = ("malloc", "calloc", "posix_memalign", *dict.fromkeys(own))
    flags = ("-DCOUNT_CALLS", *(f"-Wl,--wrap={name}" for name in wrapped))
    _passes(compile_c(tmp_path / "driver", FILES, *flags))


@pytest.mark.skipif(NO_EMULATOR, reason=NO_EMULATOR_REASON)
def test_driver_on_the_emulated_device(tmp_path: Path) -> None:
    _passes(*EMULATOR, compile_c(tmp_path / "driver", FILES, *ARM_STATIC, compiler=ZIG))
    integer = compile_c(tmp_path / "integer", INTEGER_FILES, "-DINTEGER", *ARM_STATIC, compiler=ZIG)
    _passes(*EMULATOR, integer)


@needs_gcc
@pytest.mark.parametrize("sanitizer", ["address,undefined", "thread"])
@pytest.mark.parametrize("band", [1, 3])
def test_any_order_gives_the_same(tmp_path: Path, sanitizer: str, band: int) -> None:
    """Fails where a task is thought ready while a row that it reads is not there, or one that it writes over is still
    read; or where no task is ready and some are left."""
    files = (*sources.LIBRARY_SOURCES, HERE / "orders.c", PLAN)
    flags = (*_sanitized(sanitizer, (HEIGHT, WIDTH)), f"-DPLAN_BAND={band}")
    _passes(compile_c(tmp_path / "orders", files, *flags))


@pytest.mark.parametrize("define", ["-DBOX_SLOTS=3", "-DBLUR_SLOTS=2", "-DBN_PLAN_VERSION=3", "-DBN_EDGE_ZERO=7"])
def test_a_plan_that_does_not_fit_is_refused(tmp_path: Path, define: str) -> None:
    """Rings too short for who reads them in the list's order, another version, an unknown edge."""
    odd = tmp_path / "plan.c"
    name, value = define.removeprefix("-D").split("=")
    text = PLAN.read_text()
    is_ring = name.endswith("_SLOTS")
    odd.write_text(text if is_ring else text.replace(name, value))
    extra = (define,) if is_ring else ()
    files = (*sources.LIBRARY_SOURCES, *sources.RUNNER_SOURCES, odd)
    done = run(compile_c(tmp_path / "run", files, *extra), "--probe")
    assert done.returncode == 2
    assert b"plan does not fit" in done.stderr


@pytest.mark.parametrize(
    "define",
    [
        "-DPLAN_THRESHOLD=0.5f",
        "-DPLAN_THRESHOLD=-40000",
        "-DPLAN_THRESHOLD=70000",
        "-DPLAN_SCALE=0",
        "-DPLAN_SCALE=-0.1",
        "-DPLAN_SCALE=1e-7",
        "-DPLAN_SCALE=1e4",
        "-DPLAN_SCALE=(0.0/0.0)",
    ],
)
def test_integers_whose_meaning_cannot_be(tmp_path: Path, define: str) -> None:
    """A threshold that is no int16's, a scale that no logit has."""
    files = (*sources.LIBRARY_SOURCES, *sources.RUNNER_SOURCES, INTEGER_PLAN)
    done = run(compile_c(tmp_path / "run", files, define), "--probe")
    assert done.returncode == 2
    assert b"plan does not fit" in done.stderr


def test_every_broken_plan_is_refused(tmp_path: Path) -> None:
    _passes(compile_c(tmp_path / "broken", (*sources.LIBRARY_SOURCES, HERE / "broken.c", PLAN), *SANITIZED))


def test_header_is_cplusplus_and_c99(tmp_path: Path) -> None:
    if GCC is None:
        pytest.skip("needs gcc")
    for language, standard in (("c", "c99"), ("c++", "c++11")):
        if language == "c++" and shutil.which("g++") is None:
            continue
        flags = ("-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only", "-x", language)
        for header in (sources.HEADER, sources.PROBE_HEADER):
            subprocess.run([GCC, f"-std={standard}", *flags, str(header)], check=True)


@pytest.mark.parametrize("compiler", [pytest.param((GCC,), marks=needs_gcc), ZIG])
@pytest.mark.parametrize(
    "call",
    [
        "biisnet_create(&model, 1)",
        "biisnet_create_in(&model, 1, 0, 0)",
        "biisnet_run(model, 0, 0)",
        "biisnet_create_probing(&model, 1, 0, 0)",
        "biisnet_bind(model, 0, 0)",
        "biisnet_run_stage(model, 0, 0)",
    ],
)
def test_a_status_that_is_ignored_is_a_warning(call: str, compiler: tuple[str, ...], tmp_path: Path) -> None:
    for statement, fails in ((call, True), (f"if ({call} != BIISNET_OK) return 1", False)):
        program = tmp_path / "program.c"
        text = (
            f'#include "biisnet_probe.h"\nint main(void) {{ biisnet_model *model = 0; {statement}; return !model; }}\n'
        )
        program.write_text(text)
        command = [*compiler, "-Werror", "-c", f"-I{sources.HEADER.parent}", str(program)]
        done = subprocess.run([*command, "-o", str(tmp_path / "o")], capture_output=True, text=True)
        assert (done.returncode != 0) == fails, done.stderr
        assert ("-Wunused-result" in done.stderr or "-Werror=unused-result" in done.stderr) == fails


@needs_readelf
def test_device_library_exports_the_interface_and_needs_only_old_glibc(tmp_path: Path) -> None:
    library = tmp_path / "lib.so"
    flags = (*ARM_SHARED, "-fPIC", *sources.SHARED_LDFLAGS)
    compile_c(library, (*sources.LIBRARY_SOURCES, PLAN), *flags, compiler=ZIG)
    listing = subprocess.check_output(["readelf", "-W", "--dyn-syms", str(library)], text=True)
    words = [line.split() for line in listing.splitlines() if line.strip()[:1].isdigit()]
    exported = {word[7].split("@")[0] for word in words if len(word) > 7 and word[6] != "UND"}
    declared = {line.split("(")[0].split()[-1].lstrip("*") for line in sources.HEADER.read_text().splitlines()
                if line.startswith("BIISNET_API ")}  # fmt: skip
    assert exported == declared
    versions = {word[7].split("@GLIBC_")[1] for word in words if len(word) > 7 and "@GLIBC_" in word[7]}
    assert all(tuple(map(int, version.split("."))) <= (2, 28) for version in versions), versions
