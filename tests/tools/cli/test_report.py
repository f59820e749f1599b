# SPDX-License-Identifier: Apache-2.0
"""The report: one page that needs no other file, with a bundle's own figures, as a browser shows it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from biisnet.runtime.bundle import SUMS, sums_text
from biisnet.targets.cores import CORTEX_A72, Issue
from biisnet.tools.report import peaks

TinyBundle = Callable[[str], Path]
Cli = Callable[..., Any]
CHROMIUM = shutil.which("chromium")


def shown(page: Path) -> str:
    """The document after a headless browser has read it, script errors and missing files being failures."""
    if CHROMIUM is None:
        pytest.skip("no browser (Debian: chromium)")
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--enable-logging=stderr",
        f"--user-data-dir={page.parent}/profile",
    ]
    done = subprocess.run(
        [CHROMIUM, *options, "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "CONSOLE" not in done.stderr, done.stderr
    return done.stdout


@pytest.mark.emulator
def test_of_a_board(cli: Cli, here: Path, tiny_bundle: TinyBundle, emulated: None, llvm: None) -> None:
    bundle = tiny_bundle("rpi4")
    done = cli("report", bundle, "-o", "r.html")
    assert done.code == 0, done.err
    assert done.err.count("] measure … ") == 1  # nothing is tuned, so that it is not measured twice
    text = (here / "r.html").read_text()
    assert not re.search(r"""(src|href)=["'](?!data:)|url\(|@import|<script""", text)  # all is within
    page = shown(here / "r.html")
    manifest = json.loads((bundle / "manifest.json").read_text())
    for stage in manifest["stages"]:
        assert f"<td>{stage['name']}</td>" in page
    assert page.count('<td class="text">pixels</td>') == len(manifest["stages"])
    for name, sha in manifest["files"].items():
        assert f"<td>{name}</td>" in page
        assert sha[:16] in page
    for heading in ("verification", "samples", "stages", "roofline", "arena", "kernels", "files"):
        assert f'<h2 id="{heading}">' in page
    assert page.count('<div class="cost"') == len(manifest["stages"])
    assert page.count("<img") == 3
    assert page.count("targets found, ") == 3
    for label in ("10 MAC/byte", "1 GMAC/s"):
        assert f">{label}</span>" in page
    assert f"{manifest['verification']['accumulators']} integer accumulators" in page
    measured = cli("analyze", bundle / "model.onnx", "--target", "rpi4", "--size", "24x20", "--json")
    cost = json.loads(measured.out)
    pixels = 24 * 20
    assert f"<b>{cost['cycles_per_pixel']:.1f}</b><span>model cycles a pixel</span>" in page
    assert f"<b>{cost['l1d_misses'] / pixels:.1f}</b><span>L1 misses a pixel</span>" in page
    assert f"<b>{cost['dram_bytes'] / pixels:.0f} bytes</b><span>DRAM traffic a pixel</span>" in page
    assert f"<b>{1e3 * cost['seconds']:.1f} ms</b><span>by the cost model, one thread at 1.5 GHz</span>" in page
    for stage in cost["stages"]:
        figures = [stage["cycles"] / pixels, stage["l1d_misses"] / pixels, 1e6 * stage["seconds"]]
        for figure in figures:
            assert f"<td>{figure:.2f}</td>" in page, stage["name"]
    assert "9.9 cycles for each miss" in page


def test_of_this_machine(cli: Cli, here: Path, tiny_bundle: TinyBundle) -> None:
    """Times instead of model cycles; and by its tar, under the default name."""
    shutil.copy(tiny_bundle("host").with_suffix(".tar"), here / "mine.tar")
    done = cli("report", "mine.tar")
    assert done.code == 0, done.err
    page = (here / "mine.html").read_text()
    assert "Median times of this machine" in page
    assert "<th>ms</th>" in page
    assert 'id="roofline"' not in page


@pytest.mark.emulator
def test_of_another_core(cli: Cli, here: Path, tiny_onnx: Path, emulated: None, llvm: None) -> None:
    """What is known of the Cortex-A72 alone is not said of others."""
    assert cli("compile", tiny_onnx, "--target", "rpi5", "--size", "24x20", "-o", "b").code == 0
    assert cli("report", "b").code == 0
    page = (here / "b.html").read_text()
    assert "L1 misses a pixel" in page
    assert "Cycles of an emulated cortex-a76" in page
    assert page.count('<div class="cost"')
    for absent in (
        '<div class="least"',
        'id="roofline"',
        "issue bound",
        "by the cost model",
        " ms</b>",
        "for each miss",
    ):
        assert absent not in page


def test_by_another_plan(cli: Cli, here: Path, tiny_bundle: TinyBundle) -> None:
    """Fails where figures of another program than the bundle's are shown as its."""
    bundle = shutil.copytree(tiny_bundle("host"), here / "b")
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["plan_sha256"] = "0" * 64
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    (bundle / SUMS).write_text(sums_text(bundle, manifest["files"]))
    assert cli("report", "b").message == "b: compiled by another version of biisnet; compile it again"
    assert not (here / "b.html").exists()


@pytest.mark.emulator
def test_what_tuning_gained(cli: Cli, here: Path, tiny_onnx: Path, emulated: None, llvm: None) -> None:
    """Each kernel as compiled and by default, both measured; where nothing is tuned, one is not measured twice."""
    options = ("--target", "rpi4", "--size", "24x20")
    assert cli("tune", tiny_onnx, *options, "--trials", "6", "--db", "db").code == 0
    assert cli("compile", tiny_onnx, *options, "--db", "db", "-o", "b").code == 0
    done = cli("report", "b")
    assert done.code == 0, done.err
    assert done.err.count("] measure … ") == 2
    kernels = json.loads((here / "b" / "manifest.json").read_text())["kernels"]
    tuned = [name for name, entry in kernels.items() if entry["record"]]
    assert tuned
    page = (here / "b.html").read_text()
    for name, entry in kernels.items():
        record = entry["record"]["database"] if entry["record"] else "default"
        found = re.search(
            rf"<code>{name}</code></td><td class=\"text\">([^<]*)</td><td class=\"text\">{record}</td>\n"
            r"<td>([\d.]+)</td><td>([\d.]+)</td><td>(-?[\d.]+) %</td>",
            page.replace("&#39;", "'"),
        )
        assert found, name
        assert found[1] == ", ".join(f"{k} {v}" for k, v in entry["schedule"].items())
        cost, default, less = map(float, found.groups()[1:])
        assert less == pytest.approx(100 * (1 - cost / default), abs=100 * 0.02 / default)
        # in the network a kernel finds in the cache what the others' schedules left there: some misses of 6.6 ns
        assert cost < default + 0.05 if entry["record"] else less == 0, (name, cost, default)
    total, untuned = map(float, re.findall(r"network takes ([\d.]+) .* beside it, ([\d.]+)\.", page)[0])
    assert total <= untuned


@pytest.mark.parametrize(
    ("output", "message"),
    [("nowhere/r.html", "nowhere/r.html: there is no folder nowhere"), (".", ".: is a folder; give a file")],
)
def test_where_it_cannot_be_written(output: str, message: str, cli: Cli, here: Path, tiny_bundle: TinyBundle) -> None:
    """Said before anything is measured."""
    done = cli("report", tiny_bundle("host"), "-o", output)
    assert message in done.message
    assert "[1/" not in done.err


def test_with_compile(cli: Cli, here: Path, tiny_onnx: Path) -> None:
    done = cli("compile", tiny_onnx, "--target", "host", "--size", "24x20", "-o", "b", "--report")
    assert done.code == 0, done.err
    assert "report  b.html" in done.err
    assert (here / "b.html").read_text().startswith("<!DOCTYPE html>")


def test_what_a_model_is_called_is_text(cli: Cli, here: Path, tiny_bundle: TinyBundle) -> None:
    """A name is a file's word and no markup."""
    bundle = shutil.copytree(tiny_bundle("host"), here / "b")
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["model"]["name"] = "<script>alert(1)</script>"
    manifest["verification"] = {"device": "", "reason": "<b>none</b>"}
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    (bundle / SUMS).write_text(sums_text(bundle, manifest["files"]))
    assert cli("report", "b").code == 0
    text = (here / "b.html").read_text()
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert "&lt;b&gt;none" in text


def test_a_manifest_of_someone_else(cli: Cli, here: Path, tiny_bundle: TinyBundle) -> None:
    bundle = shutil.copytree(tiny_bundle("host"), here / "b")
    manifest = json.loads((bundle / "manifest.json").read_text())
    for name in ("kernels", "verification", "tools"):
        broken = {k: v for k, v in manifest.items() if k != name}
        (bundle / "manifest.json").write_text(json.dumps(broken))
        (bundle / SUMS).write_text(sums_text(bundle, manifest["files"]))
        said = cli("report", "b").message
        assert "b: its manifest is not what biisnet-compile writes" in said
        assert not (here / "b.html").exists()


def test_peaks_of_a_core() -> None:
    """Fails where a core's slots and pipes do not make its roofs: of the Cortex-A72 two slots a cycle, one an integer
    instruction and two a float32 one."""
    assert CORTEX_A72.issue is not None
    assert peaks(CORTEX_A72.issue) == {"binary": pytest.approx(128 / 3 * 2), "float": 4.0}
    assert peaks(Issue(per_cycle=4, integer=2, float=1, interleave=1)) == {
        "binary": pytest.approx(128 / 6 * 4),
        "float": 16.0,
    }
