# SPDX-License-Identifier: Apache-2.0
"""A person's configuration does not change what a session is, and the socket's path is short enough."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from biisnet.targets import ssh_options
from biisnet.targets.ssh import BoardError, Ssh
from biisnet.targets.ssh_options import SOCKET_PATH, TEMPORARY, session_words, socket_folder

HOSTILE = """\
RequestTTY force
RemoteCommand tmux attach
StdinNull yes
ForkAfterAuthentication yes
SessionType none
ForwardX11 yes
ForwardAgent yes
LocalForward 8080 localhost:80
RemoteForward 9090 localhost:90
DynamicForward 1080
PermitLocalCommand yes
LocalCommand echo local
Tunnel yes
LogLevel DEBUG3
VisualHostKey yes
"""
needs_ssh = pytest.mark.skipif(not shutil.which("ssh"), reason="no ssh here")


def settings(config: Path, *words: str) -> dict[str, str]:
    """What ssh would do, by keyword."""
    done = subprocess.run(
        ["ssh", "-F", config, *words, "-G", "board"], capture_output=True, text=True, check=True
    ).stdout
    return dict(line.partition(" ")[::2] for line in done.splitlines())


@needs_ssh
def test_the_configuration_is_overridden(tmp_path: Path) -> None:
    (config := tmp_path / "config").write_text(f"Host *\n{HOSTILE}    User pi\n    Port 2200\n")
    before, after = settings(config), settings(config, *session_words())
    assert before["requesttty"] == "force"
    assert before["localforward"]
    wanted = {
        "requesttty": "false",
        "forwardx11": "no",
        "forwardagent": "no",
        "permitlocalcommand": "no",
        "tunnel": "false",
        "loglevel": "ERROR",
        "visualhostkey": "no",
        "stdinnull": "no",
        "forkafterauthentication": "no",
        "sessiontype": "default",
    }
    assert {name: after.get(name) for name in wanted} == wanted
    assert after.get("remotecommand", "none") == "none"
    assert after["clearallforwardings"] == "yes"
    assert (after["user"], after["port"]) == ("pi", "2200")  # those are the configuration's own


def test_an_older_ssh_is_not_told_what_it_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown option would end each of its commands."""

    def old(command: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess(command, 255 if "StdinNull" in " ".join(command) else 0)

    monkeypatch.setattr(ssh_options.subprocess, "run", old)
    ssh_options.known.cache_clear()
    try:
        assert "StdinNull=no" not in session_words()
        assert "RemoteCommand=none" in session_words()
    finally:
        ssh_options.known.cache_clear()


@pytest.mark.parametrize("name", ["long" * 30, "100%h", "a b", "${HOME}"])
def test_a_temporary_folder_that_no_socket_can_be_in(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ssh's own temporary name of it has to fit too, and it expands what looks like a variable."""
    (tmp_path / name).mkdir()
    monkeypatch.setattr(ssh_options.tempfile, "gettempdir", lambda: str(tmp_path / name))
    with socket_folder() as folder:
        assert not folder.startswith(str(tmp_path))
        assert len(f"{folder}/s") + TEMPORARY <= SOCKET_PATH
        assert Path(folder).stat().st_mode & 0o777 == 0o700


def test_no_folder_for_a_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh_options, "socket_parents", lambda: iter([Path("/" + "long" * 40)]))
    with pytest.raises(BoardError, match=r"pi@board: cannot be connected to .*; set TMPDIR to one"):
        Ssh("pi@board")
    monkeypatch.setattr(ssh_options, "socket_parents", lambda: iter([Path("/proc/nowhere")]))
    with pytest.raises(BoardError, match=r"pi@board: cannot be connected to .*No such file"):
        Ssh("pi@board")
