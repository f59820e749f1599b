# SPDX-License-Identifier: Apache-2.0
"""The devices that the row kernels run on: this machine, and the emulated Cortex-A72."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from biisnet.compile.schedules import DEFAULT, Schedules
from biisnet.targets import Target, resolve
from biisnet.targets.cores import Core
from biisnet.targets.emulator import MISSING, find_emulator

from .check import agree, check
from .device import Case, run

Check = Callable[..., None]


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """A new folder at each call."""
    root, numbers = tmp_path_factory.mktemp("kernels"), itertools.count()
    return lambda: root / str(next(numbers))


@pytest.fixture(scope="session")
def on_host(folders: Callable[[], Path]) -> Check:
    """`on_host(cases, exact=...)`: they mean what numpy says on this machine, by the kernels of its core or another's
    that asks for no instruction by name."""

    def run_and_check(
        cases: Sequence[Case], *, exact: bool = True, schedules: Schedules = DEFAULT, core: Core | None = None
    ) -> None:
        for case, stored in zip(cases, run(cases, resolve("host"), folders(), schedules, core), strict=True):
            check(case, stored, exact=exact)

    return run_and_check


@pytest.fixture(scope="session")
def emulated() -> Target:
    """The Raspberry Pi 4, where its emulator is here; in CI it must be."""
    target = resolve("rpi4")
    if find_emulator(target) is None:
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    return target


@pytest.fixture(scope="session")
def on_both(emulated: Target, folders: Callable[[], Path]) -> Check:
    """`on_both(cases, exact=...)`: they mean what numpy says on the emulated device, and are the same here."""

    def run_and_check(cases: Sequence[Case], *, exact: bool = True) -> None:
        there = run(cases, emulated, folders())
        for case, stored in zip(cases, there, strict=True):
            check(case, stored, exact=exact)
        agree(run(cases, resolve("host"), folders()), there)

    return run_and_check
