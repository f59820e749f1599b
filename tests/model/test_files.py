# SPDX-License-Identifier: Apache-2.0
"""Files and folders appear whole or not at all."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from biisnet.model import files


@pytest.mark.parametrize("renameat2", [True, False])
def test_folders_swap(renameat2: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where one is lost, or something is left beside them; systems without renameat2 too."""
    if not renameat2:
        monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    files.swap(tmp_path / "one", tmp_path / "other")
    assert {p.name: (p / "file").read_text() for p in tmp_path.iterdir()} == {"one": "other", "other": "one"}


@pytest.mark.parametrize("there", ["one", "other"])
def test_a_folder_that_is_not_there(there: str, tmp_path: Path) -> None:
    (tmp_path / there).mkdir()
    with pytest.raises(OSError, match=r"one|other"):
        files.swap(tmp_path / "one", tmp_path / "other")
    assert [p.name for p in tmp_path.iterdir()] == [there]


def test_what_cannot_be_written_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    files.write_whole(path, b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(OSError, match="file: cannot be written: No space left on device"):
        files.write_whole(path, b"new")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"old"]
