# SPDX-License-Identifier: Apache-2.0
"""TVM's RPC tracker and servers as processes on loopback: a fleet of boards that this machine plays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from biisnet.compile.tuning.local import listens


@contextmanager
def process(module: str, port: int, log: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A server of TVM's on a port, in a process group of its own, which is gone afterwards."""
    command = [sys.executable, "-m", f"tvm.exec.{module}", "--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as out:
        server = subprocess.Popen(
            [*command, "--port-end", str(port + 1), *options],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        wait_for(port, server, log)
        yield server
    finally:
        kill(server)


def kill(server: subprocess.Popen[bytes]) -> None:
    """The process and all that it has started."""
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


def wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    """Until somebody listens."""
    deadline = time.monotonic() + 120
    while not listens(port):
        assert server.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
