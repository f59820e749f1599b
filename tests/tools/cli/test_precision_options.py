# SPDX-License-Identifier: Apache-2.0
"""`--precision` and what belongs to it: options that do not go together are refused, none is passed over."""

from __future__ import annotations

from pathlib import Path

import pytest

from biisnet.compile.errors import CompileError
from biisnet.runtime.levels import Levels
from biisnet.tools.cli.precision_options import Precision, frames_of
from biisnet.tools.integer import FRAMES, Frames

FOLDER = Path("camera")


def test_frames() -> None:
    """Fails where an option does not arrive."""
    assert frames_of(Precision.float32, None, None) is None
    assert frames_of(Precision.int8, None, None) == Frames(None, FRAMES)
    assert frames_of(Precision.int8, FOLDER, 3, "7:9") == Frames(FOLDER, 3, Levels.parse("7:9"))


@pytest.mark.parametrize(
    ("precision", "folder", "count", "levels", "message"),
    [
        (Precision.float32, FOLDER, None, None, "--calibrate is for --precision int8"),
        (Precision.float32, None, 3, None, "--calibrate-frames is for --precision int8"),
        (Precision.float32, FOLDER, None, "7:9", "--calibrate is for --precision int8"),
        (Precision.float32, None, None, "7:9", "--levels is for the images of --calibrate"),
        (Precision.int8, None, None, "7:9", "--levels is for the images of --calibrate"),
        (Precision.int8, FOLDER, None, "7", "--levels 7: give LOW:HIGH"),
    ],
)
def test_what_does_not_go_together(
    precision: Precision, folder: Path | None, count: int | None, levels: str | None, message: str
) -> None:
    """Fails where an option is silently ignored."""
    with pytest.raises(CompileError, match=message):
        frames_of(precision, folder, count, levels)
