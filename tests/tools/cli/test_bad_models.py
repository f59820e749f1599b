# SPDX-License-Identifier: Apache-2.0
"""Every model that cannot be compiled: one line that names the file and the way out, exit code 2, nothing left."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, numpy_helper

Edited = Callable[[Callable[[ModelProto], object]], Path]
Refused = Callable[..., str]
COMPILE = ("compile", "--target", "host", "--size", "24x20", "-o", "deep/down/bundle")


def dims(proto: ModelProto, *sides: int | str) -> None:
    shape = proto.graph.input[0].type.tensor_type.shape
    del shape.dim[:]
    for side in sides:
        if isinstance(side, str):
            shape.dim.add().dim_param = side
        else:
            shape.dim.add().dim_value = side


def dtype(proto: ModelProto) -> None:
    proto.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8


def weight(proto: ModelProto, change: Callable[[np.ndarray], np.ndarray]) -> None:
    (tensor,) = (t for t in proto.graph.initializer if t.name == "embedding.weight")
    tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor).copy()), tensor.name))


def with_nan(array: np.ndarray) -> np.ndarray:
    array.flat[5] = np.nan
    return array


def operator(proto: ModelProto, name: str, domain: str = "") -> None:
    node = proto.graph.node[-1]
    node.op_type, node.domain = name, domain


def attribute(proto: ModelProto, op_type: str, name: str, values: Sequence[int]) -> None:
    node = next(n for n in proto.graph.node if n.op_type == op_type)
    kept = [a for a in node.attribute if a.name != name]
    del node.attribute[:]
    node.attribute.extend([*kept, onnx.helper.make_attribute(name, values)])


def second_input(proto: ModelProto) -> None:
    proto.graph.input.append(onnx.helper.make_tensor_value_info("depth", TensorProto.FLOAT, [1, 1, 8, 8]))


BAD = {
    "a batch of two": (lambda p: dims(p, 2, 1, "h", "w"), "a batch of 1"),
    "symbolic channels": (lambda p: dims(p, 1, "c", "h", "w"), "--size settles height and width only"),
    "three dimensions": (lambda p: dims(p, 1, "h", "w"), "has 3 dimensions"),
    "another fixed size": (lambda p: dims(p, 1, 1, 64, 64), "is fixed at 64x64, --size asks for 24x20"),
    "two inputs": (second_input, "has 2 inputs"),
    "bytes for pixels": (dtype, "its input is uint8; float32 is supported, or a Cast of the image"),
    "NaN weights": (lambda p: weight(p, with_nan), "weight 'embedding.weight' has NaN or infinite values"),
    "an unknown operator": (lambda p: operator(p, "Erf"), "layer 'probability': operator Erf is not supported"),
    "an unknown domain": (lambda p: operator(p, "Frob", "org.example"), "not a valid ONNX model"),
    "wrong topology": (lambda p: p.graph.node[-2].input.__setitem__(0, "nothing"), "not a valid ONNX model"),
    "no graph": (lambda p: p.ClearField("graph"), "it has no graph"),
    "an odd convolution": (lambda p: attribute(p, "Conv", "pads", [99] * 4), "layer 'embedding' (Conv): pads"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_cannot_be_lowered(case: str, edited: Edited, refused: Refused) -> None:
    change, message = BAD[case]
    said = refused(*COMPILE, edited(change))
    assert message in said
    assert "edited.onnx" in said


@pytest.mark.parametrize("case", ["weights of float64", "no output", "a function is missing"])
def test_a_file_that_onnx_runtime_refuses(case: str, edited: Edited, refused: Refused) -> None:
    change: Callable[[ModelProto], object] = {
        "weights of float64": lambda p: weight(p, lambda a: a.astype(np.float64)),
        "no output": lambda p: p.graph.ClearField("output"),
        "a function is missing": lambda p: p.functions.pop(),
    }[case]
    assert "edited.onnx" in refused(*COMPILE, edited(change))


@pytest.mark.parametrize("threshold", ["high", "nan"])
def test_a_threshold_that_is_no_number(threshold: str, edited: Edited, refused: Refused) -> None:
    def change(proto: ModelProto) -> None:
        (entry,) = (p for p in proto.metadata_props if p.key == "threshold")
        entry.value = threshold

    assert "threshold" in refused(*COMPILE, edited(change))


@pytest.mark.parametrize("scores", ["high", "0,1", "1,nan"])
def test_scores_that_are_no_numbers(scores: str, edited: Edited, refused: Refused) -> None:
    said = refused(*COMPILE, edited(lambda p: p.metadata_props.add(key="com.biisnet.scores", value=scores)))
    assert f"its metadata says com.biisnet.scores {scores!r}; export it again" in said


def test_a_name_is_never_code(edited: Edited, cli: Callable, here: Path) -> None:
    def change(proto: ModelProto) -> None:
        for node in proto.graph.node:
            for names in (node.input, node.output):
                names[:] = ["x */ #error code /* " if name == "embedding" else name for name in names]

    assert cli(*COMPILE, edited(change)).code == 0


def test_what_is_no_onnx_file(refused: Refused, here: Path, tiny_onnx: Path) -> None:
    data = tiny_onnx.read_bytes()
    (here / "text.onnx").write_text("weights, please")
    (here / "empty.onnx").write_bytes(b"")
    (here / "folder.onnx").mkdir()
    for name, message in (
        ("text.onnx", "not an ONNX file"),
        ("empty.onnx", "is empty; export or copy it again"),
        ("folder.onnx", "is a folder; give a file"),
        ("missing.onnx", "no such file or preset; give an ONNX file"),
    ):
        said = refused(*COMPILE, name)
        assert message in said
        assert name in said
    for size in (1, 100, len(data) // 2, len(data) - 1):
        (here / "cut.onnx").write_bytes(data[:size])
        assert "cut.onnx: not a" in refused(*COMPILE, "cut.onnx")


def test_tvm_has_no_last_word(edited: Edited, here: Path) -> None:
    """What TVM itself writes to standard error must not follow the message."""
    path = edited(lambda p: operator(p, "Erf"))
    call = "from biisnet.tools.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", call, *COMPILE, str(path)], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert done.stdout == ""
