# SPDX-License-Identifier: Apache-2.0
"""Which sources could write files of the same names."""

from __future__ import annotations

from pathlib import Path

import pytest

from biisnet.tools.run import twice_named


@pytest.mark.parametrize(
    ("sources", "twice"),
    [
        (["a.png", "b.png"], None),
        (["a.png", "x/a.jpg"], "x/a.jpg"),
        (["a.mp4", "a.png"], None),
        (["a.mp4", "x/a.mp4"], "x/a.mp4"),
        (["a.mp4", "a-000001.png"], "a-000001.png"),
        (["a-000001.png", "a.mp4"], "a.mp4"),
        (["a-1.png", "a.mp4"], None),
        (["b-000001.png", "a.mp4", "c-000002.png"], None),
        (["camera:0", "camera:1"], None),
        (["camera:0", "camera:0"], "camera:0"),
        (["camera:0", "camera0-000007.png"], "camera0-000007.png"),
    ],
)
def test_twice_named(sources: list[str], twice: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").mkdir()
    for name in ("a.mp4", "x/a.mp4"):  # a video is one that is there
        (tmp_path / name).touch()
    assert twice_named(sources) == twice
