# SPDX-License-Identifier: Apache-2.0
"""`biisnet deploy`: over a real ssh, to boards that are emulated."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import onnx
import pytest

from biisnet.targets import ssh as targets_ssh
from biisnet.targets.ssh import Ssh

from ..colour import CHANNELS, CLASSES, HEIGHT, WIDTH, network
from .boards import NO_BOARD, Fleet, can_emulate, fleet
from .damage import damaged

UNHELPFUL = (
    "RequestTTY force",
    "RemoteCommand tmux attach",
    "StdinNull yes",
    "SessionType none",
    "LocalForward 127.0.0.1:1 localhost:80",
    "ExitOnForwardFailure yes",
    "ForwardX11 yes",
    "PermitLocalCommand yes",
    "LocalCommand touch local",
    "LogLevel DEBUG3",
)
TinyBundle = Callable[[str], Path]
Cli = Callable[..., Any]
pytestmark = pytest.mark.emulator


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    if not can_emulate():
        pytest.skip(NO_BOARD)
    with fleet(tmp_path_factory.mktemp("fleet"), 3) as found:
        yield found


@pytest.fixture
def board(boards: Fleet) -> Fleet:
    """The first board, as it was when it was new."""
    for n in range(3):
        (boards.folder / f"board{n}" / "env").unlink(missing_ok=True)
        shutil.rmtree(boards.home(f"board{n}"), ignore_errors=True)
    return boards


def below(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_deploy(cli: Cli, board: Fleet, tiny_bundle: TinyBundle) -> None:
    bundle = tiny_bundle("rpi4")
    done = cli("deploy", bundle, "board0", "--ssh-config", board.config)
    assert done.code == 0, done.err
    pixels = 24 * 20
    assert done.out.startswith(
        f"board0  pass: biisnet/{bundle.name} (aarch64), 0 of {pixels} mask pixels of the golden"
    )
    there = board.home() / "biisnet" / bundle.name
    assert contents(there) == contents(bundle)
    assert os.access(there / "bin" / "biisnet-run", os.X_OK)
    first = os.readlink(there)
    # again, from the tar: in place of the old one, and nothing else is left
    again = cli("deploy", bundle.with_suffix(".tar"), "board0", "--ssh-config", board.config, "--json")
    assert again.code == 0, again.err
    (result,) = json.loads(again.out)
    assert (result["problem"], result["differing"], result["pixels"]) == ("", 0, pixels)
    assert os.readlink(there) != first
    kept = Path(os.readlink(there)).parts[0]
    assert below(there.parent) == sorted([kept, bundle.name])


def test_deploy_classes(cli: Cli, board: Fleet, here: Path) -> None:
    """A bundle of another task, whose frames are colour, is proved there by its scores."""
    onnx.save(network("classification"), here / "classes.onnx")
    compiled = cli("compile", "classes.onnx", "-o", "classes", "--mean", "127.5", "--std", "127.5")
    assert compiled.code == 0, compiled.err
    done = cli("deploy", "classes", "board0", "--ssh-config", board.config)
    assert done.code == 0, done.err
    assert (
        f"pass: biisnet/classes (aarch64), {CLASSES} values of the golden frame are ONNX Runtime's within" in done.out
    )


def test_deploy_compares_all_outputs(cli: Cli, board: Fleet, here: Path) -> None:
    """Fails where a board whose second output is wrong passes."""
    onnx.save(network("maps"), here / "maps.onnx")
    assert cli("compile", "maps.onnx", "-o", "maps", "--no-verify").code == 0
    done = cli("deploy", "maps", "board0", "--ssh-config", board.config)
    assert done.code == 0, done.err
    assert f"{(3 * 4 + CHANNELS) * HEIGHT * WIDTH} values of the golden frame are ONNX Runtime's within" in done.out
    second = (here / "maps" / "golden" / "output2.f32").read_bytes()
    wrong = damaged(here / "maps", here / "wrong", "golden/output2.f32", bytes(len(second)))
    said = cli("deploy", wrong, "board0", "--ssh-config", board.config).error(1)
    assert "board0: the golden frame's output 'dot' is wrong: " in said


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ({"ARCH": "armv7l", "BITS": "32"}, "is armv7l with a 32-bit system, the bundle is for aarch64 (rpi4)"),
        (
            {"BITS": "32", "PACKAGES": "armhf"},
            "has a 32-bit system (armhf) under a 64-bit kernel, whose programs cannot load the bundle's library",
        ),
        ({"PACKAGES": "armhf"}, "has a 32-bit system (armhf) under a 64-bit kernel"),
        ({"BITS": "32"}, "has a 32-bit system (arm64) under a 64-bit kernel"),
        ({"FEATURES": "fp crc32"}, "its CPU lacks asimd, which the bundle for rpi4 needs"),
        ({"LIBC": "glibc 2.24"}, "has glibc 2.24, the bundle's library needs glibc 2.28; --runner-only takes"),
        ({"FREE": "100"}, "biisnet has 0.1 MB free, "),
    ],
)
def test_a_board_that_is_unfit(
    odd: dict[str, str], reason: str, cli: Cli, board: Fleet, tiny_bundle: TinyBundle
) -> None:
    board.is_odd(**odd)
    done = cli("deploy", tiny_bundle("rpi4"), "board0", "--ssh-config", board.config)
    assert f"board0: {reason}" in done.message
    assert f"board0  failed: {reason}" in done.out
    assert below(board.home() / "biisnet") == []


def test_the_runner_alone(cli: Cli, board: Fleet, tiny_bundle: TinyBundle) -> None:
    board.is_odd(LIBC="")
    done = cli("deploy", tiny_bundle("rpi4"), "board0", "--ssh-config", board.config, "--runner-only", "--dir", "a b/c")
    assert done.code == 0, done.err
    assert tiny_bundle("rpi4").name in below(board.home() / "a b" / "c")


def test_the_runner_alone_on_a_32_bit_system(cli: Cli, board: Fleet, tiny_bundle: TinyBundle) -> None:
    """Its kernel runs the static program, which the golden frame proves there."""
    board.is_odd(BITS="32", PACKAGES="armhf", LIBC="glibc 2.36")
    bundle = tiny_bundle("rpi4")
    done = cli("deploy", bundle, "board0", "--ssh-config", board.config, "--runner-only")
    assert done.code == 0, done.err
    assert "0 of 480 mask pixels of the golden frame differ" in done.out
    assert contents(board.home() / "biisnet" / bundle.name) == contents(bundle)


@pytest.mark.parametrize(
    ("folder", "place"), [("~/models", "models"), ("$HOME/m", "m"), ("-rf", "-rf"), ("~", "."), ("a*", "a*")]
)
def test_where_to(folder: str, place: str, cli: Cli, board: Fleet, tiny_bundle: TinyBundle) -> None:
    """Fails where a folder called ~ is made, and where a folder is taken for an option of mkdir."""
    bundle = tiny_bundle("rpi4")
    for _ in range(2):
        done = cli("deploy", bundle, "board0", "--ssh-config", board.config, "--dir", folder)
        assert done.code == 0, done.err
    assert contents(board.home() / place / bundle.name) == contents(bundle)
    assert [name for name in below(board.home()) if not name.startswith(".")] == [
        bundle.name if place == "." else place
    ]


def test_a_name_like_an_option(cli: Cli, here: Path, board: Fleet, tiny_bundle: TinyBundle) -> None:
    shutil.copytree(tiny_bundle("rpi4"), here / "-f")
    for _ in range(2):
        done = cli("deploy", here / "-f", "board0", "--ssh-config", board.config)
        assert done.code == 0, done.err
    assert contents(board.home() / "biisnet" / "-f") == contents(here / "-f")


def test_the_local_home(cli: Cli, board: Fleet, tiny_bundle: TinyBundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--dir ~/models` without quotes is this machine's home, made into a path before we see it."""
    monkeypatch.setenv("HOME", "/home/me")
    done = cli("deploy", tiny_bundle("rpi4"), "board0", "--ssh-config", board.config, "--dir", "/home/me/models")
    assert f"the board's is {board.home()}; give models" in done.message
    assert below(board.home()) == []


@pytest.mark.parametrize("shell", ["csh", "tcsh", "fish", "zsh", "mksh", "bash"])
def test_any_login_shell(shell: str, cli: Cli, board: Fleet, tiny_bundle: TinyBundle) -> None:
    """Fails where the login's shell is given a script of several lines."""
    if not (program := shutil.which(shell)):
        pytest.skip(f"no {shell} here")
    board.is_odd(LOGIN_SHELL=program)
    bundle, options = tiny_bundle("rpi4"), ["--ssh-config", board.config]
    done = cli("deploy", bundle, "board0", *options, "--dir", "it's a $ place".replace("$", "!"))
    assert done.code == 0, done.err
    assert contents(board.home() / "it's a ! place" / bundle.name) == contents(bundle)
    assert cli("bench", bundle, "board0", *options, "--threads", "1", "--runs", "1").code == 0


def test_what_a_configuration_and_a_machine_may_have(
    cli: Cli, here: Path, board: Fleet, tiny_bundle: TinyBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Terminals, commands and forwardings for sessions of people, and a temporary folder too deep for a socket."""
    (config := here / "config").write_text(board.config.read_text() + "".join(f"    {line}\n" for line in UNHELPFUL))
    (deep := here / "/".join(["deep" * 10] * 3)).mkdir(parents=True)
    monkeypatch.setenv("TMPDIR", str(deep))
    monkeypatch.setattr("tempfile.tempdir", None)
    bundle = tiny_bundle("rpi4")
    done = cli("deploy", bundle, "board0", "--ssh-config", config)
    assert done.code == 0, done.err
    assert contents(board.home() / "biisnet" / bundle.name) == contents(bundle)
    assert cli("bench", bundle, "board0", "--ssh-config", config, "--threads", "1", "--runs", "1").code == 0
    assert not (here / "local").exists()
    assert not below(deep)


def test_a_disk_that_runs_no_programs(cli: Cli, board: Fleet, tiny_bundle: TinyBundle) -> None:
    home = board.home()
    home.mkdir(exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "noexec", "none", home], capture_output=True).returncode:
        pytest.skip("this machine may not mount a disk of its own")
    try:
        said = cli("deploy", tiny_bundle("rpi4"), "board0", "--ssh-config", board.config).message
        assert said.startswith("board0: programs may not be run in biisnet (a disk that is mounted noexec?)")
        assert below(home / "biisnet") == []
    finally:
        subprocess.run(["umount", "-l", home], check=True)


def test_what_fails_there_leaves_the_old_one(cli: Cli, board: Fleet, tiny_bundle: TinyBundle, tmp_path: Path) -> None:
    """A program that does not start, and a wrong result: the deployment of before stays, nothing is left beside it."""
    bundle = tiny_bundle("rpi4")
    options = ["board0", "--ssh-config", board.config]
    assert cli("deploy", bundle, *options).code == 0
    before = below(board.home() / "biisnet")
    broken = damaged(bundle, tmp_path / "broken", "bin/biisnet-run", b"#!/bin/sh\necho no luck >&2\nexit 3\n")
    assert cli("deploy", broken, *options).message == "board0: no luck"
    golden = (bundle / "golden" / "probability.f32").read_bytes()
    wrong = damaged(bundle, tmp_path / "wrong", "golden/probability.f32", bytes(len(golden)))
    assert "board0: the golden frame's result is wrong: " in cli("deploy", wrong, *options).error(1)
    assert below(board.home() / "biisnet") == before
    # one that is not deploy's is not touched
    link = board.home() / "biisnet" / bundle.name
    link.unlink()
    link.mkdir()
    assert "is there, and not by biisnet deploy; move it away" in cli("deploy", bundle, *options).message
    assert not below(link)
    link.rmdir()
    link.symlink_to("../mine")
    assert "is there, and not by biisnet deploy; move it away" in cli("deploy", bundle, *options).message
    assert os.readlink(link) == "../mine"


def test_what_was_left_half_way_goes(cli: Cli, here: Path, board: Fleet, tiny_bundle: TinyBundle) -> None:
    bundle = tiny_bundle("rpi4")
    folder, before = board.home() / "biisnet", time.time() - 3660
    old = [f".{bundle.name}.{kind}.aBc123" for kind in ("staged", "kept")]
    another = [f".{bundle.name}.{kind}.kept.aBc123" for kind in ("staged", "kept")]  # a bundle's called NAME.kept
    for name in (*old, *another):
        (folder / name).mkdir(parents=True)
        os.utime(folder / name, (before, before))
    (young := folder / f".{bundle.name}.staged.aBc124").mkdir()  # it may be another's that goes on
    options = ["board0", "--ssh-config", board.config]
    assert cli("deploy", bundle, *options).code == 0
    kept = Path(os.readlink(folder / bundle.name)).parts[0]
    assert below(folder) == sorted([*another, young.name, kept, bundle.name])
    os.utime(folder / kept, (before, before))  # what the name points to stays, however old
    broken = damaged(bundle, here, "bin/biisnet-run", b"#!/bin/sh\nexit 3\n")
    assert cli("deploy", broken, *options).code == 2
    assert contents(folder / bundle.name) == contents(bundle)


def test_a_login_that_talks(cli: Cli, board: Fleet, tiny_bundle: TinyBundle) -> None:
    """Fails where what its own scripts print is taken for a path or for pixels."""
    board.is_odd(NOISE="Welcome to this board")
    bundle, options = tiny_bundle("rpi4"), ["--ssh-config", board.config]
    done = cli("deploy", bundle, "board0", *options)
    assert done.code == 0, done.err
    assert contents(board.home() / "biisnet" / bundle.name) == contents(bundle)
    assert cli("bench", bundle, "board0", *options, "--threads", "1", "--runs", "2", "--stages", "1").code == 0


def test_a_disk_that_fills_up(cli: Cli, board: Fleet, tiny_bundle: TinyBundle) -> None:
    """Though the board said that there is room: what was deployed before stays, and nothing else is left."""
    bundle, home = tiny_bundle("rpi4"), board.home()
    options = ["board0", "--ssh-config", board.config]
    home.mkdir(exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "none", home], capture_output=True).returncode:
        pytest.skip("this machine may not mount a disk of its own")
    try:
        assert cli("deploy", bundle, *options).code == 0
        before = below(home / "biisnet")
        half = shutil.disk_usage(home).used * 3 // 2
        subprocess.run(["mount", "-o", f"remount,size={half}", home], check=True)
        said = cli("deploy", bundle, *options).message
        assert said.startswith("board0: tar: ")
        assert said.endswith("No space left on device")
        assert below(home / "biisnet") == before
        assert contents(home / "biisnet" / bundle.name) == contents(bundle)
    finally:
        subprocess.run(["umount", "-l", home], check=True)


DIES = """
import os, signal, subprocess, sys
left, whole = int(sys.argv.pop(1)), subprocess.run
def run(command, *arguments, input=b"", **options):
    global left
    left -= 1
    if left == 0:
        if input:
            there = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            there.stdin.write(input[: len(input) // 2])
            there.stdin.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(command, *arguments, input=input, **options) if input else whole(command, *arguments, **options)
subprocess.run = run
from biisnet.tools.cli import main
try:
    main()
finally:
    print(left, file=sys.stderr)
"""


def test_killed_anywhere(board: Fleet, cli: Cli, tiny_bundle: TinyBundle, tmp_path: Path) -> None:
    """Before each command to the board, and with half of the bundle sent: the old one is there, or the new one."""
    bundle = tiny_bundle("rpi4")
    newer = damaged(bundle, tmp_path, "README.md", b"another\n")
    link, states = board.home() / "biisnet" / bundle.name, [contents(bundle), contents(newer)]
    assert states[0] != states[1]

    def deployed(source: Path, left: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", DIES, str(left), "deploy", source, "board0", "--ssh-config", board.config]
        (tmp_path / "tmp").mkdir(exist_ok=True)  # for what is left of a killed one
        env = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
        return subprocess.run(command, capture_output=True, text=True, timeout=120, env=env)

    whole = deployed(bundle, 1000)
    assert whole.returncode == 0, whole.stderr
    commands = 1000 - int(whole.stderr.split()[-1])
    assert commands > 6
    for n in range(1, commands + 1):
        now = states.index(contents(link))
        assert deployed((newer, bundle)[now], n).returncode == -signal.SIGKILL
        assert contents(link) in states, f"killed at command {n}"
    assert contents(link) != states[now]  # the last ones were after it had its place
    long_ago = time.time() - 3660
    for left in link.parent.glob(".*"):
        os.utime(left, (long_ago, long_ago))
    assert cli("deploy", bundle, "board0", "--ssh-config", board.config).code == 0
    assert below(link.parent) == sorted([Path(os.readlink(link)).parts[0], bundle.name])


def test_a_connection_that_nobody_closes(board: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where what a killed deployment leaves behind stays connected for ever."""
    monkeypatch.setattr(targets_ssh, "IDLE_SECONDS", 1)
    ssh = Ssh("board0", board.config)
    ssh.__enter__()
    assert ssh.run("echo here") == b"here\n"
    check, deadline = ["ssh", "-S", ssh._socket, "-O", "check", "board0"], time.monotonic() + 60
    assert subprocess.run(check, capture_output=True).returncode == 0
    while subprocess.run(check, capture_output=True).returncode == 0:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_many(cli: Cli, here: Path, board: Fleet, tiny_bundle: TinyBundle) -> None:
    (here / "hosts").write_text(
        "\ufeffboard0\n# the old ones\nboard1  # with a small disk\n\nboard2\nnowhere.invalid\n"
    )
    board.is_odd("board1", FREE="100")
    done = cli("deploy", tiny_bundle("rpi4"), "--hosts", "hosts", "--ssh-config", board.config)
    assert done.message == "2 of 4 boards failed"
    lines = {line.split()[0]: line for line in done.out.splitlines()}
    assert list(lines) == ["board0", "board1", "board2", "nowhere.invalid"]
    assert "pass: " in lines["board0"]
    assert "failed: biisnet has 0.1 MB free" in lines["board1"]
    assert "pass: " in lines["board2"]
    assert "failed: cannot be reached (" in lines["nowhere.invalid"]


def test_bench_there(cli: Cli, board: Fleet, tiny_bundle: TinyBundle) -> None:
    board.is_odd(THROTTLED="0x4")
    options = ["--ssh-config", board.config, "--threads", "1", "--runs", "2", "--json"]
    done = cli("bench", tiny_bundle("rpi4"), "board0", *options)
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert [t["threads"] for t in result["timings"]] == [1]
    assert result["device"]["word_bits"] == 64
    assert result["remarks"][0] == "1 thread: the device says throttled; it may be faster than this"
    assert below(board.home() / "biisnet") == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give a board, or --hosts FILE for many"),
        (["board0", "--hosts", "hosts"], "give a board, or --hosts FILE for many"),
        (["--hosts", "empty"], "empty: names no board; give one a line"),
        (["--hosts", "none"], "none: cannot be read as a list of boards"),
        (["--", "-oProxyCommand=touch pwned"], "give a board as ssh takes it"),
        (["nowhere.invalid"], "nowhere.invalid: cannot be reached ("),
    ],
)
def test_bad_input(arguments: list[str], message: str, cli: Cli, here: Path, tiny_bundle: TinyBundle) -> None:
    (here / "empty").write_text("# none\n")
    (here / "hosts").write_text("board0\n")
    assert message in cli("deploy", tiny_bundle("rpi4"), *arguments).message
    assert sorted(p.name for p in here.iterdir()) == ["empty", "hosts"]
