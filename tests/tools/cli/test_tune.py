# SPDX-License-Identifier: Apache-2.0
"""`biisnet tune`: sessions as a shell runs them, and compiling with what they found."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from biisnet.compile.tuning.records import TRIALS, Records
from biisnet.compile.tuning.trials import Trial
from biisnet.targets import resolve
from biisnet.targets.device_cost import DeviceCost

from ...compile.recognise.networks import SIDE, C, Net

BIISNET = (sys.executable, "-c", "from biisnet.tools.cli import main; main()")


def recorded(folder: Path) -> list[Trial]:
    """A database's trials."""
    return Records(folder, resolve("rpi4")).trials()


@pytest.mark.emulator
def test_tune_and_compile(here: Path, tiny_onnx: Path, cli: Callable[..., Any], emulated: None, llvm: None) -> None:
    options = ["--size", "24x20", "--db", "db"]
    done = cli("tune", tiny_onnx, *options, "--trials", "9", "--json")
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert result["trials"] == 9
    assert result["rejected"] == 0
    for gain in result["gains"]:
        assert 0 < gain["bound_seconds"] < gain["best_seconds"] <= gain["default_seconds"]
    assert (here / "db" / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert (here / "db" / "report.md").read_text().startswith("# ")
    before = recorded(here / "db")
    fastest = cli("tune-merge", "db", "--best", "-o", "fastest")
    assert fastest.out == f"fastest: {len(result['gains'])} trials of 1 database\n"
    assert Records(here / "fastest", resolve("rpi4")).best() == Records(here / "db", resolve("rpi4")).best()
    merged = cli("tune-merge", "db", "db", "-o", "merged")
    assert f"merged: {len(before)} trials of 2 databases" in merged.out
    assert {(t.key, t.schedule) for t in recorded(here / "merged")} == {(t.key, t.schedule) for t in before}
    assert "--resume adds to them" in cli("tune", tiny_onnx, *options, "--trials", "6").message
    assert recorded(here / "db") == before
    compiled = cli("compile", tiny_onnx, "--target", "rpi4", *options, "-o", "tuned")
    assert compiled.code == 0, compiled.err
    manifest = json.loads((here / "tuned" / "manifest.json").read_text())
    assert {k["record"]["database"] for k in manifest["kernels"].values()} == {"user's"}
    assert f"kernels {len(manifest['kernels'])}: {len(manifest['kernels'])} as user's records have them" in compiled.err
    best = {g["kernel"]: g["schedule"] for g in result["gains"]}
    assert {name: k["schedule"] for name, k in manifest["kernels"].items()} == best
    assert cli("verify", "tuned").code == 0
    asked = ("analyze", tiny_onnx, "--target", "rpi4", "--size", "24x20", "--json")
    tuned = json.loads(cli(*asked, "--db", "db").out)["stages"]
    measured = {t.kernel: t for t in Records(here / "db", resolve("rpi4")).best().values()}
    assert {s["kernel"]: s["cycles"] for s in tuned} == pytest.approx({k: t.cycles for k, t in measured.items()})
    assert json.loads((here / "db" / "about.json").read_text())["measured_by"] == "model time"
    for t in before:  # the time is that of all three figures
        cost = DeviceCost.of(resolve("rpi4"), t.cycles or 0, t.l1d_misses, t.dram_bytes)
        assert t.seconds == pytest.approx(cost.seconds)


def test_this_machine(here: Path, tiny_onnx: Path, cli: Callable[..., Any]) -> None:
    options = ["--target", "host", "--size", "24x20", "--db", "db"]
    done = cli("tune", tiny_onnx, *options, "--trials", "5", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["trials"] == 5
    assert json.loads((here / "db" / "about.json").read_text())["measured_by"] == "clock"
    again = cli("tune", tiny_onnx, *options, "--trials", "1", "--resume")
    assert ": 6 trials, 0 rejected; " in again.out
    assert " less than by the default schedules\n" in again.out  # a clock knows no bound
    compiled = cli("compile", tiny_onnx, *options, "-o", "tuned")
    assert compiled.code == 0, compiled.err
    other = cli("tune", tiny_onnx, "--target", "rpi4", *options[2:], "--resume")
    assert "its target is 'host', not 'rpi4'" in other.message


def test_what_is_said_of_a_network(here: Path, cli: Callable[..., Any]) -> None:
    """Fails where other kernels are tuned than compiling with the same words makes: with Sign(0) left open there are
    two levels more."""
    net = Net((1, 1, SIDE, SIDE))
    stem = net.stem(inputs=1)
    zero = net.op("Sub", net.op("Relu", stem), net.op("Relu", net.conv(stem, net.normal(C, C, 1, 1))))
    onnx.save(net.proto(net.conv(net.op("Sign", zero), net.signs(C, C, 3, 3))), "net.onnx")
    options = ("--target", "host", "--db", "db")
    said = ("--sign-of-zero", "+1", "--std", "255")
    tuned = cli("tune", "net.onnx", *options, *said, "--trials", "8")
    assert tuned.code == 0, tuned.err
    assert "normalised in the network: (level - 0) / 255, of levels 0 to 255" in tuned.err
    assert "layers  1 of 3 convolutions are binary" in tuned.err
    for words, equal in ((said, True), ((), False)):
        compiled = cli("compile", "net.onnx", *options, *words, "-o", f"bundle{len(words)}", "--no-verify")
        assert compiled.code == 0, compiled.err
        kernels = json.loads((here / f"bundle{len(words)}" / "manifest.json").read_text())["kernels"].values()
        assert all((k["record"] or {}).get("database") == "user's" for k in kernels) == equal


@pytest.mark.emulator
def test_killed_and_resumed(here: Path, tiny_onnx: Path, cli: Callable[..., Any], emulated: None, llvm: None) -> None:
    """kill -9 in the middle: what was recorded stays, and nothing is measured twice."""
    command = ["tune", str(tiny_onnx), "--size", "24x20", "--db", "db"]
    process = subprocess.Popen([*BIISNET, *command], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    file, deadline = here / "db" / TRIALS, time.monotonic() + 120
    while not (file.exists() and len(file.read_text().splitlines()) > 6):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    before = recorded(here / "db")
    assert len(before) > 5
    done = cli(*command, "--trials", "3", "--resume")
    assert done.code == 0, done.err
    after = recorded(here / "db")
    assert after[: len(before)] == before
    assert len(after) == len(before) + 3
    assert len({(t.key, t.schedule) for t in after}) == len(after)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "nowhere"], "nowhere"),
        (["--device", "pi"], "pi: give HOST:PORT"),
        (["--device", "pi:1", "--tracker", "pi:2"], "give one of them"),
        (["--size", "0x3"], "--size 0x3"),
        (["--db", "file"], "file: is a file; a tuning database is a folder"),
        (["--db", "full"], "full: has no about.json"),
    ],
)
def test_bad_input(arguments: list[str], message: str, here: Path, tiny_onnx: Path, cli: Callable[..., Any]) -> None:
    (here / "file").touch()
    (here / "full").mkdir()
    (here / "full" / "precious").touch()
    assert message in cli("tune", tiny_onnx, *arguments).message
    assert sorted(p.name for p in here.iterdir()) == ["file", "full"]
    assert [p.name for p in (here / "full").iterdir()] == ["precious"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["full", "-o", "new"], "full: give two databases or more, or --best"),
        (["full", "full"], "missing option '-o' / '--output'"),
        (["full", "full", "-o", "new"], "full: not a tuning database"),
        (["file", "full", "-o", "new"], "file: not a tuning database"),
    ],
)
def test_what_cannot_be_merged(arguments: list[str], message: str, here: Path, cli: Callable[..., Any]) -> None:
    (here / "file").touch()
    (here / "full").mkdir()
    assert message in cli("tune-merge", *arguments).message
    assert sorted(p.name for p in here.iterdir()) == ["file", "full"]


def test_compiling_with_no_database(here: Path, tiny_onnx: Path, cli: Callable[..., Any]) -> None:
    assert "db: no tuning database; biisnet tune makes one" in cli("compile", tiny_onnx, "--db", "db").message
    assert list(here.iterdir()) == []
