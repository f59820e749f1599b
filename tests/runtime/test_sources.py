# SPDX-License-Identifier: Apache-2.0
"""The C sources: X.h declares what X.c defines, so that includes are calls, and calls go one way."""

import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from biisnet.runtime import sources

INCLUDE = re.compile(r'^#include "(\w+)\.h"', re.M)
PROTOTYPE = re.compile(r"^(?!typedef|static)\w[\w ]*[ *](\w+)\([^;{]*\);", re.M)
DEFINITION = re.compile(r"^(?!static)\w[\w ]*[ *](\w+)\([^;{]*\) \{", re.M)


def files(folder: str, suffix: str) -> list[Path]:
    return sorted((sources.ROOT / folder).glob(f"*.{suffix}"))


@pytest.mark.parametrize("folder", ["runner", "src"])
def test_calls_go_one_way(folder: str) -> None:
    """Fails where two parts include each other, however indirectly."""
    parts: dict[str, set[str]] = {}
    for file in files(folder, "[ch]"):
        parts.setdefault(file.stem, set()).update(set(INCLUDE.findall(file.read_text())) - {file.stem})
    assert any(parts.values())
    TopologicalSorter(parts).prepare()  # raises CycleError, which names them


@pytest.mark.parametrize("folder", ["runner", "src"])
def test_headers_declare_what_their_source_defines(folder: str) -> None:
    """Fails where a header speaks for another file: who includes it then calls that one unseen."""
    declared = {(f.stem, name) for f in files(folder, "h") for name in PROTOTYPE.findall(f.read_text())}
    defined = {(f.stem, name) for f in files(folder, "c") for name in DEFINITION.findall(f.read_text())}
    assert declared
    assert declared <= defined


@pytest.mark.parametrize("folder", ["runner", "src"])
def test_every_source_is_built(folder: str) -> None:
    built: set[Path] = {*sources.LIBRARY_SOURCES, *sources.RUNNER_SOURCES}
    assert {f for f in built if f.parent.name == folder} == set(files(folder, "c"))
