# SPDX-License-Identifier: Apache-2.0
"""Targets, sizes and places that cannot be: one line, exit code 2, nothing left."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from biisnet.compile.verification.scene import scene
from biisnet.runtime.bundle import SUMS, sums_text

Refused = Callable[..., str]
TINY = ("compile", "--target", "host", "--size", "24x20")


def test_an_unknown_target(refused: Refused) -> None:
    assert refused("compile", "--target", "rpi9").startswith("unknown target 'rpi9': choose one of rpi4, ")


@pytest.mark.parametrize("size", ["8", "8x", "0x8", "8x0", "-1x4", "axb", "8 x8", "8x8x8", "9000x8", "٣x٣", ""])
@pytest.mark.parametrize("command", [("compile",), ("analyze",)])
def test_a_bad_size(size: str, command: tuple[str], refused: Refused) -> None:
    said = refused(*command, "--size", size)
    assert said == f"--size {size}: give HEIGHTxWIDTH, each 1 to 8192, for example 256x320"


@pytest.mark.parametrize("place", ["file/bundle", "file/deep/bundle", "/proc/bundle", "/proc/deep/bundle"])
def test_an_output_that_cannot_be_written(place: str, refused: Refused, here: Path, tiny_onnx: Path) -> None:
    (here / "file").write_text("")
    said = refused(*TINY, tiny_onnx, "-o", place)
    assert said.startswith(f"{place}: cannot be written: ")
    assert said.endswith("give another -o")


def test_an_output_that_is_something_else(refused: Refused, here: Path, tiny_onnx: Path) -> None:
    (here / "folder").mkdir()
    (here / "folder" / "thesis.tex").write_text("all of it")
    (here / "file").write_text("")
    (here / "taken.tar").mkdir()
    for name in ("folder", "file", ".", "/"):
        assert refused(*TINY, tiny_onnx, "-o", name) == f"{name}: exists and is no bundle; give another -o"
    assert "taken.tar: is a folder" in refused(*TINY, tiny_onnx, "-o", "taken")
    assert (here / "folder" / "thesis.tex").read_text() == "all of it"


@pytest.mark.parametrize("place", ["file", "file/dump", "/proc/dump"])
def test_a_dump_that_cannot_be_written(place: str, refused: Refused, here: Path, tiny_onnx: Path) -> None:
    (here / "file").write_text("")
    assert place in refused(*TINY, tiny_onnx, "-o", "deep/bundle", "--dump", place)


@pytest.mark.parametrize(
    "arguments",
    [("frobnicate",), ("run",), ("run", "bundle"), ("export", "biisnet"), ("compile", "--frob"), ("inspect",)],
)
def test_usage(arguments: tuple[str, ...], refused: Refused) -> None:
    assert refused(*arguments)


def test_a_name_out_of_the_file_is_no_path(cli: Callable, here: Path, tiny_onnx: Path) -> None:
    """The default output is named by the model, and a file may say of itself that it is `../../x`."""
    import onnx

    proto = onnx.load(tiny_onnx)
    next(p for p in proto.metadata_props if p.key == "model").value = "../up/and away"
    onnx.save(proto, here / "model.onnx")
    outcome = cli(*TINY, "model.onnx", "--no-verify", "--json")
    assert outcome.code == 0
    bundle = Path(json.loads(outcome.out)["bundle"])
    assert bundle == here / ".._up_and_away-host-24x20"
    assert bundle.is_dir()


def test_a_damaged_bundle(refused: Refused, here: Path, tiny_bundle: Callable[[str], Path]) -> None:
    """Missing or cut files, a manifest without a field: every command that reads bundles says so."""
    image = "anything.png"
    Image.fromarray(scene(24, 20)).save(here / image)
    bundle = Path(shutil.copytree(tiny_bundle("host"), here / "bundle"))
    manifest = json.loads((bundle / "manifest.json").read_text())
    commands: tuple[tuple[str | Path, ...], ...] = (
        ("inspect", bundle),
        ("verify", bundle),
        ("run", bundle, image),
        ("bench", bundle),
        ("report", bundle),
    )
    for command in commands:
        for field in ("schema", "abi", "model", "inputs", "outputs", "threshold", "target", "glibc", "files"):
            rest = {k: v for k, v in manifest.items() if k != field}
            (bundle / "manifest.json").write_text(json.dumps(rest))
            assert "compile the model again" in refused(*command)
    for name, field in (("inspect", "stages"), ("inspect", "verification"), ("verify", "plan_sha256")):
        rest = {k: v for k, v in manifest.items() if k != field}
        (bundle / "manifest.json").write_text(json.dumps(rest))
        (bundle / SUMS).write_text(sums_text(bundle, manifest["files"]))
        assert "compile it again" in refused(name, bundle)
    (bundle / "manifest.json").write_text(json.dumps(manifest | {"inputs": []}))
    assert "compile the model again" in refused("verify", bundle)
    (bundle / "manifest.json").write_text("{")
    for command in commands:
        assert "copy the bundle again" in refused(*command)
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    (bundle / "lib" / "libbiisnet_model.so").write_bytes(b"")
    for command in commands:
        assert "libbiisnet_model.so: differs from its sha256" in refused(*command)
    shutil.rmtree(bundle / "lib")
    for command in commands:
        assert "libbiisnet_model.so: is missing" in refused(*command)
    for command in (("inspect", "nothing"), ("verify", "nothing"), ("run", "nothing", image)):
        assert refused(*command) == "nothing: does not exist; give a bundle's directory or its .tar"
