# SPDX-License-Identifier: Apache-2.0
"""This machine as a board: a server of TVM's on loopback, so that a candidate that crashes takes no session with it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ..errors import CompileError

LOOPBACK = "127.0.0.1"
PATIENCE = 120.0
"""Seconds that a server may take to start."""


@contextmanager
def local_board() -> Iterator[str]:
    """The address HOST:PORT of a server that ends with the block. Raises CompileError where it does not start."""
    port = free_port()
    command = [sys.executable, "-m", "tvm.exec.rpc_server", "--host", LOOPBACK, "--port", str(port)]
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(
            [*command, "--port-end", str(port + 1)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # with all that it starts it is one group, which Ctrl-C does not reach
        )
        try:
            deadline = time.monotonic() + PATIENCE
            while not listens(port):
                if server.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    words = log.read().decode(errors="replace").strip().splitlines() or ["it said nothing"]
                    raise CompileError(f"TVM's RPC server does not start here: {words[-1]}; pip install '.[board]'")
                time.sleep(0.1)
            yield f"{LOOPBACK}:{port}"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as s:
        s.bind((LOOPBACK, 0))
        return int(s.getsockname()[1])


def listens(port: int) -> bool:
    """Whether somebody does."""
    with suppress(OSError), socket.create_connection((LOOPBACK, port), 1):
        return True
    return False
