# SPDX-License-Identifier: Apache-2.0
"""A tracker and two boards, one of which is killed in the middle of a session."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
import tvm.rpc

from biisnet.compile.schedules import main_leaf, space_of
from biisnet.compile.tuning import rpc
from biisnet.compile.tuning.local import free_port
from biisnet.compile.tuning.records import Records
from biisnet.compile.tuning.rpc import Boards, connect_tracker
from biisnet.compile.tuning.session import Batch, Session
from biisnet.targets import resolve

from .boards import kill, process
from .test_session import tasks

HOST = resolve("host")


def wait_for_boards(port: int, count: int) -> None:
    """Until so many have registered."""
    deadline = time.monotonic() + 60
    while len(tvm.rpc.connect_tracker("127.0.0.1", port).summary()["server_info"]) < count:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_board_dies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every trial is in the records, once, whoever measured it."""
    tracker_port, ports = free_port(), (free_port(), free_port())
    tracker = f"127.0.0.1:{tracker_port}"
    options = ["--tracker", tracker, "--key", "here"]
    said: list[str] = []
    with (
        process("rpc_tracker", tracker_port, tmp_path / "tracker.log"),
        process("rpc_server", ports[0], tmp_path / "first.log", *options),
        process("rpc_server", ports[1], tmp_path / "second.log", *options) as second,
    ):
        both, defaults_are_done = threading.Barrier(2), threading.Event()

        def seconds(self: rpc.RemoteMemory, stage: int) -> float:
            if defaults_are_done.is_set() and second.poll() is None:
                if both.wait(60) == 0:  # each board has a session, and half a batch to do
                    kill(second)
                both.wait(60)
            return timed(self, stage)

        def report(b: Batch) -> None:
            if b.trials == len(tasks()):
                defaults_are_done.set()

        timed = rpc.RemoteMemory.seconds
        monkeypatch.setattr(rpc.RemoteMemory, "seconds", seconds)
        wait_for_boards(tracker_port, 2)
        records = Records(tmp_path / "db", HOST, "clock")
        boards = Boards(HOST, connect_tracker(tracker, "here"), 2, said.append, rpc.BUSY)
        Session(tasks(), boards, records, report).run()
        assert second.poll() is not None
    everything = sum(len(space_of(main_leaf(t.stage))) for t in tasks())
    trials = records.trials()
    assert len(trials) == len({(t.key, t.schedule) for t in trials}) == everything, said
    assert all(t.seconds is not None and 0 < t.seconds < 1 for t in trials), said
    assert any("a board went away, its trials are measured again" in line for line in said)
