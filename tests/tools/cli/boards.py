# SPDX-License-Identifier: Apache-2.0
"""Boards for tests: a real sshd on loopback, whose logins are emulated Cortex-A72s (board.sh)."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SSHD = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
LOGIN = Path(__file__).with_name("board.sh")
NO_BOARD = (
    "no boards to deploy to: they need root, sshd (Debian: openssh-server) and binfmt_misc of a namespace's own (Linux "
    "6.7)"
)


@dataclass(frozen=True)
class Fleet:
    """Boards `board0`, `board1`, … of ssh's `config`; each has its files below folder/NAME/home."""

    folder: Path
    config: Path
    sshd: subprocess.Popen[bytes]

    def home(self, board: str = "board0") -> Path:
        """A board's home."""
        return self.folder / board / "home"

    def is_odd(self, board: str = "board0", **values: str) -> None:
        """From now on a board says these of itself."""
        (self.folder / board / "env").write_text("".join(f"{name}='{value}'\n" for name, value in values.items()))


def can_emulate() -> bool:
    """Whether this machine can be a board."""
    if SSHD is None or os.geteuid() or not shutil.which("qemu-aarch64"):
        return False
    mounts = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    return not subprocess.run(
        [*mounts, "mount -t binfmt_misc none /proc/sys/fs/binfmt_misc"], capture_output=True
    ).returncode


@contextmanager
def fleet(folder: Path, count: int) -> Iterator[Fleet]:
    """So many boards, each a port of one sshd's."""
    assert SSHD
    Path("/run/sshd").mkdir(exist_ok=True)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    ports = [free_port() for _ in range(count)]
    login = "".join(
        f'Match LocalPort {port}\n    ForceCommand exec {LOGIN} {folder}/board{n} "$SSH_ORIGINAL_COMMAND"\n'
        for n, port in enumerate(ports)
    )
    (folder / "sshd_config").write_text(
        "".join(f"Port {port}\n" for port in ports)
        + f"ListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/user.pub\nStrictModes no\n"
        f"UsePAM no\nPermitRootLogin yes\nPidFile none\nPasswordAuthentication no\nMaxStartups 100\n{login}"
    )
    (folder / "ssh_config").write_text(
        "".join(f"Host board{n}\n    Port {port}\n" for n, port in enumerate(ports))
        + f"Host *\n    HostName 127.0.0.1\n    User root\n    IdentityFile {folder}/user\n    IdentitiesOnly yes\n"
        f"    UserKnownHostsFile {folder}/known\n    StrictHostKeyChecking accept-new\n"
    )
    for n in range(count):
        (folder / f"board{n}").mkdir()
    log = (folder / "sshd.log").open("wb")
    sshd = subprocess.Popen([SSHD, "-D", "-e", "-f", str(folder / "sshd_config")], stderr=log, start_new_session=True)
    try:
        wait_for(ports[-1], sshd)
        yield Fleet(folder, folder / "ssh_config", sshd)
    finally:
        os.killpg(sshd.pid, signal.SIGTERM)
        sshd.wait()
        log.close()


def free_port() -> int:
    """One that nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    """Until it listens."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert server.poll() is None
        with socket.socket() as s:
            if not s.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.05)
    raise AssertionError("sshd does not listen")
