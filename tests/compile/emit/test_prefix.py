# SPDX-License-Identifier: Apache-2.0
"""Two models in one program: archives whose names begin with a prefix of their own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from biisnet.compile.emit.prefix import check_prefix, prefixed_header
from biisnet.compile.errors import CompileError
from biisnet.compile.frontend import OnnxModel
from biisnet.compile.pipeline import compile_model
from biisnet.runtime import load
from biisnet.targets import resolve
from biisnet.targets.toolchain import find_zig

SIZES = {"night": (24, 20), "day": (17, 21)}
PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
#include "night.h"
#include "day.h"

#define RUN(name)                                                                              \
    static int run_##name(const char *from, const char *to, size_t pixels) {                   \
        float *in = malloc(4 * pixels), *out = malloc(4 * pixels);                             \
        FILE *file = fopen(from, "rb");                                                        \
        if (!file || fread(in, 4, pixels, file) != pixels) return 1;                           \
        fclose(file);                                                                          \
        biisnet_model *model;                                                                  \
        if (name##_create(&model, 2) != BIISNET_OK) return 2;                                  \
        if (name##_input_shape(0)[2] * name##_input_shape(0)[3] != (int64_t)pixels) return 3;  \
        const biisnet_input input = {.data = in, .dtype = name##_input_dtype(0)};               \
        const biisnet_output output = {out, name##_output_dtype(0)};                            \
        if (name##_run(model, &input, &output) != BIISNET_OK) return 4;                        \
        name##_destroy(model);                                                                 \
        file = fopen(to, "wb");                                                                \
        if (!file || fwrite(out, 4, pixels, file) != pixels || fclose(file) != 0) return 5;    \
        free(in), free(out);                                                                   \
        return 0;                                                                              \
    }
RUN(night)
RUN(day)

int main(int count, char **words) {
    if (count != 5) return 9;
    int night = run_night(words[1], words[2], 24 * 20);
    return night ? night : run_day(words[3], words[4], 17 * 21);
}
"""


@pytest.fixture(scope="module")
def bundles(tiny: OnnxModel, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("prefixed")
    for name, size in SIZES.items():
        compile_model(tiny, size, resolve("host"), root / name, say=lambda _: None, verify=False, prefix=name)
    return {name: root / name for name in SIZES}


def test_two_models_in_one_program(bundles: dict[str, Path], tmp_path: Path) -> None:
    """Fails where a name of one archive is one of the other's, or a function is that of the other model."""
    (tmp_path / "program.c").write_text(PROGRAM)
    includes = [f"-I{bundle}/include" for bundle in bundles.values()]
    archives = [f"{bundle}/lib/libbiisnet_model.a" for bundle in bundles.values()]
    command = [find_zig(), "cc", "-Wall", "-Wextra", "-Werror", *includes, "program.c", *archives]
    linked = subprocess.run(
        [*command, "-lm", "-pthread", "-o", "program"], cwd=tmp_path, capture_output=True, text=True
    )
    assert linked.returncode == 0, linked.stderr
    words = [f for name, b in bundles.items() for f in (b / "golden" / "image.f32", tmp_path / f"{name}.f32")]
    assert subprocess.run([tmp_path / "program", *words]).returncode == 0
    for name, bundle in bundles.items():
        image = np.fromfile(bundle / "golden" / "image.f32", np.float32).reshape(SIZES[name])
        with load(bundle) as model:  # the shared library has the usual names
            np.testing.assert_array_equal(np.fromfile(tmp_path / f"{name}.f32", np.float32), model(image).ravel())


@pytest.mark.skipif(shutil.which("nm") is None, reason="needs binutils")
def test_every_name_of_the_archive_has_it(bundles: dict[str, Path]) -> None:
    for name, bundle in bundles.items():
        archive = bundle / "lib" / "libbiisnet_model.a"
        listing = subprocess.check_output(["nm", "-g", "--defined-only", archive], text=True)
        names = [words[2] for line in listing.splitlines() if len(words := line.split()) == 3]
        assert f"{name}_run" in names
        assert len(names) > 40
        assert [n for n in names if not n.startswith(f"{name}_")] == []


def test_a_bundle_says_it(bundles: dict[str, Path]) -> None:
    """Build systems find it under its own name, where two could not be told apart."""
    bundle = bundles["night"]
    found = sorted(str(p.relative_to(bundle)) for p in (bundle / "lib").rglob("*") if p.is_file())
    assert "lib/cmake/night/night-config.cmake" in found
    assert "night::model_static STATIC IMPORTED" in (bundle / "lib/cmake/night/night-config.cmake").read_text()
    flags = [sys.executable, "-m", "pkgconf", f"--with-path={bundle}/lib/pkgconfig", "--cflags", "--libs", "night"]
    assert "/lib/libbiisnet_model.a" in subprocess.check_output(flags, text=True)


def test_the_header_has_every_function() -> None:
    text = prefixed_header("night")
    for name in ("run", "output_scale", "create", "create_in", "destroy", "model_sha256", "input_shape", "threshold"):
        assert f"night_{name}(" in text
    assert "biisnet_run(" not in text
    assert "const biisnet_input *inputs" in text  # types are one for all


@pytest.mark.parametrize("prefix", ["9a", "a-b", "a b", "", "biisnet", "ä"])
def test_what_is_no_name(prefix: str) -> None:
    with pytest.raises(CompileError, match="give a C identifier"):
        check_prefix(prefix)
