# SPDX-License-Identifier: Apache-2.0
"""`biisnet verify`: the command; the proof's own tests are in verification/test_check.py."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from biisnet.compile.pipeline import PLAN_STEPS
from biisnet.compile.verification.scene import scene
from biisnet.targets import emulator

from .conftest import Outcome
from .damage import damaged

TinyBundle = Callable[[str], Path]


def test_a_good_bundle(cli: Callable, here: Path, tiny_bundle: TinyBundle) -> None:
    Image.fromarray(scene(60, 50, 3)).save(here / "frame.png")
    outcome = cli("verify", tiny_bundle("host"), "--image", "frame.png", "--threads", "2")
    assert outcome.code == 0
    assert outcome.out.startswith("verified on this machine against ONNX Runtime: 4 stages within ")
    assert f"[1/{len(PLAN_STEPS)}] import_onnx … " in outcome.err
    result = json.loads(cli("verify", tiny_bundle("host"), "--json").out)
    assert (result["device"], result["mask_pixels_differing"]) == ("this machine", 0)


def test_refused(refused: Callable[..., str], here: Path, tiny_bundle: TinyBundle) -> None:
    bundle = Path(shutil.copytree(tiny_bundle("host"), here / "bundle"))
    data = bytearray((bundle / "bin" / "biisnet-run").read_bytes())
    data[len(data) // 2] ^= 1
    (bundle / "bin" / "biisnet-run").write_bytes(data)
    assert "biisnet-run: differs from its sha256" in refused("verify", bundle)


def test_by_the_golden_files(cli: Callable[..., Outcome], here: Path, tiny_bundle: TinyBundle) -> None:
    """No pass runs; a wrong result and a runner that fails are disproofs."""
    bundle = tiny_bundle("host")
    outcome = cli("verify", bundle, "--golden")
    assert outcome.code == 0, outcome.err
    assert outcome.out.startswith("checked on this machine by the bundle's golden files: 0 of 480 mask pixels differ, ")
    assert outcome.err == ""
    result = json.loads(cli("verify", bundle, "--golden", "--threads", "2", "--json").out)
    assert (result["reference"], result["mask_pixels"], result["mask_pixels_differing"]) == ("golden files", 480, 0)
    assert "give one of them" in cli("verify", bundle, "--golden", "--image", "frame.png").message
    golden = (bundle / "golden" / "probability.f32").read_bytes()
    wrong = damaged(bundle, here / "wrong", "golden/probability.f32", bytes(len(golden)))
    assert "the golden frame's result is wrong: " in cli("verify", wrong, "--golden").error(1)
    short = damaged(bundle, here / "short", "golden/probability.f32", golden[:-4])
    assert "gave 1920 bytes instead of 1916" in cli("verify", short, "--golden").error(1)
    broken = damaged(bundle, here / "broken", "bin/biisnet-run", b"#!/bin/sh\necho no luck >&2\nexit 3\n")
    assert "the runner failed on this machine: " in cli("verify", broken, "--golden").error(1)


@pytest.mark.parametrize(("name", "message"), [("text.png", "not an image"), ("missing.png", "no such file")])
def test_a_wrong_image_is_refused_at_once(
    name: str, message: str, cli: Callable[..., Outcome], here: Path, tiny_bundle: TinyBundle
) -> None:
    """Fails where all passes run before the image is looked at."""
    (here / "text.png").write_text("a photograph")
    outcome = cli("verify", tiny_bundle("host"), "--image", name)
    assert outcome.message.startswith(f"{name}: {message}")
    assert "import_onnx" not in outcome.err


def test_without_an_emulator_it_is_no_success(
    refused: Callable[..., str], tiny_bundle: TinyBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tiny_bundle("rpi4")
    monkeypatch.setattr(emulator.shutil, "which", lambda name: None)
    assert refused("verify", bundle) == f"{bundle}: not verified: {emulator.MISSING}"
