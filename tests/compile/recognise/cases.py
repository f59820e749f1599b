# SPDX-License-Identifier: Apache-2.0
"""Obstacles that public binarized networks have, one a network, and what is right for each.

`binary` names how many convolutions are binary, of all in the file; `kernels` how many BinaryConv2d they become;
`refused` is what the refusal says, where an operator has no kernel yet; `says` a line for the user.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from .networks import SIDE, C, Net

Build = Callable[[Net], str]


@dataclass(frozen=True)
class Case:
    """A network and its right outcome."""

    name: str
    build: Build
    binary: tuple[int, int] | None = None
    kernels: int = 1
    refused: str = ""
    says: str = ""
    shape: tuple[int | str, ...] = (1, 3, SIDE, SIDE)
    kind: int = TensorProto.FLOAT
    output_kind: int = TensorProto.FLOAT


CASES: list[Case] = []


def case(
    binary: tuple[int, int] | None = (1, 2),
    kernels: int = 1,
    refused: str = "",
    says: str = "",
    shape: tuple[int | str, ...] = (1, 3, SIDE, SIDE),
    kind: int = TensorProto.FLOAT,
    output_kind: int = TensorProto.FLOAT,
) -> Callable[[Build], Build]:
    """Register a network."""

    def register(build: Build) -> Build:
        CASES.append(Case(build.__name__, build, binary, kernels, refused, says, shape, kind, output_kind))
        return build

    return register


def scalar(value: float) -> np.ndarray:
    return np.array([value], np.float32)


# ---- activations ----


@case(says="never 0 where its sign is taken")
def a01_sign(n: Net) -> str:
    x = n.stem()
    return n.op("Add", n.norm(n.conv(n.op("Sign", x), n.signs(C, C, 3, 3))), x)


@case()
def a02_scale_a_channel(n: Net) -> str:
    scale = 0.05 + 0.1 * n.rng.random((C, 1, 1, 1))
    return n.norm(n.conv(n.op("Sign", n.stem()), n.signs(C, C, 3, 3) * scale))


@case()
def a03_sign_after_relu(n: Net) -> str:
    return n.norm(n.conv(n.op("Sign", n.op("Relu", n.stem())), n.signs(C, C, 3, 3)))


@case(shape=(1, SIDE, SIDE, 3), says="channels first")
def a04_larq_channels_last(n: Net) -> str:
    x = n.stem(source=n.op("Transpose", "image", perm=[0, 3, 1, 2]))
    last = n.op("Transpose", x, perm=[0, 2, 3, 1])
    signs = n.op("Sign", n.op("Add", n.op("Sign", last), scalar(0.1)))
    padded = n.op("Pad", signs, np.array([0, 1, 1, 0, 0, 1, 1, 0]), scalar(1.0))
    y = n.conv(n.op("Transpose", padded, perm=[0, 3, 1, 2]), n.signs(C, C, 3, 3), [0] * 4)
    return n.op("Add", n.norm(n.op("Relu", y)), x)


@case()
def a05_polynomial_left_in(n: Net) -> str:
    x = n.stem()
    one, two = scalar(1.0), scalar(2.0)
    mask = n.op("Cast", n.op("Less", x, scalar(0.0)), to=TensorProto.FLOAT)
    square = n.op("Mul", x, x)
    left = n.op("Mul", mask, n.op("Add", square, n.op("Mul", x, two)))
    right = n.op("Mul", n.op("Sub", one, mask), n.op("Sub", n.op("Mul", x, two), square))
    e = n.op("Add", left, right)
    return n.conv(n.op("Add", n.op("Sub", n.op("Sign", x), e), e), n.signs(C, C, 3, 3))


@case()
def a06_tanh_left_in(n: Net) -> str:
    x = n.stem()
    e = n.op("Tanh", n.op("Mul", x, scalar(1.7)))
    return n.conv(n.op("Add", n.op("Sub", n.op("Sign", x), e), e), 0.05 * n.signs(C, C, 3, 3))


@case()
def a08_where_zero_is_one(n: Net) -> str:
    s = n.op("Sign", n.stem())
    return n.conv(n.op("Where", n.op("Equal", s, scalar(0.0)), scalar(1.0), s), n.signs(C, C, 3, 3))


@case()
def a09_comparison_cast_mul_sub(n: Net) -> str:
    b = n.op("Cast", n.op("GreaterOrEqual", n.stem(), scalar(0.0)), to=TensorProto.FLOAT)
    return n.conv(n.op("Sub", n.op("Mul", b, scalar(2.0)), scalar(1.0)), n.signs(C, C, 3, 3))


@case()
def a10_strict_levels_0_1(n: Net) -> str:
    b = n.op("Cast", n.op("Greater", n.stem(), scalar(0.5)), to=TensorProto.FLOAT)
    return n.conv(b, n.signs(C, C, 3, 3))


@case()
def a11_less_than_a_channels_threshold(n: Net) -> str:
    below = n.op("Less", n.stem(), n.normal(1, C, 1, 1))
    return n.conv(n.op("Where", below, scalar(-1.0), scalar(1.0)), n.signs(C, C, 3, 3))


@case(kernels=2, says="its padding is no level of its activations")
def a12_adabin(n: Net) -> str:
    s = n.op("Sign", n.op("Div", n.op("Sub", n.stem(), scalar(0.25)), scalar(0.8)))
    return n.conv(n.op("Mul", n.op("Add", s, scalar(0.25)), scalar(0.8)), 0.05 * n.signs(C, C, 3, 3))


@case(says="its activations have 4 levels")
def a13_dorefa_two_bits(n: Net) -> str:
    x = n.op("Round", n.op("Mul", n.op("Clip", n.stem(), scalar(0.0), scalar(1.0)), scalar(3.0)))
    return n.conv(n.op("Mul", x, scalar(1 / 3)), n.signs(C, C, 3, 3))


@case(binary=(2, 3), kernels=2)
def a14_grouped_and_dilated(n: Net) -> str:
    s = n.op("Sign", n.stem())
    grouped = n.conv(s, n.signs(C, 2, 3, 3), group=4)
    return n.op("Add", grouped, n.conv(s, n.signs(C, C, 3, 3), [2] * 4, dilations=[2, 2]))


@case()
def a15_bias_is_threshold(n: Net) -> str:
    x = n.stem()
    y = n.conv(n.op("Sign", n.op("Add", x, n.normal(1, C, 1, 1))), n.signs(C, C, 3, 3))
    return n.op("PRelu", n.op("Add", n.norm(y), x), n.rng.random((C, 1, 1)))


@case()
def a16_stride_and_asymmetric_pads(n: Net) -> str:
    return n.conv(n.op("Sign", n.stem()), n.signs(16, C, 3, 3), [0, 0, 1, 1], strides=[2, 2])


@case()
def a17_pad_of_minus_one(n: Net) -> str:
    padded = n.op("Pad", n.op("Sign", n.stem()), np.array([0, 0, 1, 1, 0, 0, 1, 1]), scalar(-1.0))
    return n.conv(padded, n.signs(C, C, 3, 3), [0] * 4)


@case()
def a18_auto_pad(n: Net) -> str:
    weight = n.signs(C, C, 3, 3)
    return n.op("Conv", n.op("Sign", n.stem()), weight, auto_pad="SAME_UPPER", strides=[2, 2])


@case()
def a19_bias_expanded_to_a_map(n: Net) -> str:
    x = n.stem()
    bias = n.op("Expand", n.normal(1, C, 1, 1), n.op("Shape", x))
    return n.conv(n.op("Sign", n.op("Add", x, bias)), n.signs(C, C, 3, 3))


@case(says="Sign(0) is 0 and may occur")
def a20_sign_of_a_sum(n: Net) -> str:
    x = n.stem()
    return n.conv(n.op("Sign", n.op("Add", x, n.op("Relu", x))), n.signs(C, C, 3, 3))


@case(says="its padding is no level of its activations")
def a21_shifted_sign_of_a_sum(n: Net) -> str:
    x = n.stem()
    s = n.op("Add", n.op("Sign", n.op("Add", x, n.op("Relu", x))), scalar(0.5))
    return n.conv(s, n.signs(C, C, 3, 3))


# ---- weights ----


@case(says="two levels but for rounding")
def w01_levels_but_for_rounding(n: Net) -> str:
    weight = n.signs(C, C, 3, 3) * 0.014 * (1 + 3e-7 * n.rng.integers(-1, 2, (C, C, 3, 3)))
    return n.conv(n.op("Sign", n.stem()), weight.astype(np.float32))


@case()
def w02_binarized_in_the_graph(n: Net) -> str:
    weight = n.constant(n.normal(C, C, 3, 3))
    mean = n.op("ReduceMean", n.op("Abs", weight), axes=[1, 2, 3])
    clipped = n.op("Clip", weight, scalar(-1.0), scalar(1.0))
    binarized = n.op("Mul", n.op("Sign", weight), mean)
    w = n.op("Add", n.op("Sub", binarized, clipped), clipped)
    return n.op("Conv", n.op("Sign", n.stem()), w, kernel_shape=[3, 3], pads=[1] * 4)


@case(binary=(0, 2), kernels=1, says="ternary")
def w03_ternary(n: Net) -> str:
    weight = n.rng.choice([-1.0, 0.0, 1.0], (C, C, 3, 3)).astype(np.float32)
    return n.conv(n.op("Sign", n.stem()), weight)


@case(binary=(0, 1), kernels=0, says="BinaryConnect")
def w04_binary_weights_float_input(n: Net) -> str:
    return n.conv("image", n.signs(C, 3, 3, 3))


@case()
def w05_weights_of_0_and_1(n: Net) -> str:
    weight = n.rng.choice([0.0, 0.25], (C, C, 3, 3)).astype(np.float32)
    return n.conv(n.op("Sign", n.stem()), weight)


@case(binary=(0, 2), kernels=1, says="have up to 72 values in a filter")
def w06_float_weights_on_signs(n: Net) -> str:
    return n.conv(n.op("Sign", n.stem()), n.normal(C, C, 3, 3))


@case(binary=(0, 2), kernels=0, shape=(1, 16, 4, 4))
def w07_131072_weights(n: Net) -> str:
    y = n.op("Conv", "image", n.op("Tile", n.normal(16, 16, 1, 1), np.array([16, 1, 1, 1])), kernel_shape=[1, 1])
    weight = n.op("Tile", n.normal(32, 16, 1, 1), np.array([16, 16, 1, 1]))
    return n.op("Conv", y, weight, kernel_shape=[1, 1])


@case(binary=(1, 1), shape=(1, 1, SIDE, SIDE))
def a20_vector_and_ones_like_it(n: Net) -> str:
    """torch.where(sign == 0, torch.ones_like(sign), sign) of a flattened image: a one for each pixel."""
    sign = n.op("Sign", n.op("Flatten", n.op("Sub", "image", scalar(128.0)), axis=1))
    ones = np.ones((1, SIDE * SIDE), np.float32)
    return n.op("MatMul", n.op("Where", n.op("Equal", sign, scalar(0.0)), ones, sign), n.signs(SIDE * SIDE, 10))


# ---- Brevitas, QONNX, FINN ----


def quantized(n: Net, domain: str) -> str:
    weight = n.op("BipolarQuant", n.normal(C, C, 3, 3), scalar(0.1), domain=domain)
    x = n.op("BipolarQuant", n.stem(), scalar(1.0), domain=domain)
    return n.op("Conv", x, weight, kernel_shape=[3, 3], pads=[1] * 4)


@case()
def q01_qonnx(n: Net) -> str:
    n.imports["qonnx.custom_op.general"] = 2
    return quantized(n, "qonnx.custom_op.general")


@case()
def q02_brevitas_without_import(n: Net) -> str:
    return quantized(n, "onnx.brevitas")


@case()
def q03_finn(n: Net) -> str:
    n.imports["finn.custom_op.general"] = 1
    return quantized(n, "finn.custom_op.general")


@case(binary=(0, 2), kernels=0, refused=r"operator onnx\.brevitas::Quant is not supported")
def q04_quant_of_eight_bits(n: Net) -> str:
    parameters = scalar(1 / 128), scalar(0.0), scalar(8.0)
    x = n.op("Quant", n.stem(), *parameters, domain="onnx.brevitas", signed=1, narrow=0, rounding_mode="ROUND")
    return n.conv(x, n.signs(C, C, 3, 3))


@case(binary=(1, 2), shape=(1, 3, SIDE, SIDE))
def q04_image_of_eight_bits(n: Net) -> str:
    n.imports["qonnx.custom_op.general"] = 2
    pixels = n.op("Sub", n.op("Mul", "image", scalar(2 / 255)), scalar(1.0))
    parameters = scalar(1 / 128), scalar(0.0), scalar(8.0)
    x = n.op("Quant", pixels, *parameters, domain="qonnx.custom_op.general", signed=1, narrow=0, rounding_mode="ROUND")
    return n.conv(n.op("Sign", n.stem(source=x)), n.signs(C, C, 3, 3))


@case(binary=(2, 2), kernels=2, shape=(1, 1, SIDE, SIDE))
def q04_brevitas_fully_connected(n: Net) -> str:
    """Its exporter's version 2, its weights among the inputs, a norm of all scores whose power is computed in the
    file."""
    n.imports["qonnx.custom_op.general"] = 2
    domain, one = "qonnx.custom_op.general", scalar(1.0)
    variance = n.constant(scalar(2.5))
    n.inputs.append(helper.make_tensor_value_info(variance, TensorProto.FLOAT, [1]))
    x = n.op("Sub", n.op("Mul", n.op("Reshape", "image", np.array([1, -1])), scalar(2.0)), one)
    for inputs, outputs in ((SIDE * SIDE, 16), (16, 10)):
        weight = n.op("Transpose", n.op("BipolarQuant", n.normal(outputs, inputs), one, domain=domain), perm=[1, 0])
        x = n.op("MatMul", n.op("BipolarQuant", x, one, domain=domain), weight)
        if inputs > 16:
            x = n.norm(x, outputs)
    return n.op("Div", n.op("Sub", x, scalar(0.25)), n.op("Pow", variance, scalar(0.5)))


@case(says="its activations have 3 levels")
def q05_quant_of_two_bits(n: Net) -> str:
    n.imports["qonnx.custom_op.general"] = 2
    parameters = scalar(0.5), scalar(0.0), scalar(2.0)
    x = n.op(
        "Quant", n.stem(), *parameters, domain="qonnx.custom_op.general", signed=1, narrow=1, rounding_mode="ROUND"
    )
    return n.conv(x, n.signs(C, C, 3, 3))


@case()
def q06_multithreshold(n: Net) -> str:
    n.imports["finn.custom_op.general"] = 1
    x = n.op("MultiThreshold", n.stem(), n.normal(C, 1), domain="finn.custom_op.general",
             out_bias=-1.0, out_dtype="BIPOLAR", out_scale=2.0)  # fmt: skip
    return n.conv(x, n.signs(C, C, 3, 3))


@case()
def q07_quant_of_one_bit(n: Net) -> str:
    n.imports["qonnx.custom_op.general"] = 2
    parameters = scalar(0.5), scalar(0.0), scalar(1.0)
    x = n.op(
        "Quant", n.stem(), *parameters, domain="qonnx.custom_op.general", signed=0, narrow=0, rounding_mode="FLOOR"
    )
    return n.conv(x, n.signs(C, C, 3, 3))


# ---- other layers ----


@case(binary=(0, 1), kernels=0)
def s01_max_pool_after_stem(n: Net) -> str:
    y = n.norm(n.conv("image", n.normal(C, 3, 7, 7), strides=[2, 2]))
    return n.op("MaxPool", n.op("Relu", y), kernel_shape=[3, 3], pads=[1] * 4, strides=[2, 2])


@case(binary=(0, 1), kernels=0)
def s02_max_pool_stride_1(n: Net) -> str:
    return n.op("MaxPool", n.op("Relu", n.stem()), kernel_shape=[2, 2], strides=[1, 1])


@case()
def s03_max_pool_of_signs(n: Net) -> str:
    pooled = n.op("MaxPool", n.op("Sign", n.stem()), kernel_shape=[2, 2], strides=[2, 2])
    b = n.op("Where", n.op("Equal", pooled, scalar(0.0)), scalar(1.0), pooled)
    return n.conv(b, n.signs(C, C, 3, 3))


@case(binary=(0, 2), kernels=0, says="[1, 10, 1, 1] instead of [1, 10]")
def s05_head_of_scores(n: Net) -> str:
    y = n.op("Flatten", n.op("GlobalAveragePool", n.stem()), axis=1)
    return n.op("Gemm", y, n.normal(10, C), n.normal(10), transB=1)


@case(binary=(0, 2), kernels=0, says="'out': the scores that ArgMax chooses among", output_kind=TensorProto.INT64)
def s07_head_of_argmax(n: Net) -> str:
    y = n.op("ReduceMean", n.stem(), axes=[2, 3], keepdims=0)
    return n.op("ArgMax", n.op("Gemm", y, n.normal(10, C), n.normal(10), transB=1), axis=1, keepdims=1)


@case(binary=(0, 2), kernels=0, says="the scores that TopK chooses among", output_kind=TensorProto.INT64)
def s06_head_of_top_k(n: Net) -> str:
    y = n.op("Flatten", n.op("GlobalAveragePool", n.stem()), axis=1)
    scores = n.op("Softmax", n.op("Gemm", y, n.normal(10, C), n.normal(10), transB=1), axis=1)
    return n.op("TopK", scores, np.array([3]), outputs=2, axis=1) + ".1"


@case(binary=(0, 2), kernels=0)
def s09_head_of_log_softmax(n: Net) -> str:
    y = n.op("Flatten", n.op("GlobalAveragePool", n.stem()), axis=1)
    return n.op("LogSoftmax", n.op("Gemm", y, n.normal(10, C), n.normal(10), transB=1), axis=-1)


@case(binary=(1, 3))
def s12_softmax_of_pixels(n: Net) -> str:
    y = n.conv(n.op("Sign", n.stem()), n.signs(C, C, 3, 3))
    return n.op("Softmax", n.conv(n.norm(y), n.normal(4, C, 1, 1)), axis=1)


@case(binary=(0, 1), kernels=0)
def s13_softmax_with_channels_last(n: Net) -> str:
    y = n.op("Softmax", n.op("Transpose", n.stem(), perm=[0, 2, 3, 1]), axis=3)
    return n.op("Transpose", y, perm=[0, 3, 1, 2])


@case(binary=(3, 3), kernels=3, shape=(1, 1, SIDE, SIDE))
def s08_fully_connected(n: Net) -> str:
    y = n.op("MatMul", n.op("Sign", n.op("Reshape", "image", np.array([1, SIDE * SIDE]))), n.signs(SIDE * SIDE, C))
    y = n.op("MatMul", n.op("Sign", n.norm(y)), n.signs(C, C))
    return n.op("Gemm", n.op("Sign", n.norm(y)), n.signs(10, C), n.normal(10), transB=1)


@case(binary=(0, 1), kernels=0)
def s10_average_pool_with_ceil_mode(n: Net) -> str:
    return n.op("AveragePool", n.stem(), kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1, count_include_pad=0)


@case(binary=(0, 1), kernels=0, shape=(1, 3, 17, 17))
def s10_average_of_17_rows(n: Net) -> str:
    return n.op("GlobalAveragePool", n.stem())


@case(binary=(0, 1), kernels=0, shape=(1, 3, 30, 30))
def s10_average_of_13x9(n: Net) -> str:
    return n.op("AveragePool", n.stem(), kernel_shape=[13, 9], strides=[3, 2])


@case(binary=(0, 1), kernels=0)
def s11_average_pool_1x1(n: Net) -> str:
    return n.op("AveragePool", n.stem(), kernel_shape=[1, 1], strides=[1, 1])


@case()
def s14_sum_with_padded_channels(n: Net) -> str:
    x = n.stem(24)
    y = n.conv(n.op("Sign", x), n.signs(8, 24, 3, 3))
    return n.op("Add", x, n.op("Pad", y, np.array([0, 16, 0, 0, 0, 0, 0, 0]), scalar(0.0)))


@case()
def s14_shortcut_of_option_a(n: Net) -> str:
    x = n.stem()
    y = n.norm(n.conv(n.op("Sign", x), n.signs(16, C, 3, 3), strides=[2, 2]), 16)
    ends, axes = np.array([2**31, 2**31]), np.array([2, 3])
    halved = n.op("Slice", x, np.array([0, 0]), ends, axes, np.array([2, 2]))
    return n.op("Relu", n.op("Add", y, n.op("Pad", halved, np.array([0, 4, 0, 0, 0, 4, 0, 0]), scalar(0.0))))


@case(binary=(0, 1), kernels=0)
def s15_slices_of_channels(n: Net) -> str:
    x, one = n.stem(16), np.array([1])
    parts = [n.op("Slice", x, np.array([a]), np.array([b]), one) for a, b in ((0, 8), (8, 16))]
    return n.op("Div", n.op("Add", *parts), scalar(2.0))


@case(binary=(0, 1), kernels=0)
def s17_pixel_shuffle(n: Net) -> str:
    return n.op("DepthToSpace", n.stem(16), blocksize=2, mode="CRD")


@case(binary=(0, 1), kernels=0)
def s18_pixel_shuffle_by_hand(n: Net) -> str:
    y = n.op("Reshape", n.stem(16), np.array([1, 4, 2, 2, SIDE, SIDE]))
    y = n.op("Transpose", y, perm=[0, 1, 4, 2, 5, 3])
    return n.op("Reshape", y, np.array([1, 4, 2 * SIDE, 2 * SIDE]))


@case(binary=(1, 2), kernels=1)
def s19_channel_shuffle(n: Net) -> str:
    y = n.op("Reshape", n.stem(), np.array([1, 2, C // 2, SIDE, SIDE]))
    y = n.op("Reshape", n.op("Transpose", y, perm=[0, 2, 1, 3, 4]), np.array([1, C, SIDE, SIDE]))
    return n.conv(n.op("Sign", y), n.signs(C, C, 3, 3))


@case()
def s20_product_of_two_maps(n: Net) -> str:
    x = n.stem()
    return n.op("Mul", x, n.conv(n.op("Sign", x), n.signs(C, C, 3, 3)))


@case(binary=(1, 4))
def s21_gate_of_squeeze_and_excitation(n: Net) -> str:
    x = n.stem()
    y = n.norm(n.conv(n.op("Sign", x), n.signs(C, C, 3, 3)))
    gate = n.op("GlobalAveragePool", x)
    gate = n.op("Relu", n.conv(gate, n.normal(2, C, 1, 1)))
    gate = n.op("Sigmoid", n.conv(gate, n.normal(C, 2, 1, 1)))
    return n.op("Add", n.op("Mul", y, gate), x)


@case(binary=(1, 4))
def s21_gate_as_vectors_and_expanded(n: Net) -> str:
    x = n.stem()
    y = n.norm(n.conv(n.op("Sign", x), n.signs(C, C, 3, 3)))
    pooled = n.op("Reshape", n.op("GlobalAveragePool", x), np.array([1, C]))
    gate = n.op("Relu", n.op("MatMul", pooled, n.normal(C, 2)))
    gate = n.op("Sigmoid", n.op("Gemm", gate, n.normal(C, 2), n.normal(C), transB=1))
    gate = n.op("Expand", n.op("Reshape", gate, np.array([1, C, 1, 1])), n.op("Shape", y))
    return n.op("Add", n.op("Mul", y, gate), x)


@case(binary=(1, 3))
def s21_attention_of_a_plane(n: Net) -> str:
    x = n.stem()
    y = n.norm(n.conv(n.op("Sign", x), n.signs(C, C, 3, 3)))
    return n.op("Mul", n.op("Tanh", n.conv(x, n.normal(1, C, 1, 1))), n.op("Neg", y))


@case(binary=(0, 1), kernels=0)
def s22_layer_norm(n: Net) -> str:
    y = n.op("Transpose", n.stem(), perm=[0, 2, 3, 1])
    y = n.op("LayerNormalization", y, np.ones(C, np.float32), np.zeros(C, np.float32), axis=-1)
    return n.op("Transpose", y, perm=[0, 3, 1, 2])


@case(binary=(0, 1), kernels=0)
def s23_reflect_pad_of_nothing(n: Net) -> str:
    return n.stem(source=n.op("Pad", "image", np.zeros(8, np.int64), mode="reflect"))


@case()
def s24_hard_tanh_then_sign(n: Net) -> str:
    return n.conv(n.op("Sign", n.op("Clip", n.stem(), scalar(-1.0), scalar(1.0))), n.signs(C, C, 3, 3))


@case(binary=(0, 2), kernels=0)
def s25_depthwise_stride_2(n: Net) -> str:
    return n.conv(n.stem(), n.normal(C, 1, 3, 3), group=C, strides=[2, 2])


# ---- inputs ----


@case(binary=(0, 1), kernels=0, kind=TensorProto.UINT8)
def i02_uint8(n: Net) -> str:
    return n.stem(source=n.op("Div", n.op("Cast", "image", to=TensorProto.FLOAT), scalar(255.0)))


@case(binary=(0, 1), kernels=0, refused="has 2 inputs; one image")
def i03_two_inputs(n: Net) -> str:
    n.inputs.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1, 3, SIDE, SIDE]))
    return n.stem(source=n.op("Concat", "image", "mask", axis=1), inputs=6)


@case(binary=(0, 1), kernels=0, shape=("N", 3, SIDE, SIDE))
def i04_symbolic_batch(n: Net) -> str:
    return n.stem()


@case(binary=(0, 1), kernels=0)
def i05_float16_weights(n: Net) -> str:
    weight = n.op("Cast", n.constant(n.normal(C, 3, 3, 3).astype(np.float16)), to=TensorProto.FLOAT)
    return n.op("Conv", "image", weight, kernel_shape=[3, 3], pads=[1] * 4)


@case(binary=(0, 1), kernels=0)
def i06_mean_and_deviation(n: Net) -> str:
    mean, deviation = (
        np.array(v, np.float32).reshape(1, 3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    )
    return n.stem(source=n.op("Div", n.op("Sub", n.op("Div", "image", scalar(255.0)), mean), deviation))


@case(binary=(0, 1), kernels=0)
def i09_weight_as_constant_node(n: Net) -> str:
    weight = n.op("Constant", value=numpy_helper.from_array(n.normal(C, 3, 3, 3)))
    return n.op("Conv", "image", weight, kernel_shape=[3, 3], pads=[1] * 4)


@case(binary=(0, 1), kernels=0)
def i10_dropout(n: Net) -> str:
    return n.op("Dropout", n.stem())


@case(binary=(0, 1), kernels=0)
def i11_rgb_map(n: Net) -> str:
    return n.stem()


# ---- in com.biisnet operators already ----


@case(binary=None)
def b01_adabin_levels_padded_with_0(n: Net) -> str:
    return n.binary(n.stem(), levels=np.array([-0.6, 1.0], np.float32))


@case(binary=(1, 2), kernels=2, shape=(1, 1, 7, 7))
def b02_25088_taps(n: Net) -> str:
    y = n.op("Conv", "image", n.op("Tile", n.normal(16, 1, 1, 1), np.array([32, 1, 1, 1])), kernel_shape=[1, 1])
    return n.binary(y, 512, 8, 7, pads=[0] * 4)


@case(binary=None)
def b03_groups_of_one(n: Net) -> str:
    return n.binary(n.stem(), 1, 16, group=C)


@case(binary=None, kernels=2, shape=(1, 1, 1, 1))
def b04_fully_connected_as_1x1(n: Net) -> str:
    y = n.op("Conv", "image", n.normal(64, 1, 1, 1), kernel_shape=[1, 1])
    return n.binary(n.binary(y, 64, 32, 1), 32, 16, 1)


@case(binary=None, kernels=3)
def b05_dense_block(n: Net) -> str:
    x = n.stem()
    for k in range(3):
        width = C * (k + 1)
        x = n.op("Concat", x, n.binary(n.norm(x, width), width), axis=1)
    return x


@case(binary=None)
def b07_relu_after_the_accumulator(n: Net) -> str:
    x = n.stem()
    return n.op("Add", n.norm(n.op("Relu", n.binary(x, pad_value=1.0))), x)


@case(binary=(0, 2), kernels=0, shape=(1, 1, 56, 56))
def b09_average_of_56_rows_as_depthwise(n: Net) -> str:
    weight = n.op("Tile", np.full((C, 1, 1, 1), 1 / 56**2, np.float32), np.array([1, 1, 56, 56]))
    return n.op("Conv", n.stem(inputs=1), weight, kernel_shape=[56, 56], group=C)


@case(binary=None)
def b10_stride_2_1x1(n: Net) -> str:
    return n.binary(n.stem(), C, 16, 1, strides=[2, 2])


@case(binary=(1, 1), kernels=4, shape=(1, 272, SIDE, SIDE), says="two bits an activation")
def b11_fully_connected_of_17408_taps(n: Net) -> str:
    y = n.op("Flatten", n.op("Sign", "image"), axis=1)
    return n.op("Gemm", y, n.signs(5, 272 * SIDE * SIDE), n.normal(5), transB=1)
