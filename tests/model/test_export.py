# SPDX-License-Identifier: Apache-2.0
"""The exported file: its bytes, its names, and PyTorch's numbers in ONNX Runtime."""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

torch = pytest.importorskip("torch")

from biisnet.model import NetworkConfig, shipped_onnx  # noqa: E402
from biisnet.model.export import export, export_file  # noqa: E402
from biisnet.model.network import BiisNet, build  # noqa: E402
from biisnet.ops import DOMAIN, accumulators  # noqa: E402

SMALL = {"channels": 3, "encoder_blocks": (1,), "decoder_blocks": (1,), "bottleneck_blocks": 1}


@pytest.fixture(scope="module")
def shipped() -> onnx.ModelProto:
    path = shipped_onnx()
    assert path is not None
    return onnx.load(path)


@pytest.fixture(scope="module")
def small() -> tuple[Any, onnx.ModelProto]:
    model = build(NetworkConfig(**SMALL), 4)
    return model, export(model)


def _run(proto: onnx.ModelProto, image: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    result: np.ndarray = session.run(None, {"image": image})[0]
    return result


def _grey(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.float32)


def _torch(model: Any, image: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        result: np.ndarray = torch.sigmoid(model(torch.from_numpy(image))).numpy()
    return result


def test_shipped_file_is_the_export_of_the_shipped_weights(trained: Any, tmp_path: Path) -> None:
    export_file(trained, tmp_path / "again.onnx")
    path = shipped_onnx()
    assert path is not None
    assert (tmp_path / "again.onnx").read_bytes() == path.read_bytes()
    assert [entry.name for entry in tmp_path.iterdir()] == ["again.onnx"]


def test_shipped_file_is_small_and_says_nothing_of_its_machine(shipped: onnx.ModelProto) -> None:
    data = shipped.SerializeToString()
    assert len(data) < 100_000
    here = [str(Path(__file__).parents[2]), str(Path.home()), tempfile.gettempdir()]
    for trace in (*here, "site-packages", ".py", "stack_trace", "pkg.torch"):
        assert trace.encode() not in data


def test_shipped_file_describes_itself(shipped: onnx.ModelProto) -> None:
    onnx.checker.check_model(shipped, full_check=True)
    assert {(opset.domain, opset.version) for opset in shipped.opset_import} == {("", 18), (DOMAIN, 1)}
    assert (shipped.ir_version, shipped.producer_name) == (10, "biisnet")
    properties = {entry.key: entry.value for entry in shipped.metadata_props}
    assert properties.keys() == {"model", "threshold", "config"}
    assert (properties["model"], properties["threshold"]) == ("biisnet", "0.5")
    assert NetworkConfig(**json.loads(properties["config"])) == NetworkConfig()
    functions = {(function.domain, function.name) for function in shipped.functions}
    assert {(node.domain, node.op_type) for node in shipped.graph.node if node.domain} <= functions


def test_names_are_module_paths(shipped: onnx.ModelProto) -> None:
    nodes = {node.name: node for node in shipped.graph.node}
    assert len(nodes) == len(shipped.graph.node)
    kinds = {
        "normalise": "Div",
        "extend": "Pad",
        "embedding": "Conv",
        "encoder.0.1.binary": "BinaryConv2d",
        "encoder.0.1.binary.rprelu": "RPReLU",
        "encoder.0.1.binary.add": "Add",
        "encoder.0.1.redistribution": "ReDistribution",
        "encoder.0.1.dot": "DotBinaryConv2d",
        "encoder.0.1.dot.maxout": "MaxOut",
        "downsample.0.averagepool": "AveragePool",
        "downsample.1.concat": "Concat",
        "upsample.1.resize": "Resize",
        "upsample.1.split": "Split",
        "upsample.1.0": "DotBinaryConv2d",
        "fusion.0.add": "Add",
        "fusion.0.mul": "Mul",
        "head": "Conv",
        "crop": "Slice",
        "probability": "Sigmoid",
    }
    assert {name: nodes[name].op_type for name in kinds} == kinds
    single = [node for node in nodes.values() if len(node.output) == 1 and node.name != "head"]
    assert [node.output[0] for node in single] == [node.name for node in single]
    assert list(nodes["encoder.0.1.binary"].input) == [
        "encoder.0.0.dot.add",
        *(f"encoder.0.1.binary.{name}" for name in ("weight", "scale", "offset")),
        *("activation_levels", "weight_levels", "threshold"),
    ]


@pytest.mark.parametrize("size", [(64, 96), (61, 35), (3, 17), (1, 1)])
def test_onnx_runtime_is_pytorch(
    trained: Any, shipped: onnx.ModelProto, golden: dict[str, np.ndarray], size: tuple[int, int]
) -> None:
    image = golden["image"][: size[0], : size[1]].astype(np.float32)[None, None]
    expected, actual = _torch(trained, image), _run(shipped, image)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(actual > 0.5, expected > 0.5)


def test_accumulators_of_every_layer(trained: Any, shipped: onnx.ModelProto) -> None:
    """PyTorch's own input of each layer, through the file's packed bytes: the same integers."""
    packed = {tensor.name: numpy_helper.to_array(tensor) for tensor in shipped.graph.initializer}
    layers = {name: module for name, module in trained.named_modules() if type(module).__name__ == "BinaryConvLayer"}
    inputs: dict[str, Any] = {}
    handles = [
        module.register_forward_hook(lambda _m, args, _o, name=name: inputs.update({name: args[0]}))
        for name, module in layers.items()
    ]
    _torch(trained, _grey((1, 1, 20, 28)))
    for handle in handles:
        handle.remove()
    assert len(layers) == 14
    for name, layer in layers.items():
        with torch.no_grad():
            expected = layer.accumulator(inputs[name]).numpy()
        channels = layer.weight.shape[1]
        actual = accumulators(inputs[name].numpy(), packed[f"{name}.weight"], channels=channels, pads=[1, 1, 1, 1])
        np.testing.assert_array_equal(actual, expected, err_msg=name)


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"interpolation": "nearest", "pad_value": 1.0}, (8, 6)),
        ({"pad_value": -1.0, "in_channels": 3, "scheme": "sibnn"}, None),
        ({"weight_offset": True, "scheme": "siman", "channels": 9}, (5, 7)),
        ({"encoder_blocks": (), "decoder_blocks": ()}, None),
        ({"encoder_blocks": (0, 1), "decoder_blocks": (1, 0), "bottleneck_blocks": 0}, None),
    ],
)
def test_other_networks(options: dict[str, Any], size: tuple[int, int] | None) -> None:
    config = NetworkConfig(**{**SMALL, **options})
    model = build(config, 2)
    proto = export(model, size)
    for sides in [size] if size else [(1, 1), (9, 6)]:
        image = _grey((1, config.in_channels, *sides))
        np.testing.assert_allclose(_run(proto, image), _torch(model, image), rtol=0, atol=1e-5)


def test_export_is_repeatable_and_keeps_the_seed(small: tuple[Any, onnx.ModelProto]) -> None:
    model, proto = small
    assert export(model).SerializeToString() == proto.SerializeToString()
    properties = {entry.key: entry.value for entry in proto.metadata_props}
    assert properties["seed"] == "4"
    assert "random weights" in proto.doc_string


@pytest.mark.parametrize(("size", "frame"), [((6, 8), 0), ((5, 8), 1)])
def test_a_fixed_size_has_no_shape_arithmetic(
    small: tuple[Any, onnx.ModelProto], size: tuple[int, int], frame: int
) -> None:
    model, _ = small
    proto = export(model, size)
    kinds = [node.op_type for node in proto.graph.node]
    assert "Shape" not in kinds
    assert "Mod" not in kinds
    assert kinds.count("Pad") == kinds.count("Slice") == frame
    image = _grey((1, 1, *size))
    np.testing.assert_allclose(_run(proto, image), _torch(model, image), rtol=0, atol=1e-5)


def test_the_example_is_not_in_the_file(small: tuple[Any, onnx.ModelProto], monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where a layer of ours asks for the size, which is a number to torch, and not a symbol."""
    model, proto = small
    monkeypatch.setattr("biisnet.model.export.SIZELESS", ())
    assert export(model).SerializeToString() == proto.SerializeToString()


class Centred(torch.nn.Module):
    """A layer that asks for the size."""

    def forward(self, x: Any) -> Any:
        return x - x.sum((2, 3), keepdim=True) / (x.shape[2] * x.shape[3])


class Other(BiisNet):
    """A network that asks for it."""

    def features_to_logits(self, normalised: Any) -> Any:
        return self.head(self.bottleneck(Centred().forward(self.embedding(normalised))))


@pytest.mark.parametrize("within", [True, False])
def test_a_users_layer_may_ask_for_the_size(within: bool) -> None:
    """Fails where the size of the exporter's example is in the file, whether a layer or the network is the user's."""
    config = NetworkConfig(**{**SMALL, "encoder_blocks": (), "decoder_blocks": ()})
    model = build(config, 4) if within else Other(config, seed=4).eval()
    if within:
        model.bottleneck = torch.nn.Sequential(Centred(), *model.bottleneck)
    image = _grey((1, 1, 9, 6))
    np.testing.assert_allclose(_run(export(model), image), _torch(model, image), rtol=0, atol=1e-5)


def test_what_cannot_be_exported(small: tuple[Any, onnx.ModelProto]) -> None:
    with pytest.raises(ValueError, match="at least 1x1, got 0x5"):
        export(small[0], (0, 5))
    broken = build(NetworkConfig(**SMALL), 1)
    with torch.no_grad():
        broken.head.bias.fill_(torch.nan)
    with pytest.raises(ValueError, match=r"tensor head\.bias is not finite"):
        export(broken)


def test_a_failed_export_leaves_no_file(small: tuple[Any, onnx.ModelProto], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 1x1"):
        export_file(small[0], tmp_path / "x.onnx", (0, 0))
    assert list(tmp_path.iterdir()) == []


def test_resize_is_the_papers_upsampling(shipped: onnx.ModelProto) -> None:
    resizes = [node for node in shipped.graph.node if node.op_type == "Resize"]
    assert len(resizes) == 2
    for node in resizes:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        assert attributes == {"coordinate_transformation_mode": b"half_pixel", "mode": b"linear"}
