# SPDX-License-Identifier: Apache-2.0
"""The front stage as a whole: what passes through, what is said, what is kept."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto

from biisnet.compile.errors import CompileError
from biisnet.compile.frontend import load_model
from biisnet.compile.frontend.loader import RECOGNISED_FROM, SIGN_OF_ZERO, from_proto
from biisnet.compile.frontend.prepare import Normalisation, prepare
from biisnet.compile.onnx_runtime import session
from biisnet.compile.pipeline import without_binary
from biisnet.compile.recognise import recognise
from biisnet.model import shipped_onnx
from biisnet.ops import DOMAIN

from .networks import SIDE, C, Net


def sum_of_signs() -> Net:
    """A network in which Sign(0) may occur: of a sum of two maps."""
    net = Net()
    x = net.stem()
    net.last = net.conv(net.op("Sign", net.op("Add", x, net.op("Relu", x))), net.signs(C, C, 3, 3))
    return net


def binary_layers(proto: onnx.ModelProto) -> list[onnx.NodeProto]:
    return [n for n in proto.graph.node if (n.domain, n.op_type) == (DOMAIN, "BinaryConv2d")]


def test_the_shipped_network_is_not_touched() -> None:
    """Fails where a file in com.biisnet operators is rewritten, or costs the import of the rewriter."""
    path = shipped_onnx("biisnet")
    assert path is not None
    program = (
        "import sys; from pathlib import Path; from biisnet.compile.frontend import load_model\n"
        "from biisnet.compile.recognise import recognise\n"
        f"model = load_model(Path({str(path)!r})); found = recognise(model, (64, 64))\n"
        "assert found.model is model and not found.lines(); assert 'onnxscript' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_what_was_rewritten_is_not_rewritten_again() -> None:
    """Fails where a bundle's own model.onnx would become another one when it is verified."""
    net = sum_of_signs()
    once = recognise(net.model(net.last), None).model
    assert once.metadata[RECOGNISED_FROM] == net.model(net.last).sha256
    assert recognise(once, None).model is once
    assert recognise(from_proto(once.proto, "again.onnx"), None).model.data == once.data


def test_equal_files_give_equal_bytes() -> None:
    """Fails where the rewritten file depends on anything but the file."""
    first, second = (recognise(n.model(n.last), None).model.data for n in (sum_of_signs(), sum_of_signs()))
    assert first == second


@pytest.mark.parametrize(("sign", "threshold"), [(1, 0.0), (-1, np.nextafter(np.float32(0), np.float32(1)))])
def test_the_users_word_on_zero(sign: int, threshold: float) -> None:
    """Fails where the word makes no single convolution of two, is not kept in the file, or is not said."""
    net = sum_of_signs()
    found = recognise(net.model(net.last), None, sign)
    (layer,) = binary_layers(found.model.proto)
    constants = {t.name: onnx.numpy_helper.to_array(t) for t in found.model.proto.graph.initializer}
    assert constants[layer.input[6]].tolist() == [threshold]
    assert found.model.metadata[SIGN_OF_ZERO] == f"{sign:+d}"
    assert any(f"Sign(0) is taken as {sign:+d}" in line for line in found.lines())
    image = np.zeros((1, 3, 8, 8), np.float32)
    assert np.isfinite(session(found.model.proto).run(None, {"image": image})[0]).all()


def test_zero_where_it_occurs_is_exact() -> None:
    """Fails where Sign(0) = 0 is taken for a sign: after a product with 0 all of a map is 0."""
    net = Net()
    x = net.op("Mul", "image", np.zeros(1, np.float32))
    last = net.conv(net.op("Sign", net.op("Add", x, net.op("Relu", x))), net.signs(C, 3, 3, 3))
    model = net.model(last)
    ours, theirs = (session(m.proto) for m in (recognise(model, None).model, model))
    image = np.random.default_rng(0).normal(size=(1, 3, 8, 8)).astype(np.float32)
    assert not theirs.run(None, {"image": image})[0].any()
    assert not ours.run(None, {"image": image})[0].any()


def test_names_of_the_rewriters_own() -> None:
    """Fails where values that are called as the rewriter calls its own are mixed up with these."""
    net = sum_of_signs()
    proto = net.proto(net.last)
    names = {o: f"val_{k}" for k, node in enumerate(proto.graph.node) for o in node.output if o != "out"}
    for node in proto.graph.node:
        node.input[:] = [names.get(i, i) for i in node.input]
        node.output[:] = [names.get(o, o) for o in node.output]
    found = recognise(from_proto(proto, "net.onnx"), None)
    assert sum(row.is_binary for row in found.table) == 1


def test_a_network_without_binary_layers_is_refused_by_what_looks_so() -> None:
    """Fails where somebody is left alone with 'no binary convolution' although one was meant to be."""
    net = Net()
    found = recognise(net.model(net.conv("image", net.signs(C, 3, 3, 3))), None)
    assert without_binary(found.model, found) == (
        "net.onnx: has no binary convolution, all of it is floating point ('Conv_0': its weights are binary, its "
        "activations are not (BinaryConnect)); give the binarized network, or --allow-float to compile it as it is"
    )


@pytest.mark.parametrize("side", [1, 7, 11, 12, 13, 22, 49])
def test_an_average_of_all(side: int) -> None:
    """Fails where a side with a prime factor that no window has is rewritten without an end, which takes all memory."""
    net = Net((1, 3, side, side))
    proto = recognise(net.model(net.op("GlobalAveragePool", net.stem())), None).model.proto
    found = [n for n in proto.graph.node if n.op_type == "AveragePool"]
    windows = np.array([onnx.helper.get_node_attr_value(n, "kernel_shape") for n in found]).reshape(-1, 2)
    assert windows.prod(axis=0).tolist() == [side, side]


def test_an_old_opset_is_raised() -> None:
    """Fails where a file of opset 11 is not taken."""
    net = Net(opset=11)
    net.imports[""] = 11
    found = recognise(net.model(net.conv(net.op("Sign", net.stem()), net.signs(C, C, 3, 3))), None)
    assert len(binary_layers(found.model.proto)) == 1


def test_sizes_are_settled() -> None:
    """Fails where a network of any height and width is not rewritten for the size that is asked for."""
    net = Net(("N", 3, "height", "width"))
    model = net.model(net.conv(net.op("Sign", net.stem()), net.signs(C, C, 3, 3)))
    found = recognise(model, (12, 20)).model
    dims = found.proto.graph.input[0].type.tensor_type.shape.dim
    assert [d.dim_value for d in dims] == [1, 3, 12, 20]


def test_operators_of_unknown_domains() -> None:
    """Fails where an operator that nobody knows ends in a traceback."""
    net = Net()
    net.imports["somebody.else"] = 1
    proto = net.proto(net.op("Fancy", net.stem(), domain="somebody.else"))
    with pytest.raises(
        CompileError, match=r"^net\.onnx: operators of unknown domains: layer 'Fancy_2' \(somebody.else::Fancy\)"
    ) as refusal:
        recognise(from_proto(proto, "net.onnx"), None)
    assert "\n" not in str(refusal.value)


@settings(max_examples=25, deadline=None)
@given(flips=st.lists(st.tuples(st.integers(0, 2**31), st.integers(0, 255)), min_size=1, max_size=6))
def test_any_bytes_changed(flips: list[tuple[int, int]]) -> None:
    """Fails where a damaged file ends in anything but a network or one line."""
    net = sum_of_signs()
    data = bytearray(net.proto(net.last).SerializeToString())
    for at, byte in flips:
        data[at % len(data)] = byte
    proto, told = onnx.ModelProto(), ""
    try:
        proto.ParseFromString(bytes(data))
        recognise(from_proto(proto, "net.onnx"), None)
    except CompileError as e:
        told = str(e)
    except DecodeError:
        told = "not ONNX"
    assert "\n" not in told


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda n: n.attribute.extend([onnx.helper.make_attribute("group", 3)]), "group"),
        (lambda n: n.input.append("nothing"), "nothing"),
        (lambda n: n.attribute.extend([onnx.helper.make_attribute("strides", [0, 0])]), "strides|Stride"),
    ],
)
def test_layers_that_do_not_fit(change, why: str) -> None:  # type: ignore[no-untyped-def]
    """Fails where attributes that make no sense end in a traceback."""
    net = sum_of_signs()
    proto = net.proto(net.last)
    change(next(n for n in proto.graph.node if n.name == "Conv_5"))
    with pytest.raises(CompileError, match=r"^net\.onnx: ") as refusal:
        recognise(from_proto(proto, "net.onnx"), None)
    assert "\n" not in str(refusal.value)


def test_lines_name_every_layer() -> None:
    """Fails where the table leaves a convolution out."""
    net = sum_of_signs()
    lines = recognise(net.model(net.last), None).lines()
    assert lines[0] == "layers  1 of 2 convolutions are binary"
    assert [line.split()[:2] for line in lines[1:3]] == [["Conv_0", "float"], ["Conv_5", "binary"]]
    assert lines[-1].startswith("proved  the original and the rewritten network in ONNX Runtime: 8 runs, cut at 1")


def test_files_on_disk(tmp_path) -> None:  # type: ignore[no-untyped-def]
    """Fails where the file's name is lost to the bundle."""
    net = sum_of_signs()
    (tmp_path / "mine.onnx").write_bytes(net.proto(net.last).SerializeToString())
    assert recognise(load_model(tmp_path / "mine.onnx"), None).model.name == "mine"


def of_unknown_domains(net: Net, x: str) -> str:
    """A layer that nobody knows."""
    net.imports["somebody.else"] = 1
    return net.op("Fancy", x, domain="somebody.else")


def test_all_obstacles_beside_an_unknown_domain() -> None:
    """Fails where other layers that cannot be compiled are only told when the unknown one is out of the way; or layers
    behind it are told that could be, were it known."""
    net = Net()
    x = net.op("Erf", net.conv(net.op("Sign", net.stem()), net.signs(C, C, 3, 3)))
    x = of_unknown_domains(net, net.op("MaxPool", x, kernel_shape=[17, 17], pads=[8] * 4))
    x = net.op("Mul", net.conv(net.op("Sign", x), net.signs(C, C, 3, 3)), np.float32(0.1))
    with pytest.raises(CompileError) as refusal:
        recognise(from_proto(net.proto(net.op("Softmax", net.op("Asinh", x), axis=1)), "net.onnx"), None)
    said = str(refusal.value)
    assert said.startswith("net.onnx: 4 layers cannot be compiled: layer 'Erf_4': operator Erf is not supported")
    assert "; layer 'MaxPool_5' (MaxPool): kernel_shape [17, 17]" in said
    assert "; layer 'Fancy_6': operator somebody.else::Fancy is of a domain that is not known; export it" in said
    assert "; layer 'Asinh_10': operator Asinh is not supported" in said
    assert [said.count(f"[BN{code}]") for code in (301, 327, 202)] == [2, 1, 1]


def test_an_unknown_domain_in_what_cannot_be_rewritten() -> None:
    """Fails where a layer of an unknown domain is hidden by an error of the rewriting."""
    net = Net(opset=5)
    x = net.op("Tile", of_unknown_domains(net, "image"), np.array([2]), np.array([1]))
    with pytest.raises(CompileError, match=r"operators of unknown domains: layer 'Fancy_0' .*\[BN202\]$"):
        recognise(from_proto(net.proto(x), "net.onnx"), None)


@pytest.mark.parametrize("normalised", [False, True], ids=["plain", "mean and std"])
@pytest.mark.parametrize("before", [False, True], ids=["", "a layer of its own"])
@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.UINT8], ids=["float32", "uint8"])
def test_channels_last(normalised: bool, before: bool, kind: int) -> None:
    """Fails where the image of a file with channels last is not turned since its pixels are cast, normalised by the
    user's word (--mean, --std), or by a layer before the first Transpose."""
    net = Net((1, SIDE, SIDE, 3), kind=kind)
    x = net.op("Cast", "image", to=TensorProto.FLOAT) if kind == TensorProto.UINT8 else "image"
    if before:
        x = net.op("Sub", net.op("Div", x, np.float32(127.5)), np.array([0.9, 1.0, 1.1]))
    x = net.conv(net.op("Transpose", x, perm=[0, 3, 1, 2]), net.normal(C, 3, 3, 3))
    signs = net.op("Sign", net.op("Transpose", x, perm=[0, 2, 3, 1]))
    x = net.conv(net.op("Transpose", signs, perm=[0, 3, 1, 2]), net.signs(C, C, 3, 3))
    given = Normalisation.of((0.4, 0.5, 0.6), (0.2, 0.3, 0.4)) if normalised else None
    found = recognise(prepare(net.model(net.op("Transpose", x, perm=[0, 2, 3, 1])), None, given), None, 1)
    assert [d.dim_value for d in found.model.proto.graph.input[0].type.tensor_type.shape.dim] == [1, 3, SIDE, SIDE]
    assert "Transpose" not in {n.op_type for n in found.model.proto.graph.node}
    assert found.proof
    levels = np.random.default_rng(0).integers(0, 256, (1, SIDE, SIDE, 3))
    ours = session(found.model.proto).run(None, {"image": levels.transpose(0, 3, 1, 2).astype(np.float32)})[0]
    pixels = (levels / 255 - (0.4, 0.5, 0.6)) / (0.2, 0.3, 0.4) if normalised else levels
    if normalised and kind == TensorProto.UINT8:
        return  # the file itself takes no normalised pixels
    theirs = session(net.proto(net.nodes[-1].output[0])).run(
        None, {"image": pixels.astype(np.uint8 if kind == TensorProto.UINT8 else np.float32)}
    )[0]
    np.testing.assert_allclose(ours.transpose(0, 2, 3, 1), theirs, atol=1e-5)


@pytest.mark.parametrize("last", ["Flatten", "Transpose"])
def test_an_output_that_is_all_there_is_to_rewrite(last: str) -> None:
    """Fails where a network of our operators that ends in a Flatten or a Transpose is refused."""
    net = Net()
    y = net.op("Relu", net.stem())
    net.last = net.op(last, y, **({"perm": [0, 2, 3, 1]} if last == "Transpose" else {}))
    found = recognise(net.model(net.last), None)
    assert last not in {n.op_type for n in found.model.proto.graph.node}
    assert found.proof
    assert any("the output is" in line for line in found.lines())


def test_a_constant_of_more_pixels_is_no_threshold() -> None:
    """Fails where a comparison whose constant makes a map of a pixel larger is taken for a step of that pixel."""
    net = Net()
    pooled = net.op("GlobalAveragePool", net.stem())
    at_least = net.op("Greater", pooled, net.normal(1, C, 4, 4))
    net.last = net.conv(net.op("Where", at_least, np.float32(1), np.float32(-1)), net.signs(C, C, 3, 3))
    assert not binary_layers(recognise(net.model(net.last), None).model.proto)


@pytest.mark.parametrize("opset", [17, 19, 20, 21, 23])
def test_a_bundles_file_is_a_valid_one(opset: int, tmp_path: Path) -> None:
    """Fails where what is written of a newer exporter's file is refused when its bundle is verified."""
    net = Net(opset=opset)
    net.last = net.conv(net.op("Sign", net.op("Add", net.stem(), net.stem())), net.signs(C, C, 3, 3))
    model = recognise(net.model(net.last), None).model
    path = tmp_path / "model.onnx"
    path.write_bytes(model.data)
    assert load_model(path).proto == model.proto
    assert recognise(load_model(path), None).model.proto == model.proto


def test_layers_without_a_name() -> None:
    """Fails where lines call a layer by a number instead of by its result."""
    net = Net()
    net.last = net.conv(net.op("Sign", net.op("Add", net.stem(), net.stem())), net.signs(C, C, 3, 3))
    model = net.model(net.last)
    for node in model.proto.graph.node:
        node.name = ""
    binary = [row.layer for row in recognise(model, None).table if row.is_binary]
    assert binary == [net.last]
