# SPDX-License-Identifier: Apache-2.0
"""The networks of examples/, an eighth as wide and small: recognised wholly, compiled, verified on the emulated board.

All their layers are there. In full size each is compiled by a command (docs/zoo.md).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from biisnet.compile.frontend import load_model
from biisnet.compile.frontend.prepare import Normalisation, prepare
from biisnet.compile.pipeline import compile_model
from biisnet.compile.recognise import Recognised, recognise
from biisnet.targets import resolve

pytest.importorskip("torch")

from examples.__main__ import export, main
from examples.networks import NETWORKS

SIDES = {"quicknet": 32, "bireal18": 32, "reactnet-a": 32, "binarydensenet28": 32, "cnv": 32, "tfc": 28, "bbcu": 8}
"""Networks and the sides of their images; those that are left out differ from one of them in widths alone."""
EXPORTERS = ["torchscript", "dynamo"]


def recognised(name: str, exporter: str, folder: Path, sign_of_zero: int | None = 1) -> Recognised:
    """A network as an exporter writes it, taken by levels of 0 to 255 as frames have them."""
    path, side, network = folder / f"{name}.onnx", SIDES[name], NETWORKS[name]
    export(name, (side, side), min(network.classes, 10), path, dynamo=exporter == "dynamo", narrow=8)
    pixels = Normalisation.of([], [255.0]) if name in ("cnv", "tfc") else None
    return recognise(prepare(load_model(path), normalisation=pixels), None, sign_of_zero)


@pytest.mark.emulator
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SIDES)
def test_network(name: str, tmp_path: Path) -> None:
    """Fails where a layer of a public network is not taken, or its bundle computes something else."""
    exporter = EXPORTERS[list(SIDES).index(name) % 2]
    found = recognised(name, exporter, tmp_path)
    network = NETWORKS[name]
    assert (sum(row.is_binary for row in found.table), len(found.table)) == (network.binary, network.layers)
    verified = compile_model(found, None, resolve("rpi4"), tmp_path / "bundle", say=lambda _: None).verified
    assert verified.device
    # of every stage, of which one may have two of them side by side
    assert verified.binary_stages_read == verified.binary_stages >= (26 if name == "reactnet-a" else network.binary)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["quicknet", "bireal18", "tfc"])
def test_the_other_exporter(name: str, tmp_path: Path) -> None:
    """Fails where it depends on PyTorch's exporter what is recognised; zero is no sign that nobody has spoken for."""
    exporter = EXPORTERS[1 - list(SIDES).index(name) % 2]
    found = recognised(name, exporter, tmp_path, None)
    network = NETWORKS[name]
    assert (sum(row.is_binary for row in found.table), len(found.table)) == (network.binary, network.layers)
    assert any("two bits an activation" in note for note in found.notes) == (name == "bireal18")


def test_the_rest() -> None:
    """Fails where a network that is not compiled here is of no family that is."""
    assert {n for n in NETWORKS if n not in SIDES} == {"quicknet-small", "quicknet-large", "sfc", "lfc"}


def test_same_bytes(tmp_path: Path) -> None:
    """Fails where weights are others each time."""
    for n in "ab":
        export("tfc", (8, 8), 4, tmp_path / n, dynamo=False, narrow=8)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Fails where the command does not write what its options say, or a wrong name is more than a line."""
    path = tmp_path / "net.onnx"
    main(["tfc", "--size", "8x12", "--classes", "3", "--narrow", "8", "--exporter", "torchscript", "-o", str(path)])
    graph = load_model(path).proto.graph
    shapes = [[d.dim_value for d in v.type.tensor_type.shape.dim] for v in (graph.input[0], graph.output[0])]
    assert shapes == [[1, 1, 8, 12], [1, 3]]
    with pytest.raises(SystemExit) as wrong:
        main(["resnet"])
    assert wrong.value.code == 2
    assert "invalid choice" in capsys.readouterr().err.splitlines()[-1]


def test_examples_know_nothing_of_the_compiler() -> None:
    """Fails where an example is written for this compiler: it imports PyTorch and the standard library."""
    code = "import sys, examples.__main__; print(*(m for m in sys.modules if m.split('.')[0] == 'biisnet'))"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert not done.stdout.split()
