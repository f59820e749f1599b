# SPDX-License-Identifier: Apache-2.0
"""What is fuzzed: each parser of bytes that come from outside, and its harness."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from biisnet.runtime import sources

HERE = Path(__file__).resolve().parent
CLANG = "clang-19"
PLAN = (HERE.parent / "runtime" / "plan.c", "-DPLAN_HEIGHT=13", "-DPLAN_WIDTH=9")
SANITIZED = ("-g", "-O1", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all")


def has_libfuzzer() -> bool:
    """Whether clang is there, and what it links fuzzers and sanitizers with."""
    if shutil.which(CLANG) is None:
        return False
    found = subprocess.run([CLANG, "-print-runtime-dir"], capture_output=True, text=True).stdout.strip()
    folders = (Path(found), Path(found).parent / "linux")
    return any(folder.glob("libclang_rt.fuzzer*.a") for folder in folders if folder.is_dir())


@dataclass(frozen=True)
class Parser:
    """One parser: `harness` is a C file beside the runner's own sources, or a function of harness.py."""

    name: str
    harness: Path | None
    without: tuple[str, ...]
    """The runner's sources that a C harness stands in for."""
    limits: tuple[str, ...]
    """Options of libFuzzer."""

    @property
    def missing(self) -> str | None:
        """What has to be installed before it can be fuzzed."""
        if self.harness:
            return None if has_libfuzzer() else f"{CLANG} (apt-get install clang-19 libclang-rt-19-dev)"
        try:
            import atheris  # noqa: F401
        except ImportError:
            return "atheris (pip install atheris)"
        return None

    def command(self, folder: Path) -> list[str]:
        """What fuzzes it, to be followed by options and folders of libFuzzer's; a C harness is built into `folder`."""
        if self.harness is None:
            return [sys.executable, "-m", "tests.fuzz.harness", self.name, *self.limits]
        program = folder / self.name
        files = [f for f in (*sources.LIBRARY_SOURCES, *sources.RUNNER_SOURCES) if f.name not in self.without]
        includes = [f"-I{d}" for d in (*sources.INCLUDE_DIRS, sources.ROOT / "runner")]
        bypass = "-DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION"
        command = [CLANG, *SANITIZED, bypass, *includes, *PLAN, self.harness, *files, "-o", program, *sources.LIBS]
        subprocess.run(command, check=True)
        # what a command of --probe has in hand when it is refused is the system's to free: there the program ends
        return ["env", "ASAN_OPTIONS=detect_leaks=0", str(program), *self.limits]


PARSERS = {
    p.name: p
    for p in (
        Parser("image", HERE / "image.c", ("main.c",), ("-max_len=4096",)),
        Parser("probe", HERE / "probe.c", ("main.c", "fail.c"), ("-max_len=512",)),
        Parser("manifest", None, (), ("-max_len=4096",)),
        Parser("archive", None, (), ("-max_len=16384",)),
        Parser("database", None, (), ("-max_len=4096",)),
        Parser("onnx", None, (), ("-max_len=8192",)),
        Parser("recognise", None, (), ("-max_len=16384",)),
    )
}
