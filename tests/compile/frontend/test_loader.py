# SPDX-License-Identifier: Apache-2.0
"""Files from anywhere: each fault is one line that names the file, and never another exception."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto

from biisnet.compile.errors import CompileError
from biisnet.compile.frontend import import_onnx, load_model
from biisnet.compile.frontend.loader import from_proto
from biisnet.compile.passes.cut_stages import cut_stages
from biisnet.compile.pipeline import PLAN_STEPS, RELAX_PASSES, make_plan
from biisnet.compile.progress import Progress
from biisnet.compile.schedules import schedules_for
from biisnet.model import shipped_onnx
from biisnet.targets import resolve
from biisnet.targets.cores import GENERIC

from .models import model_of, node


def shipped() -> bytes:
    """The shipped file."""
    path = shipped_onnx()
    assert path is not None
    return path.read_bytes()


def compile_file(path: Path) -> None:
    """As far as stages."""
    model = load_model(path)
    module = import_onnx(model, (8, 8) if model.proto.graph.input[0].name == "image" else None)
    for relax_pass in RELAX_PASSES:
        module = relax_pass(module)
    cut_stages(module, "net", GENERIC)


def refused(path: Path, content: bytes) -> str:
    """The one line by which a file is refused."""
    path.write_bytes(content)
    with pytest.raises(CompileError) as error:
        compile_file(path)
    message = str(error.value)
    assert message.startswith(f"{path}: "), message
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "is an image"),
        (b"PK\x03\x04" + bytes(100), "is a zip that is truncated"),
        (b"hello, I am a text file\n" * 9, "not an ONNX"),
        (bytes(1000), "not an ONNX"),
        (b"{}", "not an ONNX"),
        (onnx.ModelProto(producer_name="me").SerializeToString(), "not an ONNX model: it has no graph"),
    ],
)
def test_not_onnx(tmp_path: Path, content: bytes, message: str) -> None:
    """Fails where a file of another kind ends in anything but one line."""
    assert message in refused(tmp_path / "net.onnx", content)


def test_what_one_parser_reads_and_the_other_refuses(tmp_path: Path) -> None:
    """A group of unknown fields, one of them of number 0: Python's protobuf lets it pass, ONNX's checker does not."""
    group = b"\x73\x01" + bytes(8) + b"\x74"
    said = refused(tmp_path / "net.onnx", shipped() + group)
    assert "not a valid ONNX model: Unable to parse" in said


def test_names_of_several_lines(tmp_path: Path) -> None:
    model = onnx.ModelProto()
    model.ParseFromString(shipped())
    model.graph.initializer[0].name = "a\nb"
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL
    assert "weight 'a b' is in another file" in refused(tmp_path / "net.onnx", model.SerializeToString())


def test_unreadable(tmp_path: Path) -> None:
    """Fails where a file that is not there, or a folder, is a traceback."""
    for path, words in ((tmp_path / "missing.onnx", "cannot be read: "), (tmp_path, "is a folder; give a file")):
        with pytest.raises(CompileError, match=words):
            load_model(path)


@pytest.mark.parametrize("part", [0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.9999])
def test_truncated(tmp_path: Path, part: float) -> None:
    """Fails where a download that broke off is compiled."""
    data = shipped()
    refused(tmp_path / "net.onnx", data[: int(len(data) * part)])


def test_truncated_anywhere(tmp_path: Path) -> None:
    """Fails where a cut within the last fields, or at any other place, is not noticed in one line."""
    data, path = shipped(), tmp_path / "net.onnx"
    for at in [*range(1, len(data), len(data) // 60), *range(len(data) - 40, len(data))]:
        path.write_bytes(data[:at])
        try:
            compile_file(path)
            told = f"{path}: it still has all that counts"
        except CompileError as e:
            told = str(e)
        assert told.startswith(f"{path}: ")
        assert "\n" not in told


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(flips=st.lists(st.tuples(st.integers(0, 2**31), st.integers(0, 255)), min_size=1, max_size=8))
def test_any_bytes_changed(tmp_path_factory: pytest.TempPathFactory, flips: list[tuple[int, int]]) -> None:
    """Fails where a damaged file ends in anything but stages or one line."""
    data = bytearray(shipped())
    for at, byte in flips:
        data[at % len(data)] = byte
    path = tmp_path_factory.getbasetemp() / "damaged.onnx"
    path.write_bytes(data)
    told = ""
    try:
        compile_file(path)
    except CompileError as e:
        told = str(e)
    assert "\n" not in told


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.float16])
def test_weights_that_are_no_numbers(value: float, kind: type) -> None:
    """Fails where a training that diverged is compiled."""
    weight: np.ndarray = np.ones((2, 4, 1, 1), kind)
    weight[1, 2] = value
    proto = model_of([node("Conv", "x", "w")], {"w": weight}, kind=onnx.helper.np_dtype_to_tensor_dtype(weight.dtype))
    with pytest.raises(CompileError, match=r"^net\.onnx: weight 'w' has NaN or infinite values"):
        from_proto(proto, "net.onnx")


def test_constant_nodes_that_are_no_numbers() -> None:
    """Fails where NaN comes in through a Constant node."""
    nodes = [
        node("Constant", output="k", value=onnx.numpy_helper.from_array(np.array([np.nan], np.float32))),
        node("Mul", "x", "k"),
    ]
    with pytest.raises(CompileError, match=r"^net\.onnx: .*NaN"):
        import_onnx(from_proto(model_of(nodes), "net.onnx"), None)


@pytest.mark.parametrize("place", ["initializer", "attribute"])
def test_weights_in_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """Fails where weights are taken from whatever file of that name lies in the working folder."""
    weight = onnx.numpy_helper.from_array(np.ones((1, 4, 1, 1), np.float32), "w")
    constant = [node("Constant", output="w", value=weight)] if place == "attribute" else []
    proto = model_of([*constant, node("Conv", "x", "w")])
    if place == "initializer":
        proto.graph.initializer.append(weight)
    moved = proto.graph.node[0].attribute[0].t if place == "attribute" else proto.graph.initializer[0]
    onnx.external_data_helper.set_external_data(moved, "weights.bin")
    moved.ClearField("raw_data")
    (tmp_path / "weights.bin").write_bytes(weight.raw_data)
    monkeypatch.chdir(tmp_path)
    told = refused(tmp_path / "net.onnx", proto.SerializeToString())
    assert "weight 'w' is in another file; save the model as one file" in told


@pytest.mark.parametrize(
    ("proto", "message"),
    [
        (
            model_of([node("Relu", "x")], kind=TensorProto.DOUBLE),
            "input 'x' is DOUBLE; grey levels [1, C, H, W] as float32",
        ),
        (model_of([node("Identity", "x")], kind=TensorProto.INT8), "is INT8; grey levels"),
        (model_of([node("Sin", "x")]), "layer 'y': operator Sin is not supported"),
        (model_of([node("Nonsense", "x")]), "not a valid ONNX model"),
        (model_of([node("Nonsense", "x", domain="com.biisnet")]), "Nonsense"),
        (model_of([node("Relu", "missing")]), "not a valid ONNX model"),
    ],
    ids=lambda p: p if isinstance(p, str) else "",
)
def test_models_that_cannot_be(tmp_path: Path, proto: onnx.ModelProto, message: str) -> None:
    """Fails where the reason is not told in one line with the file's name."""
    assert message in refused(tmp_path / "net.onnx", proto.SerializeToString())


def test_unknown_domain(tmp_path: Path) -> None:
    """Fails where another vendor's operator is passed over."""
    proto = model_of([node("Relu", "x", domain="org.example")])
    proto.opset_import.append(onnx.helper.make_opsetid("org.example", 1))
    said = refused(tmp_path / "net.onnx", proto.SerializeToString())
    assert "operator org.example::Relu is of a domain that is not known" in said


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (3, "net.onnx: imports version 3 of com.biisnet; 1 to 2 are known: install a newer biisnet"),
        (1, "layer 'y': IntegerUpsample came with version 2 of com.biisnet, the file imports 1; export it again"),
        (2, None),
    ],
)
def test_versions_of_the_domain(version: int, message: str | None) -> None:
    proto = model_of([node("IntegerUpsample", "x", domain="com.biisnet")], kind=onnx.TensorProto.INT8)
    next(o for o in proto.opset_import if o.domain == "com.biisnet").version = version
    if message is None:
        assert from_proto(proto, "net.onnx").proto is proto
        return
    with pytest.raises(CompileError) as e:
        from_proto(proto, "net.onnx")
    assert message in str(e.value)


def test_two_inputs(tmp_path: Path) -> None:
    """Fails where the second image is ignored."""
    proto = model_of([node("Add", "x", "z")])
    proto.graph.input.append(onnx.helper.make_tensor_value_info("z", 1, [1, 4, 6, 10]))
    assert "has 2 inputs" in refused(tmp_path / "net.onnx", proto.SerializeToString())


def test_name_and_hash(tmp_path: Path) -> None:
    """Fails where a model has no name of its own file, or its hash is not of the file's bytes."""
    path = tmp_path / "mine.onnx"
    onnx.save(model_of([node("Relu", "x")]), path)
    model = load_model(path)
    assert (model.name, len(model.sha256)) == ("mine", 64)
    proto = model.proto
    proto.metadata_props.add(key="model", value="theirs")
    onnx.save(proto, path)
    assert load_model(path).name == "theirs"
    assert load_model(path).sha256 != model.sha256


def test_a_long_chain_is_one_line(tmp_path: Path) -> None:
    """Fails where Python's own limit ends it with a traceback."""
    names = ["x", *(f"a{n}" for n in range(999)), "y"]
    nodes = [node("Add", names[n], names[n], output=names[n + 1]) for n in range(1000)]
    model = from_proto(model_of(nodes), "chain.onnx")
    target = resolve("rpi4")
    with pytest.raises(CompileError, match=r"chain\.onnx: hundreds of element-wise layers follow each other"):
        make_plan(model, None, target, Progress(PLAN_STEPS, lambda _: None, None), schedules_for(target.core))
