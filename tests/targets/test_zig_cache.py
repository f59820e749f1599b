# SPDX-License-Identifier: Apache-2.0
"""zig's cache: zig's own order, and a place where it has none."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from biisnet.targets import toolchain, zig_cache
from biisnet.targets.toolchain import ToolchainError, check_cache, zig
from biisnet.targets.zig_cache import VARIABLE, Cache, find_cache


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user whose home cannot be written, and who has set nothing; the temporary folder is TMP_PATH/tmp."""
    (tmp_path / "file").touch()
    (tmp_path / "tmp").mkdir()
    for name in (VARIABLE, "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    monkeypatch.setattr(zig_cache.tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))
    return tmp_path


def test_zigs_own_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert find_cache() == Cache(tmp_path / "home" / ".cache" / "zig")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert find_cache() == Cache(tmp_path / "xdg" / "zig")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "given"))
    assert find_cache() == Cache(tmp_path / "given")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, "given")  # zig runs in a folder of its own
    assert find_cache() == Cache(tmp_path / "given")


def test_no_home_that_can_be_written(tmp_path: Path) -> None:
    """Fails where zig is left to find out for itself."""
    found = find_cache()
    assert found.folder == tmp_path / "tmp" / f"biisnet-zig-{os.getuid()}"
    assert stat.S_IMODE(found.folder.stat().st_mode) == 0o700
    assert found.instead == f"{tmp_path}/file/.cache/zig (Not a directory)"
    said: list[str] = []
    assert check_cache(said.append) == found
    assert said == [f"note: no zig cache in {found.instead}: it is in {found.folder}, or where {VARIABLE} says"]


def test_home_is_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's list of users knows it; where that does not either, there is still the temporary folder."""
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(zig_cache.os.path, "expanduser", lambda path: str(tmp_path / "listed"))
    assert find_cache() == Cache(tmp_path / "listed" / ".cache" / "zig")
    monkeypatch.setattr(zig_cache.os.path, "expanduser", lambda path: path)
    assert find_cache().instead == "no home folder"


def test_a_place_that_was_asked_for_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "file" / "cache"))
    with pytest.raises(ToolchainError, match=rf"{VARIABLE}=.*file/cache: cannot be written \(Not a directory\)"):
        check_cache()


def test_another_users_place_is_not_taken(tmp_path: Path) -> None:
    """What is in it is linked into programs."""
    taken = tmp_path / "tmp" / f"biisnet-zig-{os.getuid()}"
    taken.mkdir(mode=0o777)
    taken.chmod(0o777)
    with pytest.raises(ToolchainError, match="it is another user's"):
        check_cache()
    taken.rmdir()
    (tmp_path / "elsewhere").mkdir()
    taken.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ToolchainError, match="it is another user's"):
        check_cache()


def test_zig_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """zig builds where it would end with AppDataDirUnavailable."""
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(zig_cache.os.path, "expanduser", lambda path: path)
    (tmp_path / "answer.c").write_text("int answer(void) { return 42; }\n")
    zig(["cc", "-target", "aarch64-linux-musl", "-c", "answer.c", "-o", "answer.o"], tmp_path)
    assert (tmp_path / "answer.o").stat().st_size
    assert any((tmp_path / "tmp" / f"biisnet-zig-{os.getuid()}").iterdir())


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """zig says nothing where its cache is full."""
    cache = find_cache().folder
    done = toolchain.subprocess.CompletedProcess([], 1, "", "")
    monkeypatch.setattr(toolchain.subprocess, "run", lambda *a, **b: done)
    free = {tmp_path: 1 << 30, cache: 100}
    monkeypatch.setattr(
        toolchain.shutil, "disk_usage", lambda path: toolchain.shutil._ntuple_diskusage(0, 0, free[path])
    )
    with pytest.raises(ToolchainError, match=f"zig cc failed: {cache}: No space left on device"):
        zig(["cc"], tmp_path)
