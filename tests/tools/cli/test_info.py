# SPDX-License-Identifier: Apache-2.0
"""`biisnet analyze`, `inspect`, `targets` and `doctor`, for people and as JSON."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import requires, version
from pathlib import Path

import onnx
import pytest

from biisnet.targets import TARGETS, emulator
from biisnet.targets.device_cost import DeviceCost
from biisnet.tools import doctor
from biisnet.tools.analysis import Analysis, StageCost
from biisnet.tools.analysis_table import table_of

from ...compile.recognise.networks import C, Net


def test_analyze_gives_the_papers_figures(cli: Callable) -> None:
    """10 K parameters and 0.35 G operations of the default network at 512x512."""
    lines = cli("analyze").out.splitlines()
    assert lines[-2].startswith("Params 9.756 K ")
    assert lines[-1] == "OPs    0.3501 G at 512x512"
    assert sum("BinaryConv2d" in line.split() for line in lines) == 14
    result = json.loads(cli("analyze", "--json").out)
    assert (round(result["params"]), round(result["ops"] / 1e9, 4)) == (9756, 0.3501)
    assert len(result["layers"]) == len(lines) - 3


def test_analyze_of_other_operators(cli: Callable, here: Path) -> None:
    """Fails where a file of another tool is counted as a network without binary layers."""
    net = Net()
    net.last = net.conv(net.op("Sign", net.op("Relu", net.stem())), net.signs(C, C, 3, 3))
    onnx.save(net.proto(net.last), "net.onnx")
    layers = json.loads(cli("analyze", "net.onnx", "--json").out)["layers"]
    assert [row["kind"] for row in layers if row["binary_macs"]] == ["BinaryConv2d"]


def test_analyze_with_what_is_said(cli: Callable, here: Path) -> None:
    """Fails where the network that is counted is not the one that these words compile: Sign(0) costs a second bit."""
    net = Net((1, 1, 8, 8))
    zero = net.op("Sub", net.op("Relu", net.stem(inputs=1)), net.op("Relu", net.stem(inputs=1)))
    onnx.save(net.proto(net.conv(net.op("Sign", zero), net.signs(C, C, 3, 3))), "net.onnx")
    said = ("--sign-of-zero", "-1", "--std", "255")
    counts = []
    for words in ((), said):
        done = cli("analyze", "net.onnx", "--json", *words)
        counts.append(sum(row["binary_macs"] for row in json.loads(done.out)["layers"]))
    assert "normalised in the network: (level - 0) / 255, of levels 0 to 255\n" in done.err
    assert "layers  1 of 3 convolutions are binary\n" in done.err
    assert 0 < counts[1] < counts[0]


@pytest.mark.emulator
def test_analyze_on_a_target(
    cli: Callable, refused: Callable[..., str], emulated: None, llvm: None, tiny_onnx: Path
) -> None:
    """A line a stage, in the order they run, and the sum; or what cannot be."""
    size = ("--size", "24x20")
    lines = cli("analyze", str(tiny_onnx), "--target", "rpi4", *size).out.splitlines()
    stages = ["normalise", "embedding", "bottleneck.0.dot.add", "probability"]
    assert [line.split()[0] for line in lines[1:-2]] == stages
    assert lines[0].endswith(" of bound")
    assert all(float(line.split()[-1]) > 1 for line in lines[1:-2])
    figures = r"^[0-9.]+ cycles, [0-9.]+ L1 misses and [0-9]+ bytes of DRAM traffic a pixel at 24x20"
    assert re.search(rf"{figures} on an emulated cortex-a72, one thread: [0-9.]+ ms, arena", lines[-1])
    result = json.loads(cli("analyze", str(tiny_onnx), "--target", "rpi4", *size, "--json").out)
    assert f"{result['cycles_per_pixel']:.1f}" == lines[-1].split()[0]
    charged = result["cycles"] / 1.5e9 + result["l1d_misses"] * 9.9 / 1.5e9 + result["dram_bytes"] / 4e9
    assert result["seconds"] == pytest.approx(charged)
    without = cli("analyze", str(tiny_onnx), "--target", "rpi4", *size, "--no-cache").out.splitlines()
    assert re.search(r"^[0-9.]+ cycles a pixel at 24x20 on an emulated cortex-a72, one thread, arena", without[-1])
    assert without[-1].split()[0] == lines[-1].split()[0]
    assert [s["name"] for s in result["stages"]] == stages
    assert "no emulator" in refused("analyze", str(tiny_onnx), "--target", "host", *size)
    assert "unknown target" in refused("analyze", "--target", "rpi9")


@pytest.mark.emulator
def test_analyze_on_another_core(cli: Callable, emulated: None, llvm: None, tiny_onnx: Path) -> None:
    """Fails where the Cortex-A72's bound is said of the Cortex-A76."""
    size = ("--size", "24x20")
    said = cli("analyze", str(tiny_onnx), "--target", "rpi5", *size).out
    assert "on an emulated cortex-a76" in said
    assert "of bound" not in said
    result = json.loads(cli("analyze", str(tiny_onnx), "--target", "rpi5", *size, "--json").out)
    assert [s["bound"] for s in result["stages"]] == [None] * 4
    assert all(s["cycles"] > 0 for s in result["stages"])
    assert result["l1d_misses"] is not None
    assert result["seconds"] is None  # nobody has measured what they cost there
    assert result["memory"] is None
    assert " us " not in said
    assert " ms, " not in said


def test_columns_are_of_what_is_known() -> None:
    """Fails where a dash's column stands beside nothing else, or the share is of cycles where the time is known."""
    counted = DeviceCost(300.0, 20, 640)
    timed = DeviceCost(300.0, 20, 640, 2e-6)
    for cost, other, columns, share in (
        (DeviceCost(300.0), DeviceCost(100.0), [], "75.0%"),
        (counted, DeviceCost(100.0, 0, 0), ["2.00", "64.0"], "75.0%"),
        (timed, DeviceCost(100.0, 0, 0, 3e-6), ["2.00", "64.0", "2.0"], "40.0%"),
    ):
        stage = StageCost("a", "bn_load", 0, 0, 64, cost, None)
        title, row, between, _ = table_of(
            Analysis("rpi4", "cortex-a72", (2, 5), (stage,), other, cost + other, 1 << 20)
        )
        assert row.split()[5:] == ["30.0", *columns, share]
        assert len(title) == len(row) == len(between)
        assert ("us" in title.split(), "misses/pixel" in title.split()) == (cost is timed, bool(columns))


def test_the_bound_has_a_column_where_one_is_known() -> None:
    """Fails where cycles stand beside no bound, or a dash's column beside nothing else."""
    known = StageCost("a", "bn_load", 0, 0, 64, DeviceCost(300.0), 200.0)
    unknown = replace(known, bound=None)
    for stage, heading, share in ((known, True, "1.50"), (unknown, False, "90.9%")):
        analysis = Analysis("rpi5", "cortex-a76", (2, 5), (stage,), DeviceCost(30.0), DeviceCost(330.0), 1 << 20)
        title, row, between, _ = table_of(analysis)
        assert title.endswith(" of bound") == heading
        assert row.split()[-1] == share
        assert len(title) == len(row)
        assert between.split()[-2:] == ["3.0", "9.1%"]


def test_analyze_at_a_size(cli: Callable, refused: Callable[..., str], here: Path, tiny_onnx: Path) -> None:
    assert json.loads(cli("analyze", "--size", "256x256", "--json").out)["size"] == [256, 256]
    model = onnx.load(tiny_onnx)
    for dim, side in zip(model.graph.input[0].type.tensor_type.shape.dim[2:], (40, 48), strict=True):
        dim.dim_value = side
    onnx.save(model, here / "fixed.onnx")
    assert cli("analyze", "fixed.onnx").out.endswith("at 40x48\n")
    assert "is fixed at 40x48" in refused("analyze", "fixed.onnx", "--size", "8x8")
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2
    onnx.save(model, here / "batch.onnx")
    assert "a batch of 1" in refused("analyze", "batch.onnx")
    assert "nosuch: no such file or preset" in refused("analyze", "nosuch")


def test_inspect(cli: Callable, tiny_bundle: Callable[[str], Path]) -> None:
    bundle = tiny_bundle("host")
    manifest = json.loads((bundle / "manifest.json").read_text())
    for form in (bundle, bundle.with_name("tiny-host.tar")):
        assert json.loads(cli("inspect", form, "--json").out) == manifest
        out = cli("inspect", form).out
        assert "(random weights, seed 0)" in out
        assert "input    image float32 [1, 1, 24, 20]" in out
        assert "4 stages" in out
        assert "file     lib/libbiisnet_model.so" in out
        assert "verified on this machine" in out


def test_inspect_a_bundle_for_another_machine(cli: Callable, tiny_bundle: Callable[[str], Path]) -> None:
    assert "target   rpi3: cortex-a53, aarch64-linux-gnu, glibc 2.28" in cli("inspect", tiny_bundle("rpi3")).out


def test_targets(cli: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = cli("targets").out.splitlines()
    assert [line.split()[0] for line in lines] == list(TARGETS)
    rows = json.loads(cli("targets", "--json").out)
    assert {row["name"]: row["cpu"] for row in rows}["rpi4"] == "cortex-a72"
    monkeypatch.setattr(emulator.shutil, "which", lambda name: None)
    runs = {row["name"]: row["runs"] for row in json.loads(cli("targets", "--json").out)}
    assert runs["host"] == "here"
    assert runs["rpi4"] == "not here (no emulator)"


def test_doctor(cli: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing comes with the way to get it."""
    findings = json.loads(cli("doctor", "--json").out)
    assert {"what", "found", "detail"} == set(findings[0])
    whats = [f["what"] for f in findings]
    assert {"python", "package apache-tvm", "emulator", "target host"} <= set(whats)
    assert len(whats) == len(set(whats))
    monkeypatch.setattr(emulator.shutil, "which", lambda name: None)
    monkeypatch.setattr(doctor, "PACKAGES", {"torch-of-another-world": "train"})
    lines = cli("doctor").out.splitlines()
    assert "lack package torch-of-another-world: train: pip install '.[compile]' (in a clone)" in lines
    assert f"lack emulator: {emulator.MISSING}" in lines


def test_doctor_knows_every_package() -> None:
    """Fails where a package that an extra installs is not looked for, or another extra is named for it."""
    for requirement in requires("biisnet") or ():
        name, extra = re.fullmatch(r"([\w-]+)[^;]*(?:;.*extra == .(\w+).)?", requirement).groups()  # type: ignore[union-attr]
        if extra not in (None, "dev") and name not in ("apache-tvm-ffi", "biisnet"):  # apache-tvm's; extras
            assert name in doctor.PACKAGES
            assert extra == doctor.EXTRAS.get(name, "compile") or name in (
                "matplotlib",
                "onnx",
                "onnxscript",
                "pillow",
            )  # both extras'


def test_version(cli: Callable) -> None:
    assert cli("--version").out == f"biisnet {version('biisnet')}\n"
