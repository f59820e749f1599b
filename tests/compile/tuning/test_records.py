# SPDX-License-Identifier: Apache-2.0
"""Records: what is not a database of this target and version is refused in a line, and nothing in it is touched."""

import json
from pathlib import Path

import pytest

from biisnet.compile.errors import CompileError
from biisnet.compile.ir.schedule import Schedule
from biisnet.compile.tuning.lines import Trial
from biisnet.compile.tuning.records import ABOUT, TRIALS, WORKLOADS, Records
from biisnet.targets import resolve

RPI4 = resolve("rpi4")


def test_a_new_folder(tmp_path: Path) -> None:
    records = Records(tmp_path / "db", RPI4, "clock")
    assert list(records.trials()) == []
    about = json.loads((tmp_path / "db" / ABOUT).read_text())
    assert (about["schema"], about["target"], about["cpu"]) == (1, "rpi4", "cortex-a72")
    assert list(Records(tmp_path / "db", RPI4).trials()) == []


def spoil(folder: Path, what: str) -> None:
    if what == "other schema":
        (folder / ABOUT).write_text(json.dumps(json.loads((folder / ABOUT).read_text()) | {"schema": 2}))
    elif what == "not JSON":
        (folder / ABOUT).write_text("{")
    elif what == "no about":
        (folder / ABOUT).unlink()
    elif what == "workload":
        (folder / WORKLOADS).write_text("hello\n")
    elif what == "trial":
        (folder / TRIALS).write_text("[1, 2]\n")


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("other schema", "its schema is 2, not 1; give another database"),
        ("not JSON", "db: not a tuning database"),
        ("no about", "has no about.json, so it is no tuning database"),
        ("workload", "not a tuning database"),
        ("trial", "not a tuning database"),
    ],
)
def test_what_is_wrong_is_said(what: str, message: str, tmp_path: Path) -> None:
    Records(tmp_path / "db", RPI4, "clock")
    spoil(tmp_path / "db", what)
    before = {p.name: p.read_bytes() for p in (tmp_path / "db").iterdir()}
    with pytest.raises(CompileError, match=message):
        Records(tmp_path / "db", RPI4)
    assert {p.name: p.read_bytes() for p in (tmp_path / "db").iterdir()} == before


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    """Two would number their workloads alike; readers may be many, and see whole lines."""
    writer = Records(tmp_path / "db", RPI4, "clock")
    with pytest.raises(CompileError, match="another session writes there"):
        Records(tmp_path / "db", RPI4, "clock")
    (tmp_path / "db" / TRIALS).write_text("[0, [[")  # a line that is being written
    assert list(Records(tmp_path / "db", RPI4).trials()) == []
    assert (tmp_path / "db" / TRIALS).read_text() == "[0, [["
    with writer:
        pass
    Records(tmp_path / "db", RPI4, "clock")
    assert (tmp_path / "db" / TRIALS).read_text() == ""  # whose writer is gone


def test_a_kernel_that_is_begun_while_one_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where a live session's database is called damaged: its kernel came after the list of kernels was read."""
    with Records(tmp_path, RPI4, "clock") as writer:
        reader = Records(tmp_path, RPI4)
        keys = reader.keys

        def keys_before_the_next() -> list[str]:
            found = keys()
            writer.add(Trial("ab" * 32, Schedule(1), 1.0), "Load")
            return found

        monkeypatch.setattr(reader, "keys", keys_before_the_next)
        assert list(reader.trials()) == []
        assert len(list(Records(tmp_path, RPI4).trials())) == 1


def test_another_target(tmp_path: Path) -> None:
    Records(tmp_path / "db", RPI4, "clock")
    with pytest.raises(CompileError, match="its measured_by is 'clock', not 'model cycles'"):
        Records(tmp_path / "db", RPI4, "model cycles")
    with pytest.raises(CompileError, match="nowhere: no tuning database; biisnet tune makes one"):
        Records(tmp_path / "nowhere", RPI4)
    with pytest.raises(CompileError, match="its target is 'rpi4', not 'rpi3'"):
        Records(tmp_path / "db", resolve("rpi3"))
    (tmp_path / "file").touch()
    with pytest.raises(CompileError, match="is a file; a tuning database is a folder"):
        Records(tmp_path / "file", RPI4)
