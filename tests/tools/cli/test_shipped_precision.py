# SPDX-License-Identifier: Apache-2.0
"""The shipped networks are compiled in integers where nothing is said, everything else in float32."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from biisnet.model import shipped_integers, shipped_onnx

SMALL = ("--target", "host", "--size", "32x32", "--no-verify", "-o", "bundle")


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def compiled(cli: Callable[..., Any], here: Path, *arguments: object) -> tuple[str, str, str]:
    """(SHA-256 of the bundle's network, dtype of its input, what was said) of `biisnet compile`."""
    done = cli("compile", *arguments, *SMALL)
    assert done.code == 0, done.err
    manifest = json.loads((here / "bundle" / "manifest.json").read_text())
    return sha256_of(here / "bundle" / "model.onnx"), manifest["inputs"][0]["dtype"], done.err


def test_without_a_word(cli: Callable[..., Any], here: Path) -> None:
    """Fails where a shipped network is compiled as floats, or calibrated anew."""
    for arguments in (("biisnet-lite",), ("biisnet-lite", "--precision", "int8")):
        digest, dtype, said = compiled(cli, here, *arguments)
        path = shipped_integers("biisnet-lite")
        assert path is not None
        assert (digest, dtype) == (sha256_of(path), "uint8")
        assert "calibrated on" not in said


def test_float32(cli: Callable[..., Any], here: Path) -> None:
    """Fails where the float network is no longer to be had."""
    digest, dtype, _ = compiled(cli, here, "biisnet-lite", "--precision", "float32")
    path = shipped_onnx("biisnet-lite")
    assert path is not None
    assert (digest, dtype) == (sha256_of(path), "float32")


def test_others_stay_floats(cli: Callable[..., Any], here: Path, tiny_onnx: Path) -> None:
    """Fails where a network of the user's loses precision that nobody gave up."""
    assert compiled(cli, here, tiny_onnx)[1] == "float32"


def test_frames_of_the_user(cli: Callable[..., Any], here: Path) -> None:
    """Fails where frames that are given count for nothing."""
    assert cli("scenes", "-o", "scenes", "--count", "2", "--size", "32x32").code == 0
    digest, dtype, said = compiled(cli, here, "biisnet-lite", "--calibrate", "scenes")
    path = shipped_integers("biisnet-lite")
    assert path is not None
    assert digest != sha256_of(path)
    assert dtype == "uint8"
    assert "calibrated on 2 frames of scenes" in said


@pytest.mark.usefixtures("llvm", "emulated")
def test_what_is_analyzed_is_what_is_compiled(cli: Callable[..., Any]) -> None:
    """Fails where costs are those of another precision than the compiler's."""
    options = ("analyze", "biisnet-lite", "--target", "rpi4", "--size", "16x16", "--no-cache", "--json")
    found = [json.loads(cli(*options, *rest).out) for rest in ((), ("--precision", "int8"), ("--precision", "float32"))]
    assert found[0] == found[1]
    assert found[0]["cycles"] < found[2]["cycles"]
