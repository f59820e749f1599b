# SPDX-License-Identifier: Apache-2.0
"""`biisnet compile` and `biisnet-compile`: what they say, what they write, and from which models."""

import json
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper
from typer.testing import CliRunner

from biisnet.compile.pipeline import PROGRAM_PASSES, RELAX_PASSES
from biisnet.ops import DOMAIN, pack_weights
from biisnet.runtime import load
from biisnet.tools.cli.app import compile_app

from ...compile.frontend.models import model_of
from ...compile.recognise.networks import C, Net

TINY = ("--target", "host", "--size", "24x20")
RELAX = ["import_onnx", *(p.__name__ for p in RELAX_PASSES)]
PLANNED = [
    "prove_sums",
    "choose_layouts",
    "fold_relu",
    "fuse_pool_into_depthwise",
    "reuse_places",
    "build_kernels",
    "order_tasks",
    "size_rings",
    "plan_arena",
]
PROGRAM = ["cut_stages", *(p.__name__ for p in PROGRAM_PASSES), *PLANNED]
DUMPED = [*PROGRAM, "generate_code"]
LINKED = ["prepare_musl", "link_runner", "verify", "prepare_glibc", "link_library", "link_archive"]


def test_what_it_says_and_writes(here: Path, tiny_onnx: Path) -> None:
    """The resolved configuration, a line a pass, what was verified, and the bundle on standard output."""
    outcome = CliRunner().invoke(compile_app, [str(tiny_onnx), *TINY, "-o", "bundle", "--dump", "dump"])
    assert outcome.exit_code == 0
    lines = outcome.stderr.splitlines()
    assert re.fullmatch(r"model   \w+ \(random weights, seed 0\), 24x20, sha256 [0-9a-f]{12}", lines[0])
    assert re.fullmatch(r"target  host: [\w-]+, \w+-linux-gnu, glibc 2.28", lines[1])
    assert lines[2] == "output  bundle"
    (kernels,) = (line for line in lines if line.startswith("kernels "))
    assert re.fullmatch(r"kernels (\d): \1 by the default schedule, not tuned", kernels)
    lines.remove(kernels)
    lines = [line for line in lines if not line.startswith("note: zig builds its C library")]  # the first time
    steps = [re.fullmatch(r"\[(\d+)/(\d+)\] (\w+) … \d+\.\d s", line) for line in lines[3:-1]]
    assert all(steps)
    names = [step[3] for step in steps if step]
    assert [step[1] for step in steps if step] == [str(k + 1) for k in range(len(steps))]
    assert {step[2] for step in steps if step} == {str(len(steps))}
    assert names[: len(RELAX) + len(DUMPED)] == RELAX + DUMPED
    assert names[len(RELAX) + len(DUMPED) :] == LINKED
    assert lines[-1].startswith("verified on this machine against ONNX Runtime: 4 stages within ")
    assert re.fullmatch(
        r"\S+/here/bundle: library \d+ KB, tar \d+ KB \(sha256 [0-9a-f]{16}\), arena \d+ KB", outcome.stdout.strip()
    )
    assert sorted(p.name for p in here.iterdir()) == ["bundle", "bundle.tar", "dump"]

    dumped = {path.name: path.read_text() for path in (here / "dump").iterdir()}
    for number, name in enumerate(RELAX + DUMPED, 1):
        (text,) = (text for file, text in dumped.items() if file.startswith(f"{number:02}-{name}."))
        assert text.strip()
    assert "binary_conv2d" in dumped["01-import_onnx.relax.py"]
    assert "binary_conv2d" not in dumped["02-lower_layers.relax.py"]
    assert "writes bottleneck.0.dot.add.map" in dumped[f"{len(RELAX) + 1:02}-cut_stages.stages.txt"]
    assert "bn_binary_dot_c8_w20:" in dumped[f"{len(RELAX + DUMPED):02}-generate_code.s"]


def test_json(cli: Callable, here: Path, tiny_onnx: Path) -> None:
    """One JSON document, and nothing else on standard output."""
    outcome = cli("compile", tiny_onnx, *TINY, "-o", "bundle", "--json", "--no-verify")
    assert outcome.code == 0
    summary = json.loads(outcome.out)
    assert summary["bundle"] == str(here / "bundle")
    assert summary["tar_bytes"] == (here / "bundle.tar").stat().st_size
    assert summary["library_bytes"] == (here / "bundle" / "lib" / "libbiisnet_model.so").stat().st_size
    assert summary["verified"]["reason"] == "--no-verify was given"
    assert "not verified: --no-verify was given" in outcome.err


def test_a_checkpoint(cli: Callable, here: Path, checkpoint: Path) -> None:
    """A .safetensors file is exported on the way; its random weights are said to be random, in the manifest too."""
    outcome = cli("compile", checkpoint, *TINY, "--json")
    assert outcome.code == 0
    assert "random weights, seed 5" in outcome.err
    bundle = Path(json.loads(outcome.out)["bundle"])
    assert bundle == here / "custom-host-24x20"  # named by the model, the target and the size
    assert json.loads((bundle / "manifest.json").read_text())["model"]["seed"] == 5
    with load(bundle) as model:
        assert model.input_shape == (1, 1, 24, 20)


def test_another_preset(cli: Callable, here: Path) -> None:
    """Its weights are trained, which is said here, and in the manifest."""
    outcome = cli("compile", "biisnet-lite", "--target", "host", "--size", "16x16", "--no-verify")
    assert outcome.code == 0
    assert outcome.err.startswith("model   biisnet-lite (trained weights), 16x16, sha256 ")
    manifest = json.loads((here / "biisnet-lite-host-16x16" / "manifest.json").read_text())
    assert (manifest["model"]["weights"], manifest["model"].get("seed")) == ("trained", None)


@pytest.mark.parametrize(
    ("sides", "size", "note"),
    [
        (("H", "W"), (), "note: net.onnx leaves height and width open: 256x256, or what --size HxW says"),
        ((24, "W"), (), "note: net.onnx leaves width open: 24x256, or what --size HxW says"),
        (("H", "W"), ("--size", "24x20"), None),
        ((24, 20), (), None),
    ],
)
def test_open_size_is_told(
    sides: tuple[str | int, ...], size: tuple[str, ...], note: str | None, cli: Callable, here: Path
) -> None:
    """Fails where a file that leaves its size open is compiled for 256x256 with no word on how to ask for another."""
    net = Net((1, 1, *sides))
    onnx.save(net.proto(net.conv(net.op("Sign", net.stem(inputs=1)), net.signs(C, C, 3, 3))), "net.onnx")
    outcome = cli("compile", "net.onnx", "--target", "host", *size, "-o", "bundle", "--no-verify")
    assert outcome.code == 0, outcome.err
    assert [line for line in outcome.err.splitlines() if " open" in line] == [note] * (note is not None)


def test_bad_checkpoints(refused: Callable[..., str], here: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    save_file({"encoder.weight": torch.zeros(3)}, here / "names.safetensors")
    (here / "text.safetensors").write_text("weights, please")
    for command in (("compile",), ("export", "-o", "x.onnx"), ("analyze",)):
        assert "names.safetensors: tensor " in refused(*command, "names.safetensors")
        assert "text.safetensors: not a safetensors file" in refused(*command, "text.safetensors")
        assert "missing.safetensors: no such file" in refused(*command, "missing.safetensors")


@pytest.mark.parametrize("arguments", [["compile", "net.safetensors"], ["export", "biisnet", "-o", "x.onnx"]])
def test_no_torch(arguments: list[str], here: Path) -> None:
    """Where torch is missing, what needs it says how to get it."""
    (here / "net.safetensors").write_bytes(struct.pack("<Q", 2) + b"{}")
    call = "import sys; sys.modules['torch'] = None; from biisnet.tools.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", call, *arguments], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1].endswith("a checkpoint needs torch: pip install '.[train]' (in a clone)")
    assert [p.name for p in here.iterdir()] == ["net.safetensors"]


@pytest.mark.parametrize(
    "content", [b"", b"weights, please", struct.pack("<Q", 2) + b"[]", struct.pack("<Q", 9) + b"{}", b"\xff" * 20]
)
@pytest.mark.parametrize("command", [("compile",), ("export", "-o", "x.onnx")])
def test_no_checkpoint_and_no_torch(
    content: bytes, command: tuple[str], refused: Callable[..., str], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails where a file of the wrong kind sends its user to install torch."""
    monkeypatch.setitem(sys.modules, "torch", None)
    (here / "text.safetensors").write_bytes(content)
    why = "not a safetensors file; give a " if content else "is empty; export or copy it again"
    assert refused(*command, "text.safetensors").startswith(f"text.safetensors: {why}")


def test_an_onnx_file_needs_no_torch(here: Path, tiny_onnx: Path) -> None:
    call = "import sys; sys.modules['torch'] = None; from biisnet.tools.cli import compile_main; compile_main()"
    arguments = [str(tiny_onnx), *TINY, "-o", "bundle", "--json"]
    done = subprocess.run([sys.executable, "-c", call, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verified"]["device"] == "this machine"


def plain(folder: Path, name: str, binary: bool) -> Path:
    """A network without a name, as another program would write it: one convolution, binary or not."""
    rng = np.random.default_rng(0)
    constants = {
        "w": rng.normal(size=(1, 8, 1, 1)).astype(np.float32) / 8,
        "e": np.ones((8, 1, 3, 3), np.float32) / 900,
    }
    nodes = [helper.make_node("Conv", ["x", "e"], ["map"], pads=[1, 1, 1, 1])]
    if binary:
        constants |= {
            "bits": pack_weights(rng.random((8, 8, 3, 3)) < 0.5),
            "scale": np.full(8, 0.05, np.float32),
            "offset": np.zeros(8, np.float32),
            "levels": np.array([-1, 1], np.float32),
            "weight_levels": np.array([[-1, 1]], np.float32),
            "threshold": np.full(1, 0.9, np.float32),
        }
        inputs = ["map", "bits", "scale", "offset", "levels", "weight_levels", "threshold"]
        nodes.append(helper.make_node("BinaryConv2d", inputs, ["dot"], domain=DOMAIN, channels=8, pads=[1, 1, 1, 1]))
    nodes += [
        helper.make_node("Conv", ["dot" if binary else "map", "w"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["y"]),
    ]
    onnx.save(model_of(nodes, constants, (1, 1, "h", "w")), folder / name)
    return folder / name


def test_a_network_without_binary_convolutions(cli: Callable, refused: Callable, here: Path) -> None:
    """Fails where it compiles like any other, and is praised for 0 of 0 equal accumulators."""
    network = plain(here, "floats.onnx", binary=False)
    said = refused("compile", network, *TINY, "-o", "bundle")
    assert said == (
        f"{network}: has no binary convolution, all of it is floating point; give the binarized network, or "
        "--allow-float to compile it as it is [BN201]"
    )
    done = cli("compile", network, *TINY, "-o", "bundle", "--allow-float")
    assert done.code == 0, done.err
    assert ", no binary convolution, 0 of 480 mask pixels differ" in done.err.splitlines()[-1]
    assert "no binary convolution" in cli("inspect", "bundle").out
    assert "0 of 0" not in done.err + cli("inspect", "bundle").out
    assert cli("verify", "bundle").code == 0


@pytest.mark.parametrize("word", ["0", "plus", "+2"])
def test_a_sign_of_zero_that_is_none(refused: Callable, here: Path, word: str) -> None:
    """Fails where a word that is no sign is taken for one."""
    network = plain(here, "floats.onnx", binary=False)
    said = refused("compile", network, *TINY, "-o", "bundle", "--sign-of-zero", word)
    assert said == f"--sign-of-zero {word}: give +1 or -1"


def test_a_network_without_a_name(cli: Callable, here: Path) -> None:
    """Fails where the bundle's copy is called otherwise, and so makes another plan: `compiled by another version`."""
    network = plain(here, "hand made.onnx", binary=True)
    done = cli("compile", network, *TINY, "-o", "bundle", "--report")
    assert done.code == 0, done.err
    assert (here / "bundle.html").stat().st_size
    assert json.loads((here / "bundle" / "manifest.json").read_text())["model"]["name"] == "hand made"
    (here / "bundle").rename(here / "moved")
    done = cli("verify", "moved")
    assert done.code == 0, done.err
    assert "1 of 1 binary convolutions equal" in done.out
    assert cli("report", "moved").code == 0
