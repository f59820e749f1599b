# SPDX-License-Identifier: Apache-2.0
"""Records: what is not a database of this target and version is refused in a line, and nothing in it is touched."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from biisnet.compile.errors import CompileError
from biisnet.compile.ir.schedule import Schedule
from biisnet.compile.tuning.records import ABOUT, TRIALS, Records
from biisnet.compile.tuning.trials import Trial, to_line
from biisnet.targets import resolve

RPI4 = resolve("rpi4")
TRIAL = Trial("ab" * 32, "load", Schedule(1), 1.0)


def test_a_new_folder(tmp_path: Path) -> None:
    records = Records(tmp_path / "db", RPI4, "clock")
    assert records.trials() == []
    about = json.loads((tmp_path / "db" / ABOUT).read_text())
    assert (about["schema"], about["target"], about["cpu"]) == (2, "rpi4", "cortex-a72")
    assert Records(tmp_path / "db", RPI4).trials() == []


def spoil(folder: Path, what: str) -> None:
    if what == "other schema":
        (folder / ABOUT).write_text(json.dumps(json.loads((folder / ABOUT).read_text()) | {"schema": 1}))
    elif what == "not JSON":
        (folder / ABOUT).write_text("{")
    elif what == "no about":
        (folder / ABOUT).unlink()
    elif what == "no object":
        (folder / ABOUT).write_text("[]")
    elif what == "trial":
        (folder / TRIALS).write_text("[1, 2]\n")
    elif what == "folder":
        (folder / TRIALS).unlink()
        (folder / TRIALS).mkdir()


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("other schema", "its schema is 1, not 2; give another database"),
        ("not JSON", "db: not a tuning database"),
        ("no about", "has no about.json, so it is no tuning database"),
        ("no object", "not a tuning database"),
        ("trial", "records.jsonl:1: no trial"),
        ("folder", "not a tuning database"),
    ],
)
def test_what_is_wrong_is_said(what: str, message: str, tmp_path: Path) -> None:
    Records(tmp_path / "db", RPI4, "clock")
    spoil(tmp_path / "db", what)
    before = {p.name: p.read_bytes() for p in (tmp_path / "db").iterdir() if p.is_file()}
    with pytest.raises(CompileError, match=message):
        Records(tmp_path / "db", RPI4)
    assert {p.name: p.read_bytes() for p in (tmp_path / "db").iterdir() if p.is_file()} == before


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    """Two would measure everything twice; readers may be many, and see whole lines."""
    writer = Records(tmp_path / "db", RPI4, "clock")
    with pytest.raises(CompileError, match="another session writes there"):
        Records(tmp_path / "db", RPI4, "clock")
    (tmp_path / "db" / TRIALS).write_text('{"kernel')  # a line that is being written
    assert Records(tmp_path / "db", RPI4).trials() == []
    assert (tmp_path / "db" / TRIALS).read_text() == '{"kernel'
    with writer:
        pass
    Records(tmp_path / "db", RPI4, "clock")
    assert (tmp_path / "db" / TRIALS).read_text() == ""  # whose writer is gone


def test_a_reader_of_a_live_session(tmp_path: Path) -> None:
    """It sees what is written so far, and the rest when it looks again."""
    with Records(tmp_path, RPI4, "clock") as writer:
        writer.add(TRIAL)
        reader = Records(tmp_path, RPI4)
        assert reader.trials() == [TRIAL]
        writer.add(replace(TRIAL, schedule=Schedule(2)))
        assert len(reader.trials()) == 2


def test_a_line_that_is_damaged(tmp_path: Path) -> None:
    """One error, with file and line; nothing is touched, neither for reading nor for writing."""
    with Records(tmp_path, RPI4, "clock") as writer:
        writer.add(TRIAL)
    content = to_line(TRIAL) + b"hello\n" + to_line(TRIAL)
    (tmp_path / TRIALS).write_bytes(content)
    for measured_by in (None, "clock"):
        with pytest.raises(CompileError) as caught:
            Records(tmp_path, RPI4, measured_by)
        assert str(caught.value).startswith(f"{tmp_path / TRIALS}:2: no trial (Expecting value")
        assert str(caught.value).endswith("); take the line out, or give another --db")
        assert "\n" not in str(caught.value)
    assert (tmp_path / TRIALS).read_bytes() == content


def test_files_are_joined_by_hand(tmp_path: Path) -> None:
    """As version control merges two of them: all lines count, and of one schedule twice the faster."""
    with Records(tmp_path, RPI4, "clock"):
        pass
    lines = [replace(TRIAL, seconds=s) for s in (2.0, 1.0, 3.0)]
    (tmp_path / TRIALS).write_bytes(b"".join(map(to_line, lines)))
    assert Records(tmp_path, RPI4).trials() == lines
    assert Records(tmp_path, RPI4).best() == {TRIAL.key: lines[1]}


WITHOUT_TVM = """
import sys
sys.modules["tvm"] = None
from biisnet.compile.tuning.records import SHIPPED, Records
from biisnet.targets import resolve
print(len(Records(SHIPPED / "rpi4", resolve("rpi4")).best()))
"""


def test_tvm_is_not_needed() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_TVM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0


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
