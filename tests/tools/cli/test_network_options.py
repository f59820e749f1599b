# SPDX-License-Identifier: Apache-2.0
"""`--task`, `--mean`, `--std`, and the options of `run` for classes and maps."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image

from biisnet.compile.verification.scene import scene

TINY = ("--target", "host", "--size", "24x20")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--mean", "a,b"), "--mean a,b: give a number, or one for each channel with commas between"),
        (("--std", "0"), "--mean 0 --std 0: give finite numbers, of --std above 0"),
        (("--mean", "1,2", "--std", "1,2,3"), "--mean has 2 numbers, --std 3; give one for each channel"),
        (("--mean", "1,2,3"), "--mean and --std are of 3 channels, its image is [1, 1, "),
        (("--task", "seeing"), "--task seeing: give map, detection, segmentation or classification"),
        (("--task", "classification"), "its task is said to be classification, whose output is scores [1, N]"),
    ],
)
def test_refused(options: tuple[str, ...], message: str, refused: Callable[..., str], tiny_onnx: Path) -> None:
    assert message in refused("compile", tiny_onnx, *TINY, "-o", "bundle", *options)


def test_a_preset_is_called_by_its_name(refused: Callable[..., str]) -> None:
    """Fails where an error names a file within the package, which no user gave."""
    for words in ((), ("biisnet-lite",), ("--precision", "float32")):
        name = "biisnet-lite" if words[:1] == ("biisnet-lite",) else "biisnet"
        error = refused("compile", *words, "--task", "map", "--scores", "1,0", "-o", "bundle")
        assert error.startswith(f"{name}: is for map; --scores is for detection, leave it out"), error


@pytest.mark.parametrize("command", [("compile", "-o", "bundle"), ("tune", "--db", "db"), ("analyze",)])
def test_a_network_without_sign(command: tuple[str, ...], refused: Callable[..., str], here: Path) -> None:
    """Fails where an option that is for nothing is taken without a word."""
    error = refused(*command, "biisnet-lite", "--sign-of-zero", "+1")
    assert error == "biisnet-lite: has no Sign, whose 0 --sign-of-zero is of; leave it out"
    assert not list(here.iterdir())


@pytest.mark.parametrize("option", [("--precision", "int8"), ("--db", "db"), ("--threads", "2")])
def test_analyze_without_a_target(option: tuple[str, str], refused: Callable[..., str]) -> None:
    assert (
        refused("analyze", *option)
        == f"{option[0]} is for --target; without it operations are counted, the same of any"
    )


def test_levels_without_an_image(refused: Callable[..., str]) -> None:
    error = refused("verify", "bundle", "--golden", "--levels", "0:255")
    assert error == "--levels is of the frame of --image; give one, or leave it out"


def test_what_the_user_says(cli: Callable[..., Any], here: Path, tiny_onnx: Path) -> None:
    """The bundle has it: its task, the normalisation in levels, and where its file is from; it runs as such."""
    options = ("--task", "map", "--mean", "0.5", "--std", "0.25")
    done = cli("compile", tiny_onnx, *TINY, "-o", "bundle", *options)
    assert done.code == 0, done.err
    assert "normalised in the network: (level - 127.5) / 63.75, of levels 0 to 255" in done.err
    assert ", 480 values of the output within " in done.err.splitlines()[-1]
    manifest = json.loads((here / "bundle" / "manifest.json").read_text())
    model = manifest["model"]
    assert (manifest["task"], model["normalisation_mean"], model["normalisation_std"]) == ("map", "127.5", "63.75")
    assert model["prepared_from"] != model["sha256"]
    Image.fromarray(scene(24, 20)).save(here / "in.png")
    done = cli("run", "bundle", "in.png", "-o", "out", "--range", "0:1")
    assert (done.code, done.out) == (0, "in.png: 24x20, 24x20 values\n")
    assert "written out: frames.jsonl, values, pictures" in done.err
    values = np.load("out/in.values.npy")
    expected = np.rint(np.clip(values.astype(np.float64) * 255, 0, 255))
    np.testing.assert_array_equal(np.asarray(Image.open("out/in.png")), expected)
    for text in ("1:0", "a:b", "1", "0:inf"):
        assert (
            f"--range {text}: give which values are black and white"
            in cli("run", "bundle", "in.png", "--range", text).message
        )
    assert (
        "is for map; --labels and --top are for classification" in cli("run", "bundle", "in.png", "--top", "3").message
    )
    assert "480 values of the output within" in cli("inspect", "bundle").out


def test_in_integers(cli: Callable[..., Any], here: Path, checkpoint: Path) -> None:
    """Fails where the size of a network of open size is not known behind its normalisation."""
    done = cli("compile", checkpoint, *TINY, "--precision", "int8", "--std", "2", "-o", "bundle")
    assert done.code == 0, done.err
    assert json.loads((here / "bundle" / "manifest.json").read_text())["model"]["normalisation_std"] == "2"


def test_exported(cli: Callable[..., Any], here: Path, checkpoint: Path) -> None:
    """The file has it, too."""
    done = cli("export", checkpoint, "-o", "net.onnx", "--task", "segmentation", "--mean", "128", "--std", "64")
    assert done.code == 0, done.err
    told = {p.key: p.value for p in onnx.load("net.onnx").metadata_props}
    assert (told["task"], told["normalisation_mean"], told["normalisation_std"]) == ("segmentation", "128", "64")
