# SPDX-License-Identifier: Apache-2.0
"""A short soak here and on the emulated device; docs/testing.md has the long one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .__main__ import GROWTH, Soaked, answers, soak

HEAD = b"image,top,left\n"


def test_here(tiny_bundle: Callable[[str], Path]) -> None:
    result = soak(tiny_bundle("host"), 5_000, threads=2)
    assert result.passed, result


@pytest.mark.emulator
def test_on_the_emulated_device(emulated: None, tiny_bundle: Callable[[str], Path]) -> None:
    result = soak(tiny_bundle("rpi4"), 500)
    assert result.passed, result


def test_what_does_not_pass() -> None:
    """Fails where a soak passes that saw nothing, another answer, or a leak."""
    assert Soaked(100, 0, 5, 1 << 20, 1 << 20).passed
    assert not Soaked(100, 1, 5, 1 << 20, 1 << 20).passed
    assert not Soaked(100, 0, 0, 1 << 20, 1 << 20).passed
    assert not Soaked(100, 0, 5, 1 << 20, (1 << 20) + GROWTH + 4096).passed


def test_frames_without_targets_are_answers(tmp_path: Path) -> None:
    """Fails where a frame's targets that are missing are taken for the next frame's."""
    path = tmp_path / "targets.csv"
    path.write_bytes(HEAD + b"frame-000002,1,2\nframe-000002,3,4\nframe-000004,1,2\n")
    with path.open("rb") as file:
        found = list(answers(file, 5))
    assert found == [(0, []), (1, [b"1,2\n", b"3,4\n"]), (2, []), (3, [b"1,2\n"]), (4, [])]
