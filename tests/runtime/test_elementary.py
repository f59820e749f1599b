# SPDX-License-Identifier: Apache-2.0
"""exp and log of our own: against the library's, and to the last bit as the runner has them, here and emulated."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest

from biisnet.runtime import elementary, sources
from biisnet.runtime.elementary import F64, exponential, logarithm

from .cbuild import ARM_STATIC, EMULATOR, HOST_CC, NO_EMULATOR, NO_EMULATOR_REASON, SANITIZED, ZIG, compile_c, run

PROGRAM = """
#include <stdio.h>
#include "elementary.h"

int main(void) {
    double x;
    while (fread(&x, sizeof x, 1, stdin) == 1) {
        double both[2] = {exponential(x), x > 0 ? logarithm(x) : 0};
        fwrite(both, sizeof both, 1, stdout);
    }
    return 0;
}
"""


def numbers() -> F64:
    """Of every magnitude, around 1 and next to powers of 2, where log takes another one."""
    rng = np.random.default_rng(0)
    powers = 2.0 ** np.arange(-60, 60)
    beside = [np.nextafter(powers, side) for side in (0, np.inf)]
    spread = [rng.normal(0, 1, 10000), np.exp(rng.uniform(-300, 300, 10000)), 1 + rng.normal(0, 1e-6, 1000)]
    return np.concatenate([*spread, powers, *beside, powers * elementary.HALF_ROOT, [5e-324, 1e-310, 1.7e308]])


def test_exponential_is_that_of_the_library() -> None:
    """Within two units of the last place, over all that a float64 holds."""
    x = np.concatenate([np.linspace(-700, 700, 10001), np.random.default_rng(0).normal(0, 1, 10000)])
    wanted = np.array([math.exp(v) for v in x])
    assert np.max(np.abs(exponential(x) - wanted) / np.spacing(wanted)) <= 2
    assert exponential(np.array([0.0, -1e9, 1e9])).tolist() == [1.0, *exponential(np.array([-700.0, 700.0]))]


def test_logarithm_is_that_of_the_library() -> None:
    """Within two units of the last place, near 1 too, where it is near 0."""
    x = numbers()
    x = x[x > 0]
    wanted = np.array([math.log(v) for v in x])
    assert np.max(np.abs(logarithm(x) - wanted) / np.spacing(np.abs(wanted))) <= 2
    assert logarithm(np.array([1.0])).tolist() == [0.0]


def test_constants_are_those_of_c() -> None:
    text = (sources.ROOT / "runner" / "elementary.c").read_text()
    for name in ("LN2_HIGH", "LN2_LOW", "LOG2_E", "HALF_ROOT"):
        (value,) = re.findall(rf"#define {name} (\S+)", text)
        assert float(value) == getattr(elementary, name)
    of = elementary
    assert f"TERMS = {of.TERMS}, LARGEST = {of.LARGEST:g}, LOG_TERMS = {of.LOG_TERMS}" in text


@pytest.mark.parametrize("where", ["host", "emulated"])
def test_the_runner_has_the_same(where: str, tmp_path: Path) -> None:
    if where == "emulated" and NO_EMULATOR:
        pytest.skip(NO_EMULATOR_REASON)
    (tmp_path / "main.c").write_text(PROGRAM)
    files = (tmp_path / "main.c", sources.ROOT / "runner" / "elementary.c")
    flags, compiler, prefix = (ARM_STATIC, ZIG, EMULATOR) if where == "emulated" else (SANITIZED, HOST_CC, ())
    program = compile_c(tmp_path / "both", files, *flags, compiler=compiler)
    x = numbers()
    (tmp_path / "in").write_bytes(x.tobytes())
    done = run("sh", "-c", 'exec "$@" < "$0"', tmp_path / "in", *prefix, program)
    assert (done.returncode, done.stderr) == (0, b"")
    exp, log = np.frombuffer(done.stdout).reshape(-1, 2).T
    np.testing.assert_array_equal(exp, exponential(x))
    np.testing.assert_array_equal(log[x > 0], logarithm(x[x > 0]))
