# SPDX-License-Identifier: Apache-2.0
"""Measuring on boards over TVM's RPC, which has no authentication: loopback, or an ssh tunnel to it.

A board runs `python -m tvm.exec.rpc_server`; several register with one `python -m tvm.exec.rpc_tracker`. The bench is a
shared library that the server loads, so what runs there is the bundle's own runtime and kernels.
"""

from __future__ import annotations

import logging
import queue
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import tvm
import tvm.rpc
import tvm_ffi.libinfo

from ...model.listing import listed
from ...runtime import sources
from ...targets import Target
from ...targets.toolchain import zig
from ..emit.link import INCLUDES, Objects
from ..errors import CompileError
from ..ir.schedule import Schedule
from ..ir.stages import Stage
from ..verification.device import Device
from .bench import Bench, blot, isolate, make_bench, store_maps, stored_by
from .emulated import REJECTED
from .meter import Measurement, Outcome

T = TypeVar("T")
SOURCE = Path(__file__).resolve().parent / "src" / "board.c"
LIBRARY = "bench.so"
REPEATS, REPEAT_MS = 5, 20
"""The median of so many averages, each over so many milliseconds at least."""
THROTTLED = 1.1
"""The default schedule's time after a batch over its time before, or the other way round, from which on the board's
clock has changed meanwhile."""
COOL_DOWN, BUSY, PATIENCE = 20.0, 1.0, 6
"""Seconds that a board is left alone then, and this machine; how often before it is taken as it is."""
SESSION_SECONDS = 900
"""Seconds that a session may take: a candidate that never ends is ended by the server."""
CONNECT_SECONDS = 60
"""Seconds that it is waited for a board that is free."""
TRIES = 3
"""Sessions that a batch is begun in: a board may go away in the middle."""


def link_bench(objects: Objects, target: Target, folder: Path) -> Path:
    """The bench as a shared library for TVM's RPC server."""
    include = tvm_ffi.libinfo.find_include_path(), tvm_ffi.libinfo.find_dlpack_include_path()
    run = [s for s in sources.RUNNER_SOURCES if s.stem in {"session", "fail", "file"}]
    files = [*objects.generated, *sources.LIBRARY_SOURCES, *run, SOURCE]
    options = [
        *target.zig(),
        *sources.LIBRARY_CFLAGS,
        *INCLUDES,
        f"-I{sources.ROOT}",
        *(f"-I{path}" for path in include),
    ]
    zig(["cc", *options, *files, "-shared", "-s", "-Wl,-z,defs", *sources.LIBS, "-o", folder / LIBRARY], objects.folder)
    return folder / LIBRARY


class RemoteMemory:
    """A bench in an RPC server, with what `Device` needs of a Probe."""

    def __init__(self, session: tvm.rpc.RPCSession, library: Path) -> None:
        session.upload(str(library))
        self.module, self.device = session.load_module(library.name), session.cpu()
        self.module["bench_open"]()
        offset = self.module["bench_offset"]
        kinds = ("inputs", "outputs")
        self.info: dict[str, Any] = {k: [{"offset": int(offset(n, 0))}] for n, k in enumerate(kinds)}

    def write(self, offset: int, data: bytes) -> None:
        """Writes bytes."""
        check(self.module["bench_write"](offset, tvm.runtime.tensor(np.frombuffer(data, np.uint8), self.device)))

    def read(self, offset: int, size: int) -> bytes:
        """Reads bytes."""
        tensor = tvm.runtime.tensor(np.zeros(size, np.uint8), self.device)
        check(self.module["bench_read"](offset, tensor))
        content: bytes = tensor.numpy().tobytes()
        return content

    def run_stage(self, stage: int, params: bytes | None = None) -> None:
        """All rows of one stage, with its own constants."""
        assert params is None
        check(self.module["bench_run"](stage))

    def seconds(self, stage: int) -> float:
        """One run of a stage, of several after a first one."""
        self.run_stage(stage)
        timer = self.module.time_evaluator("bench_run", self.device, 1, REPEATS, REPEAT_MS)
        return statistics.median(float(s) for s in timer(stage).results)


def check(status: Any) -> None:
    """Raise RuntimeError where a bench refuses what it is asked."""
    if int(status) != 0:
        raise RuntimeError(f"the bench on the board answers {int(status)}")


@dataclass(frozen=True)
class Boards:
    """A Meter of one board or more: each session is with the next that is free."""

    target: Target
    connect: Callable[[], tvm.rpc.RPCSession]
    parallel: int
    say: Callable[[str], None]
    pause: float = COOL_DOWN
    sleep: Callable[[float], None] = time.sleep

    @property
    def cause(self) -> str:
        """Why times change, most likely."""
        return "the board throttles" if self.pause == COOL_DOWN else "this machine is busy"

    def measure(self, stage: Stage, schedules: Sequence[Schedule]) -> list[Outcome]:
        """Seconds of each schedule, or why it was rejected. Raises CompileError where no board answers."""
        default, *others = schedules
        share = max(1, -(-len(others) // self.parallel))
        parts = [others[n : n + share] for n in range(0, len(others), share)] or [[]]
        pool = ThreadPoolExecutor(self.parallel)
        try:
            first, *rest = pool.map(lambda part: self.measure_part(stage, [default, *part]), parts)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # after Ctrl-C nobody waits for boards
        return [*first, *(result for part in rest for result in part[1:])]

    def measure_part(self, stage: Stage, schedules: Sequence[Schedule]) -> list[Outcome]:
        """Some of the schedules on one board. Raises CompileError where none answers."""
        return isolate(lambda some: self.measure_together(stage, some), schedules, (CompileError,))

    def measure_together(self, stage: Stage, schedules: Sequence[Schedule]) -> list[Outcome]:
        """The same in one session; in another where the board goes away."""
        with tempfile.TemporaryDirectory(prefix="biisnet-") as name:
            bench = make_bench(stage, schedules, self.target, Path(name), link_bench)
            for _ in range(TRIES):
                try:
                    return self.measure_on(self.connect(), bench)
                except (OSError, RuntimeError, ValueError) as e:  # what RPC raises, whatever happened
                    reason = " ".join(str(e).split())[-200:]
                    self.say(f"a board went away, its trials are measured again: {reason}")
        raise CompileError(f"no board answers after {TRIES} tries; the last one said: {reason}")

    def measure_on(self, session: tvm.rpc.RPCSession, bench: Bench) -> list[Outcome]:
        """Every candidate of a bench on one board, again after a pause where the board throttles."""
        memory = RemoteMemory(session, bench.program)
        device = Device(memory, bench.arena)
        store_maps(bench, device)
        for attempt in range(PATIENCE):
            found: list[Outcome] = []
            first, wanted = 0.0, None
            for n, step in enumerate(bench.candidates.values(), bench.first):
                blot(step, device)
                seconds = memory.seconds(n)
                stored = stored_by(step, device)
                if wanted is None:
                    first, wanted = seconds, stored
                found.append(Measurement(seconds) if stored == wanted else REJECTED)
            change = memory.seconds(bench.first) / first
            if 1 / THROTTLED < change < THROTTLED:
                return found
            if attempt + 1 < PATIENCE:
                self.say(f"{self.cause} ({change:.2f} times as slow as before): measured again in {self.pause:g} s")
                self.sleep(self.pause)
        self.say(f"{self.cause} ({change:.2f} times as slow as before), still: times are taken as they are")
        return found


def connect_board(address: str) -> Callable[[], tvm.rpc.RPCSession]:
    """Sessions with the board at HOST:PORT. Raises CompileError for another address."""
    host, port = parse_address(address)
    return lambda: within(CONNECT_SECONDS, lambda: tvm.rpc.connect(host, port, session_timeout=SESSION_SECONDS))


def connect_tracker(address: str, key: str) -> Callable[[], tvm.rpc.RPCSession]:
    """Sessions with boards that a tracker at HOST:PORT knows by `key`. Raises CompileError where it knows none."""
    host, port = parse_address(address)
    logging.getLogger("RPCServer").setLevel(logging.ERROR)  # it would tell of every attempt
    try:
        tracker = within(CONNECT_SECONDS, lambda: tvm.rpc.connect_tracker(host, port))
        servers = within(CONNECT_SECONDS, tracker.summary)["server_info"]
    except (OSError, RuntimeError) as e:
        raise CompileError(f"{address}: no tracker of TVM's answers ({' '.join(str(e).split())[-200:]})") from e
    known = {info["key"].removeprefix("server:") for info in servers}
    if key not in known:
        there = f"it has {listed(sorted(known))}" if known else "it has none"
        raise CompileError(f"{address}: the tracker knows no board called {key}; {there}")

    def connect() -> tvm.rpc.RPCSession:
        return tvm.rpc.connect_tracker(host, port).request(key, session_timeout=SESSION_SECONDS)

    return lambda: within(CONNECT_SECONDS, connect)


def within(seconds: float, call: Callable[[], T]) -> T:
    """Result of `call`, on a thread of its own, for TVM's connections wait for ever and hear no Ctrl-C.

    Raises TimeoutError, and what it raises.
    """
    answer: queue.SimpleQueue[tuple[T | None, Exception | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            answer.put((call(), None))
        except Exception as e:
            answer.put((None, e))

    threading.Thread(target=run, daemon=True).start()
    try:
        result, error = answer.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"nobody answers within {seconds:.0f} s") from None
    if error:
        raise error
    return result  # type: ignore[return-value]


def parse_address(text: str) -> tuple[str, int]:
    """HOST:PORT. Raises CompileError."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise CompileError(f"{text}: give HOST:PORT, for example 127.0.0.1:9090")
    return host, int(port)
