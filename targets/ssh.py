# SPDX-License-Identifier: Apache-2.0
"""A board that is reached by the system's ssh: one connection for all commands, and no prompt after the first."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from .posix_command import BOOTSTRAP, first_line
from .ssh_options import connection_words, session_words, socket_folder

CONNECT_SECONDS, SILENT_SECONDS = 10, 15
BEGINS = "biisnet: the script begins"
IDLE_SECONDS = 60
"""After which a connection ends that nobody is left to close."""


class BoardError(RuntimeError):
    """A board that cannot be reached, or a command that failed there; one line."""


class Ssh:
    """`address` is what ssh takes: user@host, a name of its configuration, or ssh://user@host:port.

    A password is asked for while connecting, or never with `batch`: where many boards are connected to at once, nobody
    would know which one asks.
    """

    def __init__(self, address: str, config: Path | None = None, batch: bool = False) -> None:
        """Raises BoardError for what ssh would take for an option, or where there is no place for its socket."""
        if address.startswith("-") or not address.strip():
            raise BoardError(f"{address}: give a board as ssh takes it, for example pi@raspberrypi")
        self.address, self.batch = address, batch
        self.options = ["-F", str(config)] if config else []
        try:
            self._folder = socket_folder()
        except OSError as e:
            raise BoardError(f"{address}: cannot be connected to ({e})") from e

    def __enter__(self) -> Ssh:
        """Connect. Raises BoardError."""
        keep = ["ControlMaster=yes", f"ControlPersist={IDLE_SECONDS}", f"BatchMode={'yes' if self.batch else 'no'}"]
        keep += [f"ConnectTimeout={CONNECT_SECONDS}", f"ServerAliveInterval={SILENT_SECONDS // 3}"]
        options = [word for option in keep for word in ("-o", option)]
        # what goes to the background keeps its standard error open: a file, for a pipe would never end
        with tempfile.TemporaryFile("w+") as said:
            command = ["ssh", *self.options, *connection_words(), "-S", self._socket, *options, "-fN", self.address]
            try:
                done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said)
            except FileNotFoundError as e:
                raise BoardError("no ssh here; install OpenSSH's client (apt-get install openssh-client)") from e
            said.seek(0)
            lines = said.read().strip().splitlines()
        if done.returncode:
            self._folder.cleanup()
            raise BoardError(f"{self.address}: cannot be reached ({lines[-1] if lines else 'ssh failed'})")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        subprocess.run(["ssh", *self.options, "-S", self._socket, "-O", "exit", self.address], capture_output=True)
        self._folder.cleanup()

    @property
    def _socket(self) -> str:
        return f"{self._folder.name}/s"

    def run(self, script: str, arguments: Sequence[str] = (), given: bytes = b"") -> bytes:
        """Standard output of a POSIX shell script, whose standard input is `given`, whatever the login's shell is.

        Raises BoardError.
        """
        words = [*self.options, *session_words(), "-S", self._socket, "-o", "BatchMode=yes"]
        command = ["ssh", *words, self.address, BOOTSTRAP]
        done = subprocess.run(
            command, input=first_line(f"echo {BEGINS}\n{script}", arguments) + given, capture_output=True
        )
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise BoardError(f"{self.address}: {said[-1] if said else f'failed with exit code {done.returncode}'}")
        # before it is what the login's own scripts print
        return done.stdout.partition(f"{BEGINS}\n".encode())[2]
