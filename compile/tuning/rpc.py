"""Measuring on boards over TVM's RPC, which has no authentication: loopback, or an ssh tunnel to it.

A board runs `python -m tvm.exec.rpc_server`; several register with one `python -m tvm.exec.rpc_tracker`. The bench is a
shared library that the server loads, so what runs there is the bundle's own runtime and kernels.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tvm
import tvm.rpc
import tvm_ffi.libinfo

from ...runtime import sources
from ...targets import Target
from ...targets.toolchain import zig
from ..errors import CompileError
from ..link import INCLUDES, Objects
from ..program import Stage
from ..schedules import Schedule
from ..verification.stages import Device as Memory
from .bench import Bench, make_bench, store_maps
from .emulated import REJECTED

SOURCE = Path(__file__).resolve().parent / "src" / "board.c"
LIBRARY = "bench.so"
REPEATS, REPEAT_MS = 5, 20
"""The median of so many averages, each over so many milliseconds at least."""
THROTTLED = 1.1
"""The default schedule's time after a batch over its time before, above which the board has become slower meanwhile."""
COOL_DOWN, PATIENCE = 20.0, 6
"""Seconds that a board is left alone then, and how often before it is taken as it is."""
TRIES = 3
"""Sessions that a batch is begun in: a board may go away in the middle."""


def link_bench(objects: Objects, target: Target, folder: Path) -> Path:
    """The bench as a shared library for TVM's RPC server."""
    include = tvm_ffi.libinfo.find_include_path(), tvm_ffi.libinfo.find_dlpack_include_path()
    run = [s for s in sources.RUNNER_SOURCES if s.stem in {"session", "fail", "file"}]
    files = [*objects.generated, *sources.LIBRARY_SOURCES, *run, SOURCE]
    options = [*target.zig(), *sources.LIBRARY_CFLAGS, *INCLUDES, *(f"-I{path}" for path in include)]
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

    def seconds(self, stage: int) -> float:
        """One run of a stage."""
        check(self.module["bench_run"](stage))
        timer = self.module.time_evaluator("bench_run", self.device, 1, REPEATS, REPEAT_MS)
        return statistics.median(float(s) for s in timer(stage).results)


def check(status: Any) -> None:
    """Raise RuntimeError where a bench refuses what it is asked."""
    if int(status) != 0:
        raise RuntimeError(f"the bench on the board answers {int(status)}")


@dataclass(frozen=True)
class Boards:
    """A Device of one board or more: each session is with the next that is free."""

    target: Target
    connect: Callable[[], tvm.rpc.RPCSession]
    parallel: int
    say: Callable[[str], None]

    def measure(self, stage: Stage, schedules: Sequence[Schedule]) -> list[float | str]:
        """Seconds of each schedule, or why it was rejected. Raises CompileError where no board answers."""
        default, *others = schedules
        share = max(1, -(-len(others) // self.parallel))
        parts = [others[n : n + share] for n in range(0, len(others), share)] or [[]]
        with ThreadPoolExecutor(self.parallel) as pool:
            first, *rest = pool.map(lambda part: self.measure_part(stage, [default, *part]), parts)
        return [*first, *(result for part in rest for result in part[1:])]

    def measure_part(self, stage: Stage, schedules: Sequence[Schedule]) -> list[float | str]:
        """Some schedules in one session; in another where the board goes away."""
        with tempfile.TemporaryDirectory(prefix="biisnet-") as name:
            bench = make_bench(stage, schedules, self.target, Path(name), link_bench)
            for _ in range(TRIES):
                try:
                    return self.measure_on(self.connect(), bench)
                except (OSError, RuntimeError, ValueError) as e:  # what RPC raises, whatever happened
                    reason = " ".join(str(e).split())[-200:]
                    self.say(f"a board went away, its trials are measured again: {reason}")
        raise CompileError(f"no board answers after {TRIES} tries; the last one said: {reason}")

    def measure_on(self, session: tvm.rpc.RPCSession, bench: Bench) -> list[float | str]:
        """Every candidate of a bench on one board, again after a pause where the board throttles."""
        memory = RemoteMemory(session, bench.program)
        device = Memory(memory, bench.arena)  # type: ignore[arg-type]
        store_maps(bench, device)
        for attempt in range(PATIENCE):
            found: list[float | str] = []
            wanted = None
            for n, step in enumerate(bench.candidates.values(), bench.first):
                seconds = memory.seconds(n)
                stored = b"".join(device.read(b) for b in step.stage.outputs)
                wanted = stored if wanted is None else wanted
                found.append(seconds if stored == wanted else REJECTED)
            before, after = float(found[0]), memory.seconds(bench.first)
            if after < THROTTLED * before:
                return found
            self.say(f"the board throttles ({after / before:.2f} times as slow): {COOL_DOWN:.0f} s to cool down")
            time.sleep(COOL_DOWN if attempt + 1 < PATIENCE else 0)
        return found


def connect_board(address: str) -> Callable[[], tvm.rpc.RPCSession]:
    """Sessions with the board at HOST:PORT. Raises CompileError for another address."""
    host, port = parse_address(address)
    return lambda: tvm.rpc.connect(host, port)


def connect_tracker(address: str, key: str) -> Callable[[], tvm.rpc.RPCSession]:
    """Sessions with boards that a tracker at HOST:PORT knows by `key`. Raises CompileError where there is none."""
    host, port = parse_address(address)

    def connect() -> tvm.rpc.RPCSession:
        return tvm.rpc.connect_tracker(host, port).request(key, session_timeout=0)

    return connect


def parse_address(text: str) -> tuple[str, int]:
    """HOST:PORT. Raises CompileError."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise CompileError(f"{text}: give HOST:PORT, for example 127.0.0.1:9090")
    return host, int(port)
