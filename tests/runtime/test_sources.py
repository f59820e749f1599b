# SPDX-License-Identifier: Apache-2.0
"""The C sources: a part, X.h with X.c, includes what it calls, and calls go one way."""

import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from biisnet.runtime import sources

INCLUDE = re.compile(r'^#include "(\w+)\.h"', re.M)


@pytest.mark.parametrize("folder", ["runner", "src"])
def test_calls_go_one_way(folder: str) -> None:
    """Fails where two parts include each other, however indirectly."""
    parts: dict[str, set[str]] = {}
    for file in (sources.ROOT / folder).glob("*.[ch]"):
        parts.setdefault(file.stem, set()).update(set(INCLUDE.findall(file.read_text())) - {file.stem})
    assert any(parts.values())
    TopologicalSorter(parts).prepare()  # raises CycleError, which names them


@pytest.mark.parametrize("folder", ["runner", "src"])
def test_every_source_is_built(folder: str) -> None:
    built: set[Path] = {*sources.LIBRARY_SOURCES, *sources.RUNNER_SOURCES}
    assert {f for f in built if f.parent.name == folder} == set((sources.ROOT / folder).glob("*.c"))
