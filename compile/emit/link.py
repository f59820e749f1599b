# SPDX-License-Identifier: Apache-2.0
"""Kernels, plan and runtime -> the bundle's library, archive and runner."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...runtime import sources
from ...runtime.bundle import LIBRARY, RUNNER
from ...targets import Target
from ...targets.cycles import map_of
from ...targets.toolchain import zig
from .codegen import MachineCode
from .plan_source import PARAMETERS_ASSEMBLY
from .prefix import add_prefix

ARCHIVE = "lib/libbiisnet_model.a"
INCLUDES = [f"-I{path}" for path in sources.INCLUDE_DIRS]


@dataclass(frozen=True)
class Objects:
    """The generated half of a model, in a build folder: plan.c, weights.S with params.bin, kernels.o."""

    folder: Path

    @property
    def generated(self) -> list[Path]:
        """The files, as the linker takes them."""
        return [Path("plan.c"), Path("weights.S"), Path("kernels.o")]


def write_objects(folder: Path, plan: str, parameters: bytes, code: MachineCode) -> Objects:
    """Put the generated files into `folder`."""
    (folder / "plan.c").write_text(plan)
    (folder / "params.bin").write_bytes(parameters)
    (folder / "weights.S").write_text(PARAMETERS_ASSEMBLY.format(size=len(parameters)))
    code.write_object(folder / "kernels.o")
    return Objects(folder)


def link_library(objects: Objects, target: Target, bundle: Path) -> None:
    """The stripped shared library for glibc: libc, libm and pthreads is all that it needs."""
    (bundle / "lib").mkdir(parents=True, exist_ok=True)
    zig(
        [
            "cc",
            *target.zig(),
            *sources.LIBRARY_CFLAGS,
            *INCLUDES,
            *objects.generated,
            *sources.LIBRARY_SOURCES,
            *sources.SHARED_LDFLAGS,
            "-Wl,--gc-sections",
            *sources.LIBS,
            "-o",
            bundle / LIBRARY,
        ],
        objects.folder,
    )


def link_archive(objects: Objects, target: Target, bundle: Path, *, prefix: str | None = None) -> None:
    """The same objects as a static archive, all its names behind `prefix` where one is given (prefix.py)."""
    members = []
    for source in (Path("plan.c"), Path("weights.S"), *sources.LIBRARY_SOURCES):
        members.append(Path(f"{source.stem}.o"))
        zig(["cc", *target.zig(), *sources.LIBRARY_CFLAGS, *INCLUDES, "-c", source, "-o", members[-1]], objects.folder)
    members.append(Path("kernels.o"))
    if prefix:
        add_prefix([objects.folder / member for member in members], prefix)
    (bundle / "lib").mkdir(parents=True, exist_ok=True)
    zig(["ar", "rcsD", bundle / ARCHIVE, *members], objects.folder)


def link_runner(objects: Objects, target: Target, bundle: Path, *, symbols: bool = False) -> None:
    """The device's command-line runner, fully static; a map of its symbols beside it where a profile wants them."""
    (bundle / "bin").mkdir(parents=True, exist_ok=True)
    said = zig(
        [
            "cc",
            *target.zig("musl"),
            "-static",
            *sources.CFLAGS,
            *INCLUDES,
            *objects.generated,
            *sources.LIBRARY_SOURCES,
            *sources.RUNNER_SOURCES,
            "-s",
            *(["-Wl,--print-map"] if symbols else []),
            "-Wl,--gc-sections",
            *sources.LIBS,
            "-o",
            bundle / RUNNER,
        ],
        objects.folder,
    )
    if symbols:
        map_of(bundle / RUNNER).write_text(said)
