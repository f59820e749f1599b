# SPDX-License-Identifier: Apache-2.0
"""The C runtime's files and flags: what the linker of bundles and the tests build, said once."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent
HEADER = ROOT / "include" / "biisnet.h"
PROBE_HEADER = ROOT / "include" / "biisnet_probe.h"
INCLUDE_DIRS = (ROOT / "include", ROOT / "src")

# Linked with a generated plan (plan.c, which defines `biisnet_plan`), its kernels and its weights.
LIBRARY_SOURCES = tuple(
    ROOT / "src" / name
    for name in (
        "constants.c",
        "flow.c",
        "images.c",
        "info.c",
        "instance.c",
        "model.c",
        "plan_check.c",
        "rows.c",
        "tensor.c",
        "threads.c",
    )
)
RUNNER_SOURCES = tuple(
    ROOT / "runner" / name
    for name in (
        "answer.c",
        "classify.c",
        "describe.c",
        "detect.c",
        "elementary.c",
        "fail.c",
        "file.c",
        "frames.c",
        "image.c",
        "inflate.c",
        "levels.c",
        "main.c",
        "measure.c",
        "options.c",
        "pgm.c",
        "png.c",
        "probe.c",
        "resize.c",
        "results.c",
        "session.c",
        "text.c",
        "tiles.c",
        "values.c",
        "vote.c",
    )
)
# Kernels come out of TVM with default visibility; this keeps them inside the shared library.
EXPORTS = ROOT / "src" / "exports.map"

# For size: zig builds its own support code in the mode that it is asked for, in this one in 6 s instead of 45, and the
# time is spent in the kernels. Without contraction a*b+c is rounded twice on every CPU, as numpy rounds it.
CFLAGS = ("-std=c11", "-Os", "-g0", "-fvisibility=hidden", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror")
LIBRARY_CFLAGS = (*CFLAGS, "-fPIC")
SONAME = "libbiisnet_model.so"
SHARED_LDFLAGS = (
    "-shared",
    "-s",
    f"-Wl,--version-script={EXPORTS}",
    f"-Wl,-soname,{SONAME}",
    "-Wl,-z,defs",
)
LIBS = ("-pthread", "-lm")
