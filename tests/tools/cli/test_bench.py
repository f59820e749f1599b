# SPDX-License-Identifier: Apache-2.0
"""`biisnet bench`: what is measured, what stands beside it, and the waiting for a device that is hot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from biisnet.compile.verification.scene import scene
from biisnet.targets.facts import Facts, parse
from biisnet.tools.cooling import COOL, HOT, PATIENCE, PAUSE, wait_until_cool

TinyBundle = Callable[[str], Path]


def test_on_this_machine(cli: Callable[..., Any], here: Path, tiny_bundle: TinyBundle) -> None:
    bundle = tiny_bundle("host")
    done = cli("bench", bundle, "--threads", "1,2,64", "--runs", "9", "--stages", "3", "--plot", "t.png", "--json")
    assert done.code == 0, done.err
    result = json.loads(done.out)
    cores = len(os.sched_getaffinity(0))
    assert [t["threads"] for t in result["timings"]] == [n for n in (1, 2) if n <= cores]
    for timing in result["timings"]:
        assert len(timing["times_ms"]) == timing["runs"] == 9
        assert 0 < timing["min_ms"] <= timing["median_ms"] <= timing["p95_ms"] <= timing["p99_ms"]
        assert min(timing["times_ms"]) == timing["min_ms"]
    stages = json.loads((bundle / "manifest.json").read_text())["stages"]
    assert [s["name"] for s in result["stages"]] == [s["name"] for s in stages]
    assert any(r.startswith("64 threads: left out, the device has") for r in result["remarks"])
    assert (here / "t.png").read_bytes().startswith(b"\x89PNG")
    (here / "old.json").write_text(done.out)
    people = cli("bench", bundle, "--threads", "1", "--runs", "5", "--compare", "old.json")
    assert people.code == 0, people.err
    assert "1 thread: median " in people.out
    assert f"1 thread: {result['timings'][0]['median_ms']:.2f} ms before, " in people.out
    old = {**result, "target": "rpi4"}
    (here / "old.json").write_text(json.dumps(old))
    assert "old.json is of something else" in cli("bench", bundle, "--threads", "1", "--compare", "old.json").out


@pytest.mark.emulator
def test_emulated(cli: Callable[..., Any], here: Path, tiny_bundle: TinyBundle, emulated: None, llvm: None) -> None:
    done = cli("bench", tiny_bundle("rpi4"), "--emulate", "--threads", "1,3", "--runs", "2", "--json")
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert result["emulated"]
    assert [t["threads"] for t in result["timings"]] == [1, 3]  # whatever this machine has
    assert result["remarks"] == ["emulated: times are not the device's, and the emulator's memory is in the peak"]
    cost = result["cost"]
    charged = (cost["cycles"] + 9.9 * cost["l1d_misses"]) / 1.5e9 + cost["dram_bytes"] / 4e9
    assert cost["seconds"] == pytest.approx(charged)
    people = cli("bench", tiny_bundle("rpi4"), "--emulate", "--threads", "1", "--runs", "1").out.splitlines()
    assert people[-1].startswith(f"cost model, one thread: {cost['cycles'] / (24 * 20):.1f} cycles, ")
    assert "--emulate runs it here" in cli("bench", tiny_bundle("rpi4")).message


@pytest.mark.emulator
def test_emulated_without_the_models_tools(
    cli: Callable[..., Any], here: Path, tiny_bundle: TinyBundle, emulated: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails where what can be measured is lost with what cannot."""
    monkeypatch.setattr("biisnet.targets.pricing.LLVM", 1)
    done = cli("bench", tiny_bundle("rpi4"), "--emulate", "--threads", "1", "--runs", "1", "--json")
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert result["cost"] is None
    assert result["timings"]
    why = "emulated: no cost by the model: llvm-mc-1 is missing: apt-get install llvm-1 (as root)"
    assert result["remarks"][-1] == why


def test_bad_input(cli: Callable[..., Any], here: Path, tiny_bundle: TinyBundle) -> None:
    bundle = tiny_bundle("host")
    (here / "odd.json").write_text('{"timings": 3}')
    assert "it needs no --emulate" in cli("bench", bundle, "--emulate").message
    for threads in ("0", "1,", "65", "two"):
        assert f"--threads {threads}: give numbers from 1 to 64" in cli("bench", bundle, "--threads", threads).message
    assert "nothing to measure: 64 threads: left out" in cli("bench", bundle, "--threads", "64").message
    assert "give one of them" in cli("bench", bundle, "--json", "--compare", "odd.json").message
    (here / "deep.json").write_text("[" * 100_000)
    for name, why in (
        ("odd.json", "not what `biisnet bench --json` writes"),
        ("deep.json", "not what `biisnet bench --json` writes"),
        ("none.json", "cannot be read: No such file or directory"),
    ):
        said = cli("bench", bundle, "--threads", "1", "--runs", "1", "--compare", name).message
        assert said == f"{name}: {why}"


class Board:
    """Cools down by a degree with each look."""

    def __init__(self, degrees: float | None, throttled: int = 0, cools: float = 1) -> None:
        self.degrees, self.throttled, self.cools = degrees, throttled, cools
        self.slept: list[float] = []

    def facts(self) -> Facts:
        if self.degrees is not None and self.slept:
            self.degrees -= self.cools
        return replace(parse(""), degrees=self.degrees, throttled=self.throttled)


def waited(board: Board) -> tuple[float, list[str]]:
    said: list[str] = []
    wait_until_cool(board.facts, said.append, board.slept.append)
    return sum(board.slept), said


def test_waits_until_cool() -> None:
    assert waited(Board(HOT)) == (0, [])
    assert waited(Board(None)) == (0, [])
    seconds, said = waited(Board(HOT + 2, cools=4))
    assert seconds == PAUSE * 3  # 77, 73, 69, 65: below HOT is not enough
    assert len(said) == 1
    assert said[0].startswith("waiting for the device to cool down: ")
    assert HOT + 2 - 3 * 4 <= COOL
    assert waited(Board(40, throttled=1 << 18)) == (0, [])  # once upon a time


def test_does_not_wait_for_ever() -> None:
    assert waited(Board(40, throttled=0b111)) == (0, [])  # a weak supply is not cured by waiting
    for board in (Board(90, cools=0), Board(40, throttled=0b1000)):
        seconds, said = waited(board)
        assert seconds == PATIENCE
        assert said[-1] == "the device did not cool down within 5 minutes"


def test_without_the_compiler(here: Path, tiny_bundle: TinyBundle) -> None:
    """Fails where a board that runs and times bundles would need what compiles them."""
    bundle = tiny_bundle("host")
    Image.fromarray(scene(24, 20, 0)).save(here / "a.png")
    program = """
import sys
for name in ("onnx", "onnxruntime", "tvm", "torch", "scipy", "matplotlib", "jinja2"):
    sys.modules[name] = None
from biisnet.tools.cli import main
main()
"""
    bench, run = (["bench", "--runs", "1", "--stages", "1"], ["run", "a.png", "-o", "o", "--overlay"])
    for word, *arguments in (bench, run):
        command = [sys.executable, "-c", program, word, str(bundle), *arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_where_the_plot_cannot_be_written(cli: Callable[..., Any], here: Path, tiny_bundle: TinyBundle) -> None:
    done = cli("bench", tiny_bundle("host"), "--plot", "nowhere/p.png")
    assert "nowhere/p.png: there is no folder nowhere" in done.message
    assert "device" not in done.err
