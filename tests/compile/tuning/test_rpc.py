# SPDX-License-Identifier: Apache-2.0
"""Measuring over TVM's RPC, on servers that run here."""

import socket
from pathlib import Path
from typing import Any

import pytest

from biisnet.compile.errors import CompileError
from biisnet.compile.ir.schedule import Schedule
from biisnet.compile.schedules import DEFAULT
from biisnet.compile.tuning import bench, rpc
from biisnet.compile.tuning.emulated import REJECTED
from biisnet.compile.tuning.local import free_port
from biisnet.compile.tuning.meter import Measurement, Outcome
from biisnet.compile.tuning.rpc import BUSY, Boards, connect_board, connect_tracker, parse_address
from biisnet.targets import resolve

from .boards import process
from .test_emulated import counting, idle_with_four, reading, wrong_with_four


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The address of a server."""
    port = free_port()
    with process("rpc_server", port, tmp_path_factory.mktemp("board") / "log"):
        yield f"127.0.0.1:{port}"


@pytest.mark.parametrize("stage", [counting, reading])
def test_times(stage: Any, board: str) -> None:
    said: list[str] = []
    device = Boards(resolve("host"), connect_board(board), 1, said.append, BUSY)
    found = device.measure(stage(), [DEFAULT.of(stage()), Schedule(1), Schedule(4)])
    assert len(found) == 3
    assert all(isinstance(result, Measurement) and 0 < result.seconds < 1 for result in found), (found, said)
    assert found[0] == Measurement(found[0].seconds)  # type: ignore[union-attr]  # a clock counts nothing


@pytest.mark.parametrize("bad", [wrong_with_four, idle_with_four])
def test_a_wrong_candidate_is_rejected(bad: Any, board: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "build", bad)
    device = Boards(resolve("host"), connect_board(board), 1, lambda _: None, BUSY)
    right, rejected = device.measure(counting(), [Schedule(2), Schedule(4)])
    assert isinstance(right, Measurement)
    assert rejected == REJECTED


class Warm:
    """A board each of whose runs takes `change` times as long as the one before, until it has had a pause."""

    def __init__(self, change: float, settles: bool = True) -> None:
        self.info = {"inputs": [{"offset": 0}], "outputs": [{"offset": 0}]}
        self.change, self.settles, self.runs = change, settles, 0
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if self.settles:
            self.change = 1

    def run_stage(self, stage: int, params: bytes | None = None) -> None: ...

    def write(self, offset: int, data: bytes) -> None: ...

    def read(self, offset: int, size: int) -> bytes:
        return bytes(size)

    def seconds(self, stage: int) -> float:
        self.runs += 1
        return 1e-3 * self.change**self.runs


def measured(board: Warm, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Outcome], list[str]]:
    """Times of two schedules, and what was said."""
    said: list[str] = []
    monkeypatch.setattr(rpc, "RemoteMemory", lambda *_: board)
    device = Boards(resolve("host"), lambda: None, 1, said.append, sleep=board.sleep)  # type: ignore[arg-type, return-value]
    made = bench.make_bench(counting(), [Schedule(2), Schedule(1)], resolve("host"), folder, rpc.link_bench)
    return device.measure_on(None, made), said  # type: ignore[arg-type]


@pytest.mark.parametrize("change", [1.5, 0.8])
def test_a_board_whose_clock_changes_is_waited_for(
    change: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails where times of a board that becomes slower, or faster, are recorded."""
    board = Warm(change)
    found, said = measured(board, tmp_path, monkeypatch)
    assert found == [Measurement(1e-3), Measurement(1e-3)]
    assert board.pauses == [rpc.COOL_DOWN]
    assert said == [f"the board throttles ({change**2:.2f} times as slow as before): measured again in 20 s"]


def test_a_board_that_never_settles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    board = Warm(1.1, settles=False)
    found, said = measured(board, tmp_path, monkeypatch)
    assert len(found) == 2
    assert len(board.pauses) == rpc.PATIENCE - 1
    assert said[-1] == "the board throttles (1.21 times as slow as before), still: times are taken as they are"


def test_a_candidate_that_crashes_is_rejected(board: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no other one with it; the server lives on."""
    from biisnet.compile.verification.device import Device

    real, said = Device.fill, list[str]()

    def fill(self: Device, buffer: Any, byte: int) -> None:
        # the third candidate of three: its server ends in the middle
        self.calls = getattr(self, "calls", 0) + 1  # type: ignore[attr-defined]
        if deadly and self.calls == 2:  # type: ignore[attr-defined]
            raise RuntimeError("connection reset by peer")
        real(self, buffer, byte)

    schedules = [Schedule(2), Schedule(1), Schedule(4)]
    deadly = False
    device = Boards(resolve("host"), connect_board(board), 1, said.append, BUSY)
    make = rpc.make_bench

    def make_bench(stage: Any, asked: Any, *rest: Any) -> Any:
        nonlocal deadly
        deadly = Schedule(4) in asked
        return make(stage, asked, *rest)

    monkeypatch.setattr(rpc, "make_bench", make_bench)
    monkeypatch.setattr(Device, "fill", fill)
    right, also, crashed = device.measure(counting(), schedules)
    assert isinstance(right, Measurement)
    assert isinstance(also, Measurement)
    assert isinstance(crashed, str)
    assert crashed.startswith("it crashed (no board answers after 3 tries")


def test_a_tracker_that_does_not_know_the_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    with (
        process("rpc_tracker", port, tmp_path / "log"),
        pytest.raises(CompileError, match="no board called pi; it has none"),
    ):
        connect_tracker(f"127.0.0.1:{port}", "pi")


def test_nobody_who_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that is open and silent, as a dead tunnel is."""
    monkeypatch.setattr(rpc, "CONNECT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(CompileError, match="no tracker of TVM's answers"):
            connect_tracker(address, "pi")
        device = Boards(resolve("host"), connect_board(address), 1, lambda _: None)
        with pytest.raises(CompileError, match="nobody answers within 0 s"):
            device.measure(counting(), [Schedule(2)])


def test_nobody_there() -> None:
    device = Boards(resolve("host"), connect_board(f"127.0.0.1:{free_port()}"), 1, lambda _: None)
    with pytest.raises(CompileError, match="no board answers after 3 tries"):
        device.measure(counting(), [Schedule(2)])


@pytest.mark.parametrize("text", ["", "pi", "pi:", ":9090", "pi:x", "pi:0", "pi:70000"])
def test_no_addresses(text: str) -> None:
    with pytest.raises(CompileError, match="give HOST:PORT"):
        parse_address(text)


def test_address() -> None:
    assert parse_address("pi.local:9090") == ("pi.local", 9090)
