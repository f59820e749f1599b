"""Measuring over TVM's RPC, on servers that run here."""

from pathlib import Path
from typing import Any

import pytest

from biisnet.compile.errors import CompileError
from biisnet.compile.schedules import DEFAULT, Schedule
from biisnet.compile.tuning import bench, rpc
from biisnet.compile.tuning.emulated import REJECTED
from biisnet.compile.tuning.local import free_port
from biisnet.compile.tuning.rpc import Boards, connect_board, parse_address
from biisnet.targets import resolve

from .boards import process
from .test_emulated import counting, reading, wrong_with_four


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The address of a server."""
    port = free_port()
    with process("rpc_server", port, tmp_path_factory.mktemp("board") / "log"):
        yield f"127.0.0.1:{port}"


@pytest.mark.parametrize("stage", [counting, reading])
def test_times(stage: Any, board: str) -> None:
    said: list[str] = []
    device = Boards(resolve("host"), connect_board(board), 1, said.append)
    found = device.measure(stage(), [DEFAULT.of(stage()), Schedule(1), Schedule(4)])
    assert len(found) == 3
    assert all(isinstance(seconds, float) and 0 < seconds < 1 for seconds in found), (found, said)


def test_a_wrong_candidate_is_rejected(board: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "build", wrong_with_four)
    device = Boards(resolve("host"), connect_board(board), 1, lambda _: None)
    right, rejected = device.measure(counting(), [Schedule(2), Schedule(4)])
    assert isinstance(right, float)
    assert rejected == REJECTED


class Warm:
    """A board whose clock falls when a batch is measured for the first time, and is back after a pause."""

    hot = True

    def __init__(self, *_: Any) -> None:
        self.info = {"inputs": [{"offset": 0}], "outputs": [{"offset": 0}]}
        self.runs = 0

    def write(self, offset: int, data: bytes) -> None: ...

    def read(self, offset: int, size: int) -> bytes:
        return bytes(size)

    def seconds(self, stage: int) -> float:
        self.runs += 1
        return self.runs * 1e-3 if Warm.hot else 1e-3


def test_a_board_that_throttles_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where times of a board that becomes slower are recorded."""
    said: list[str] = []
    pauses: list[float] = []

    def cool_down(seconds: float) -> None:
        pauses.append(seconds)
        Warm.hot = False

    monkeypatch.setattr(rpc, "RemoteMemory", Warm)
    monkeypatch.setattr(rpc.time, "sleep", cool_down)
    device = Boards(resolve("host"), lambda: None, 1, said.append)  # type: ignore[arg-type, return-value]
    made = bench.make_bench(counting(), [Schedule(2), Schedule(1)], resolve("host"), tmp_path, rpc.link_bench)
    assert device.measure_on(None, made) == [1e-3, 1e-3]  # type: ignore[arg-type]
    assert pauses == [rpc.COOL_DOWN]
    assert "the board throttles (3.00 times as slow)" in said[0]


def test_nobody_there() -> None:
    device = Boards(resolve("host"), connect_board(f"127.0.0.1:{free_port()}"), 1, lambda _: None)
    with pytest.raises(CompileError, match="no board answers after 3 tries"):
        device.measure(counting(), [Schedule(2)])


@pytest.mark.parametrize("text", ["", "pi", "pi:", ":9090", "pi:x", "pi:0", "pi:70000"])
def test_addresses(text: str) -> None:
    with pytest.raises(CompileError, match="give HOST:PORT"):
        parse_address(text)
    assert parse_address("pi.local:9090") == ("pi.local", 9090)
