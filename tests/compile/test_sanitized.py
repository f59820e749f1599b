# SPDX-License-Identifier: Apache-2.0
"""Whole networks, runtime and generated kernels alike, under the address and the thread sanitizer.

What TVM's LLVM optimized is written as text, marked for the sanitizer, and compiled on by clang.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from biisnet.compile.emit import plan_source
from biisnet.compile.emit.codegen import MachineCode, generate
from biisnet.compile.emit.link import write_objects
from biisnet.compile.frontend import OnnxModel
from biisnet.compile.ir.plan import Plan
from biisnet.compile.pipeline import PLAN_STEPS, make_plan
from biisnet.compile.progress import Progress
from biisnet.compile.schedules import DEFAULT
from biisnet.runtime import sources
from biisnet.targets import resolve

from ..fuzz.parsers import has_libfuzzer

CLANG = shutil.which("clang-19")
DRIVER = Path(__file__).parent / "together.c"
SANITIZERS = {"address": "sanitize_address", "thread": "sanitize_thread"}
pytestmark = pytest.mark.skipif(not has_libfuzzer(), reason="needs clang-19 (Debian: clang-19 libclang-rt-19-dev)")


def marked(code: MachineCode, attribute: str) -> str:
    """Kernels in LLVM's language, without the words that clang 19 does not know, to be instrumented."""
    text = code.module.inspect_source("ll")
    for word, older in (("captures(none)", "nocapture"), ("dllexport ", ""), (" samesign", "")):
        text = text.replace(word, older)
    text = text.replace(" nocreateundeforpoison", "")
    marked, count = re.subn(r"^(define .*?)(#\d+)(.*\{)$", rf"\1\2 {attribute}\3", text, flags=re.MULTILINE)
    assert count == text.count("\ndefine ")
    return re.sub(r", target_mem\d: \w+", "", marked)  # memory that newer LLVM tells apart, and clang does not know


def build(plan: Plan, code: MachineCode, sanitizer: str, folder: Path, *flags: str) -> Path:
    """The driver, linked with a model whose kernels are instrumented, too."""
    assert CLANG
    objects = write_objects(folder, plan.source, plan_source.parameter_offsets(plan.kernels)[1], code)
    (folder / "kernels.ll").write_text(marked(code, SANITIZERS[sanitizer]))
    instrumented = [CLANG, "-g", "-O1", f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all"]
    kernels = [*instrumented, "-Wno-override-module", "-c", "kernels.ll", "-o", "kernels.o"]
    subprocess.run(kernels, check=True, cwd=folder)
    symbols = subprocess.run(["nm", "kernels.o"], check=True, cwd=folder, capture_output=True, text=True).stdout
    assert {"address": "__asan_", "thread": "__tsan_"}[sanitizer] in symbols
    includes = [f"-I{path}" for path in sources.INCLUDE_DIRS]
    files = [*objects.generated, *sources.LIBRARY_SOURCES, DRIVER]
    subprocess.run([*instrumented, *flags, *includes, *files, "-o", "driver", *sources.LIBS], check=True, cwd=folder)
    return folder / "driver"


def run_driver(
    model: OnnxModel, size: tuple[int, int], sanitizer: str, folder: Path, *flags: str
) -> tuple[int, str, str]:
    """Exit code, output and what the sanitizer says."""
    plan = make_plan(model, size, resolve("host"), Progress(PLAN_STEPS, lambda _: None, None), DEFAULT)
    driver = build(plan, generate(plan.kernels.funcs, resolve("host")), sanitizer, folder, *flags)
    done = subprocess.run([driver], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("sanitizer", SANITIZERS)
@pytest.mark.parametrize("size", [(32, 48), (17, 21)])
def test_nothing_is_found(shipped: OnnxModel, size: tuple[int, int], sanitizer: str, tmp_path: Path) -> None:
    """Fails where a kernel reads or writes outside of what it is given, or threads meet without waiting."""
    assert run_driver(shipped, size, sanitizer, tmp_path) == (0, "ok\n", "")


def test_threads_that_meet_in_a_kernel_are_found(tiny: OnnxModel, tmp_path: Path) -> None:
    """Fails where the sanitizer does not see what kernels do: here threads share an instance, which they must not."""
    code, _, said = run_driver(tiny, (24, 20), "thread", tmp_path, "-DSHARED")
    assert code != 0
    assert "data race" in said
    assert "bn_" in said
