# SPDX-License-Identifier: Apache-2.0
"""For each code a network, or what stands for one, that is refused by it with the line of its page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from biisnet.compile.frontend import OnnxModel, import_onnx, load_model
from biisnet.compile.frontend.loader import from_proto
from biisnet.compile.frontend.prepare import Normalisation, prepare
from biisnet.compile.frontend.shapes import input_shape
from biisnet.compile.frontend.task import find_signature
from biisnet.compile.passes.lowerings import LOWERINGS
from biisnet.compile.passes.order_tasks import check_limits
from biisnet.compile.pipeline import PLAN_STEPS, compile_model, make_plan
from biisnet.compile.progress import Progress
from biisnet.compile.quantise import prove, quantise
from biisnet.compile.recognise import recognise, rewriting
from biisnet.compile.recognise.patterns import convolution
from biisnet.compile.schedules import schedules_for
from biisnet.ops import DOMAIN
from biisnet.targets import resolve

from ..frontend.models import Array, compiled, model_of, node
from ..frontend.test_converters import conv, max_pool, normal, padded, resize, slices
from ..frontend.test_task import model as task_model
from ..frontend.test_task import program
from ..quantise.networks import Maker, frames
from ..quantise.test_float_to_integer import pooled, smaller
from ..quantise.test_proof import CONSTANTS, EMBED, SLOPE, file_of, own
from ..recognise.networks import SIDE, C, Net

Provoke = Callable[[Path, pytest.MonkeyPatch], object]
PROVOKED: dict[str, Provoke] = {}
WEIGHT = {"w": normal(6, 4, 3, 3)}


def provokes(code: str) -> Callable[[Provoke], Provoke]:
    """Register what is refused by a code."""

    def register(provoke: Provoke) -> Provoke:
        assert code not in PROVOKED
        PROVOKED[code] = provoke
        return provoke

    return register


def relu(**more: Any) -> onnx.ModelProto:
    """A network of one layer."""
    return model_of([node("Relu", "x")], **more)


def checked(proto: onnx.ModelProto) -> OnnxModel:
    """The model as it is read from a file."""
    return from_proto(proto, "net.onnx")


def shaped(shape: tuple[int | str, ...], size: tuple[int, int] | None = None, kind: int = TensorProto.FLOAT) -> object:
    """The shape of an image."""
    return input_shape(relu(shape=shape, kind=kind).graph, size, "net.onnx")


def layer(code: str, nodes: list[onnx.NodeProto], constants: dict[str, Array] | None = None, **more: Any) -> None:
    """Register layers that the importer refuses."""
    provokes(code)(lambda _, __: import_onnx(OnnxModel(model_of(nodes, constants or {}, **more), "net.onnx", ""), None))


def sign_net() -> tuple[Net, str]:
    """A binary convolution after Relu."""
    net = Net()
    return net, net.conv(net.op("Sign", net.op("Relu", net.stem())), net.signs(C, C, 3, 3))


# ---- files ----


@provokes("BN001")
def no_onnx(_: Path, __: pytest.MonkeyPatch) -> object:
    Path("net.onnx").write_text("weights, please")
    return load_model(Path("net.onnx"))


@provokes("BN002")
def no_file(_: Path, __: pytest.MonkeyPatch) -> object:
    return load_model(Path("net.onnx"))


@provokes("BN003")
def a_name_that_nobody_makes(_: Path, __: pytest.MonkeyPatch) -> object:
    return checked(model_of([node("Relu", "missing")]))


@provokes("BN004")
def another_file(_: Path, __: pytest.MonkeyPatch) -> object:
    proto = model_of([node("Conv", "x", "w")], WEIGHT)
    proto.graph.initializer[0].data_location = TensorProto.EXTERNAL
    return checked(proto)


@provokes("BN005")
def not_finite(_: Path, __: pytest.MonkeyPatch) -> object:
    return checked(model_of([node("Conv", "x", "w")], {"w": np.full((6, 4, 3, 3), np.nan, np.float32)}))


@provokes("BN006")
def doubles(_: Path, __: pytest.MonkeyPatch) -> object:
    return checked(model_of([node("Conv", "x", "w")], {"w": WEIGHT["w"].astype(np.float64)}))


@provokes("BN007")
def version(_: Path, __: pytest.MonkeyPatch) -> object:
    proto = relu()
    next(o for o in proto.opset_import if o.domain == DOMAIN).version = 3
    return checked(proto)


@provokes("BN008")
def no_body(_: Path, __: pytest.MonkeyPatch) -> object:
    proto = model_of([node("RPReLU", "x", *"abc", domain=DOMAIN)], {n: normal(4) for n in "abc"})
    del proto.functions[:]
    return checked(proto)


@provokes("BN009")
def metadata(_: Path, __: pytest.MonkeyPatch) -> object:
    proto = relu()
    helper.set_model_props(proto, {"threshold": "high"})
    return checked(proto)


# ---- inputs and outputs ----


@provokes("BN101")
def two_inputs(_: Path, __: pytest.MonkeyPatch) -> object:
    proto = model_of([node("Add", "x", "z")])
    proto.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [1, 4, 6, 10]))
    return input_shape(proto.graph, None, "net.onnx")


provokes("BN102")(lambda _, __: shaped((1, 4, 6, 10), kind=TensorProto.DOUBLE))
provokes("BN103")(lambda _, __: shaped((4, 6, 10)))
provokes("BN104")(lambda _, __: shaped((1, 4, 6, 10), (64, 64)))
provokes("BN105")(lambda _, __: shaped((1, 4, 0, 10)))
provokes("BN106")(lambda _, __: shaped((1, 1, 40000, 40000)))
layer("BN107", [node("Relu", "x", output=f"y{n}") for n in range(5)], outputs=[f"y{n}" for n in range(5)])
layer("BN108", [node("Relu", "k")], {"k": normal(1, 1, 1, 1)})
provokes("BN111")(lambda _, __: Normalisation.of((0,), (0,)))
provokes("BN112")(lambda _, __: prepare(checked(relu()), None, Normalisation.of((1, 2, 3), (1, 2, 3))))
provokes("BN113")(lambda _, __: prepare(checked(relu()), "seeing"))
provokes("BN114")(lambda _, __: find_signature(task_model(task="detection"), program((3, 8, 6), (1, 8, 6))))
provokes("BN116")(lambda _, __: prepare(checked(relu()), threshold=2.0))
provokes("BN117")(lambda _, __: prepare(checked(relu()), scores="0,1"))


@provokes("BN115")
def a_scale_of_nothing(_: Path, __: pytest.MonkeyPatch) -> object:
    return find_signature(task_model(**{"com.biisnet.logit_scale": "0.1"}), program((1, 8, 6), (1, 8, 6)))


# ---- recognising ----


@provokes("BN201")
def all_of_it_float(folder: Path, _: pytest.MonkeyPatch) -> object:
    net = Net()
    return compile_model(net.model(net.stem()), None, resolve("rpi4"), folder / "bundle", say=lambda _: None)


@provokes("BN202")
def unknown_domain(_: Path, __: pytest.MonkeyPatch) -> object:
    net = Net()
    net.imports["somebody.else"] = 1
    return recognise(checked(net.proto(net.op("Fancy", net.stem(), domain="somebody.else"))), None)


@provokes("BN203")
def pads_of_two_sides_for_four(_: Path, __: pytest.MonkeyPatch) -> object:
    net = Net()
    signs = net.op("Pad", net.op("Sign", "image"), np.array([0, 0, 1, 1]), np.float32(1))
    return recognise(checked(net.proto(net.conv(signs, net.signs(C, 3, 3, 3), [0] * 4))), None)


@provokes("BN204")
def round_and_round(_: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setattr(rewriting, "ROUNDS", 0)
    net, last = sign_net()
    return recognise(net.model(last), None)


@provokes("BN205")
def signs_of_a_sequence(_: Path, __: pytest.MonkeyPatch) -> object:
    net = Net()
    return recognise(net.model(net.op("Sign", net.op("Reshape", "image", np.array([3, SIDE, SIDE])))), None)


@provokes("BN206")
def tile_of_opset_5(_: Path, __: pytest.MonkeyPatch) -> object:
    net = Net(opset=5)
    return recognise(checked(net.proto(net.op("Tile", "image", np.array([2]), np.array([1])))), None)


@provokes("BN207")
def rewritten_wrongly(_: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    right = convolution.bit_planes

    def planes(*arguments: Any) -> Any:
        found = right(*arguments)
        found[0].factor *= -1
        return found

    monkeypatch.setattr(convolution, "bit_planes", planes)
    net, last = sign_net()
    return recognise(net.model(last), None)


@provokes("BN208")
def a_type_without_kernels(_: Path, __: pytest.MonkeyPatch) -> object:
    net = Net(kind=TensorProto.INT16)
    image = net.op("Cast", net.op("Relu", "image"), to=TensorProto.FLOAT)
    return recognise(net.model(net.conv(net.op("Sign", image), net.signs(C, 3, 3, 3))), None)


# ---- layers ----

layer("BN301", [node("Erf", "x")])
layer("BN302", [node("Conv", "x", "w")], {"w": normal(6, 3, 3, 3)})
layer("BN303", [node("BatchNormalization", "x", *"aaaa")], {"a": np.abs(normal(3))})
layer("BN304", [node("Relu", "x", output="r"), node("Conv", "x", "r")])
layer("BN305", [node("RPReLU", "k", *"abc", domain=DOMAIN)], {n: normal(4) for n in "kabc"})
layer("BN306", [node("Add", "x", "k")], {"k": normal(10)})
layer("BN307", [node("Conv", "x", "w", auto_pad="SAME_UPPER")], WEIGHT)
layer("BN308", *conv([17, 0, 0, 0]))
layer("BN309", *conv([0, 0, 0, 0], strides=[1, 17]))
LONG = {"w": np.zeros((2, 228, 3, 3), np.uint8), "s": normal(2), "o": normal(2), "a": np.float32([-1, 1])}
LONG |= {"l": np.float32([[-1, 1]]), "t": normal(1)}
layer("BN310", [node("BinaryConv2d", "x", *"wsoalt", domain=DOMAIN, channels=1824)], LONG, shape=(1, 1824, 6, 10))
layer("BN311", [node("Conv", "x", "w")], {"w": normal(6, 4, 7, 3)})
layer("BN312", [node("Relu", "x")], kind=TensorProto.UINT8)
HALF = node("AveragePool", "x", output="p", kernel_shape=[2, 2], strides=[2, 2])
layer("BN321", [HALF, node("Add", "x", "p")])
SUMS = node("ConvInteger", "x", "w", output="s")
layer("BN322", [SUMS, node("Mul", "s", "s")], {"w": np.ones((6, 4, 3, 3), np.int8)}, kind=TensorProto.UINT8)
layer("BN323", [node("Div", "x", "k")], {"k": np.zeros((1, 1, 1, 1), np.float32)})
layer("BN324", [node("Clip", "x", "l", "u")], {"l": np.float32(1), "u": np.float32(-1)})
layer("BN325", [node("Conv", "x", "w")], {"w": normal(1048577, 4, 1, 1)})
layer("BN326", [node("AveragePool", "x", kernel_shape=[9, 9], strides=[2, 2])])
layer("BN327", *max_pool(17))
layer("BN328", *resize("linear", "half_pixel", factor=3))
layer("BN329", [node("Concat", "x", "x", axis=2)])
layer("BN330", *padded([0, 0, 0, 0, 0, 0, 1, 1], "constant"))
layer("BN331", *slices([0], [6], [2], [17]))
layer("BN332", [node("RPReLU", "x", *"aaa", domain=DOMAIN)], {"a": normal(3)})
layer("BN333", [node("ConvInteger", "x", "w")], {"w": np.ones((6, 4, 3, 3), np.uint8)}, kind=TensorProto.UINT8)

layer("BN334", [node("Gather", "x", "k", axis=1)], {"k": np.array([0, 3, 1, 2])})
layer("BN335", [node("ReduceMax", "x", "k")], {"k": np.array([2])})


# ---- the whole network ----


@provokes("BN401")
def a_long_chain(_: Path, __: pytest.MonkeyPatch) -> object:
    names = ["x", *(f"a{n}" for n in range(999)), "y"]
    nodes = [node("Add", names[n], names[n], output=names[n + 1]) for n in range(1000)]
    target = resolve("rpi4")
    progress = Progress(PLAN_STEPS, lambda _: None, None)
    return make_plan(checked(model_of(nodes)), None, target, progress, schedules_for(target.core))


@provokes("BN402")
def products_beyond_float32(_: Path, __: pytest.MonkeyPatch) -> object:
    nodes = [node("Mul", "x", "k", output="r"), node("Mul", "r", "k")]
    return compiled(model_of(nodes, {"k": np.float32(1e30)}), normal(4, 6, 10))


provokes("BN403")(lambda _, __: check_limits(SimpleNamespace(steps=[None] * 65536)))


@provokes("BN404")
def a_stage_of_many_bands(_: Path, __: pytest.MonkeyPatch) -> object:
    return check_limits(SimpleNamespace(steps=[SimpleNamespace(stage=SimpleNamespace(name="y"))], counts=[65536]))


@provokes("BN405")
def a_lowering_that_is_missing(_: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.delitem(LOWERINGS, "relax.sigmoid")
    return compiled(model_of([node("Sigmoid", "x")]), normal(4, 6, 10))


@provokes("BN406")
def sums_for_an_output(_: Path, __: pytest.MonkeyPatch) -> object:
    weight = np.ones((6, 4, 3, 3), np.int8)
    proto = model_of([node("ConvInteger", "x", "w")], {"w": weight}, kind=TensorProto.UINT8)
    return compiled(proto, np.zeros((4, 6, 10), np.uint8))


# ---- integers ----


def small(body: Callable[[Maker, str], str] = lambda _, x: x, **constants: Array) -> OnnxModel:
    """A network of an embedding, what is within it, and a head; with other constants."""
    m = Maker()
    m.node("Sigmoid", [m.head(body(m, m.embed("image", "embedding", 8)), 8)], "probability")
    m.constants |= constants
    return from_proto(m.proto("probability"), "net.onnx")


@provokes("BN501")
def no_integer_form(_: Path, __: pytest.MonkeyPatch) -> object:
    return quantise(small(pooled), frames(1, 8, 8))


@provokes("BN502")
def sums_of_no_scale(_: Path, __: pytest.MonkeyPatch) -> object:
    return quantise(small(**{"embedding.weight": np.full((8, 1, 3, 3), 1e16, np.float32)}), frames(1, 8, 8))


@provokes("BN503")
def quantised_twice(_: Path, __: pytest.MonkeyPatch) -> object:
    return quantise(quantise(small(), frames(1, 8, 8)), frames(1, 8, 8))


@provokes("BN504")
def frames_of_two_sizes(_: Path, __: pytest.MonkeyPatch) -> object:
    return quantise(small(), [*frames(1, 4, 4), *frames(1, 4, 6)])


provokes("BN505")(lambda _, __: quantise(small(smaller), frames(1, 8, 8)))


@provokes("BN506")
def a_float_layer_among_integers(_: Path, __: pytest.MonkeyPatch) -> object:
    return prove(file_of([*EMBED, node("Relu", "map")], CONSTANTS))


@provokes("BN507")
def a_slope_of_the_frame(_: Path, __: pytest.MonkeyPatch) -> object:
    return prove(file_of([own("IntegerTwoSlope", ["image", "n", "p"], "slope"), SLOPE[-1]], CONSTANTS))


@provokes("BN508")
def sums_that_overflow(_: Path, __: pytest.MonkeyPatch) -> object:
    return prove(file_of(SLOPE, CONSTANTS | {"c": np.array([0, 32000], np.int32)}))
