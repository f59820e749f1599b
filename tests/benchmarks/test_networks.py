# SPDX-License-Identifier: Apache-2.0
"""Networks that do not come with the package: by the names of examples/ and as ONNX files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from benchmarks.agreement import reference_output
from benchmarks.case import CASES, Case
from benchmarks.engines import ENGINES
from benchmarks.networks import SAID, chosen_cases, examples
from biisnet.compile.errors import CompileError
from biisnet.compile.frontend.prepare import Normalisation
from biisnet.tools.said import Said

pytest.importorskip("torch")


def chosen(names: list[str], folder: Path, size: tuple[int, int] | None = None, said: Said | None = None) -> list[Case]:
    """The cases of names."""
    return chosen_cases(names, size, said or Said(), folder / "made", lambda _: None)


def mean_file(path: Path, side: int | str, element: int = onnx.TensorProto.FLOAT) -> Path:
    """A network of colour images to the mean of each channel."""
    sides = [side, side]
    image = onnx.helper.make_tensor_value_info("picture", element, [1, 3, *sides])
    mean = onnx.helper.make_tensor_value_info("means", onnx.TensorProto.FLOAT, [1, 3, 1, 1])
    nodes = [
        onnx.helper.make_node("Cast", ["picture"], ["x"], to=onnx.TensorProto.FLOAT),
        onnx.helper.make_node("GlobalAveragePool", ["x"], ["means"]),
    ]
    model = onnx.helper.make_model(
        onnx.helper.make_graph(nodes, "net", [image], [mean]),
        opset_imports=[onnx.helper.make_opsetid("", 18)],
        ir_version=9,
    )
    onnx.save(model, path)
    return path


def test_shipped_ones_where_none_is_named(tmp_path: Path) -> None:
    assert chosen([], tmp_path) == list(CASES)
    small = chosen(["biisnet"], tmp_path, (64, 32))
    assert small == [Case("biisnet", 64, 32)]  # once, and other engines run it


@pytest.mark.filterwarnings("ignore")
def test_example(tmp_path: Path) -> None:
    """Fails where a name is no network, its pixels are not what it was made for, or other engines get another file."""
    shipped, example = chosen(["tfc", "biisnet-lite"], tmp_path)
    assert shipped.is_shipped
    assert not example.is_shipped
    assert (example.network, example.size, example.channels, example.peers) == ("tfc", "28x28", 1, True)
    assert example.frame().shape == (1, 1, 28, 28)
    assert example.model().metadata["normalisation_std"] == "255"
    assert reference_output(example).shape == (1, 10)
    assert [e.name for e in ENGINES.values() if e.runs(example)] == ["biisnet", "onnxruntime", "tvm"]
    assert Case.from_json(example.to_json()) == example


def test_all_that_is_said_is_of_an_example() -> None:
    assert set(SAID) <= set(examples())


@pytest.mark.parametrize("side", ["S", 8])
def test_file(side: int | str, tmp_path: Path) -> None:
    """Fails where engines are given a file without a size, or without what was said of its pixels."""
    said = Said(normalisation=Normalisation.of([], [2.0]), sign_of_zero=1)
    (case,) = chosen([str(mean_file(tmp_path / "net.onnx", side))], tmp_path, (8, 8), said)
    assert (case.network, case.size, case.channels, case.sign_of_zero) == ("net", "8x8", 3, 1)
    found = reference_output(case)
    assert found.ravel() == pytest.approx(case.frame().mean((2, 3)).ravel() / 2)
    dims = case.model().proto.graph.input[0].type.tensor_type.shape.dim
    assert [d.dim_value for d in dims] == [1, 3, 8, 8]


def test_file_of_bytes(tmp_path: Path) -> None:
    """Fails where a network of bytes is given floats."""
    (case,) = chosen([str(mean_file(tmp_path / "net.onnx", 8, onnx.TensorProto.UINT8))], tmp_path)
    assert case.frame().dtype == np.uint8
    assert reference_output(case).shape == (1, 3, 1, 1)


def test_what_cannot_be_chosen_is_one_line(tmp_path: Path) -> None:
    """Fails where a wrong name, or an option that is for nothing, is measured all the same."""
    file = str(mean_file(tmp_path / "biisnet.onnx", 8))
    wrong = {
        "unknown: resnet; choose among .*quicknet.*, or give an ONNX file": (["resnet"], None, None),
        "leave them out": (["biisnet"], None, Said(sign_of_zero=1)),
        "two are called biisnet": ([file, "biisnet"], None, None),
        "is fixed at 8x8, --size asks for 9x9": ([file], (9, 9), None),
        "cannot be read": ([str(tmp_path / "none.onnx")], None, None),
    }
    for line, (names, size, said) in wrong.items():
        with pytest.raises(CompileError, match=line):
            chosen(names, tmp_path, size, said)
