"""A tracker and two boards, one of which is killed in the middle of a session."""

from __future__ import annotations

import math
from pathlib import Path

from biisnet.compile.schedules import SPACE, main_leaf
from biisnet.compile.tuning.local import free_port
from biisnet.compile.tuning.records import Records
from biisnet.compile.tuning.rpc import Boards, connect_tracker
from biisnet.compile.tuning.session import Progress, Session
from biisnet.targets import resolve

from .boards import kill, process
from .test_session import tasks

HOST = resolve("host")


def test_a_board_dies(tmp_path: Path) -> None:
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

        def report(p: Progress) -> None:
            if p.trials > len(tasks()) and second.poll() is None:
                kill(second)

        records = Records(tmp_path / "db", HOST, "clock")
        device = Boards(HOST, connect_tracker(tracker, "here"), 2, said.append)
        Session(tasks(), device, HOST, records, 100, report).run()
        assert second.poll() is not None
    everything = sum(math.prod(map(len, SPACE[main_leaf(t.stage)].values())) for t in tasks())
    trials = list(records.trials())
    assert len(trials) == len({(t.key, t.schedule) for t in trials}) == everything, said
    assert all(t.seconds is not None and 0 < t.seconds < 1 for t in trials), said
