# SPDX-License-Identifier: Apache-2.0
"""lower_layers: com.biisnet layers become binary_dot, spread, scale_shift and two_slope, and mean the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tvm
from tvm import relax
from tvm.relax import op as R  # noqa: N812

from biisnet.compile.kernels import BinaryDot
from biisnet.compile.passes.cut_stages import cut_stages
from biisnet.compile.passes.lower_layers import lower_layers
from biisnet.compile.passes.relax_ops import call
from biisnet.compile.passes.rewrite import counts
from biisnet.ops import REGISTRY, pack_weights
from biisnet.ops.packing import pack_bits
from biisnet.targets.cores import GENERIC

from .graphs import module_of, picture, run_program, vector
from .relax_numpy import operators, run

GEOMETRY = {"strides": [1, 1], "pads": [1, 1, 1, 1], "dilations": [1, 1], "group": 1, "pad_value": 0.0}
SIGNS = ((-1, 1), (-1, 1))
SCHEMES = {  # Table 1: levels of activations, of weights; values of padding that are supported
    "BNN": ((-1, 1), ((-1, 1),), (-1, 0, 1)),
    "SiBNN": ((0, 1), ((-1, 1),), (0, 0.5, 1)),
    "SiMaN": ((-1, 1), ((0, 1),), (-1, 0, 1)),
    "AdaBin": ((-0.5, 2.5), ((-0.25, 1), (0.5, 2), (-3, -1)), (-0.5, 1, 2.5)),
    "falling levels": ((2, -1), ((1, -2),), (2, 0.5, -1)),
}


def binary_layer(
    activations: Any, weights: Any, shape: tuple[int, int, int], outputs: int, **attributes: Any
) -> tuple[tvm.IRModule, dict[str, Any]]:
    """A module of one BinaryConv2d, and the inputs of its reference but for X."""
    rng, given = np.random.default_rng(1), {**GEOMETRY, **attributes}
    channels = shape[0] // given["group"]
    given["channels"] = channels
    levels = np.float32(weights)
    if len(levels) > 1:
        levels = levels[np.arange(outputs) % len(levels)]
    arrays = [
        pack_weights(rng.random((outputs, channels, 3, 3)) < 0.5),
        vector(2, outputs),
        vector(3, outputs),
        np.float32(activations),
        levels,
        vector(4, shape[0]),
    ]
    return (module_of(lambda x: call("binary_conv2d", [x, *arrays], **given), shape), {"arrays": arrays, **given})


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize(
    "more",
    [{}, {"group": 2}, {"strides": [2, 1], "dilations": [1, 2], "pads": [2, 0, 1, 3]}, {"pads": [0, 0, 0, 0]}],
    ids=str,
)
def test_every_scheme(scheme: str, padding: int, more: dict[str, Any]) -> None:
    """Fails where levels, border or groups are lowered to other numbers than the operator's own meaning."""
    activations, weights, values = SCHEMES[scheme]
    module, given = binary_layer(activations, weights, (6, 7, 9), 6, pad_value=float(values[padding]), **more)
    arrays, image = given.pop("arrays"), picture((6, 7, 9))
    expected = REGISTRY["BinaryConv2d"].reference(image[None], *arrays, **given)[0]
    lowered = lower_layers(module)
    assert counts(lowered) == {"lower_layers": 1}
    (found,) = run_program(cut_stages(lowered, "net", GENERIC), image)
    np.testing.assert_array_equal(found, expected)


def test_sum_of_activations_only_where_wanted() -> None:
    """Fails where symmetric weight levels cost a second dot product, or asymmetric ones go without."""
    plain, _ = binary_layer((-1, 1), ((-1, 1),), (6, 7, 9), 6)
    assert operators(lower_layers(plain)) == {"biisnet.binary_dot": 1, "biisnet.scale_shift": 1}
    level, _ = binary_layer((-1, 1), ((0, 1),), (6, 7, 9), 6)
    assert operators(lower_layers(level)) == {
        "biisnet.binary_dot": 2,
        "biisnet.scale_shift": 2,
        "biisnet.repeat_channels": 1,
        "relax.add": 1,
    }


@pytest.mark.parametrize(
    ("channels", "padding", "pads", "unit"),
    [
        (6, 0.0, 1, 2),
        (6, -1.0, 1, 2),
        (6, 1.0, 0, 2),
        (5, 0.0, 1, 1),
        (5, -1.0, 1, 1),
        (5, 1.0, 1, 1),
        (5, 0.0, 0, 1),
    ],
)
def test_unit(channels: int, padding: float, pads: int, unit: int) -> None:
    """Fails where halves are not computed though all accumulators are even, or are though some are odd."""
    module, given = binary_layer(
        (-1, 1), ((-1, 1),), (channels, 7, 9), 6, pad_value=padding, pads=[pads] * 4, dilations=[1, 1]
    )
    program = cut_stages(lower_layers(module), "net", GENERIC)
    (e,) = (e for s in program.stages for e in s.expressions() if isinstance(e, BinaryDot))
    assert e.unit == unit
    arrays, image = given.pop("arrays"), picture((channels, 7, 9))
    expected = REGISTRY["BinaryConv2d"].reference(image[None], *arrays, **given)[0]
    np.testing.assert_array_equal(run_program(program, image)[0], expected)


@pytest.mark.parametrize("kind", ["average", "linear", "nearest"])
def test_resampling(kind: str) -> None:
    """Fails where the quarter or the sixteenth is lost, or nearest gets one."""

    def body(x: tvm.ir.Expr) -> tvm.ir.Expr:
        if kind == "average":
            return R.nn.avg_pool2d(x, pool_size=(2, 2), strides=(2, 2))
        method = "linear" if kind == "linear" else "nearest_neighbor"
        return R.image.resize2d(x, relax.ShapeExpr([6, 10]), layout="NCHW", method=method)

    module = module_of(body)
    lowered = lower_layers(module)
    assert counts(lowered) == {"lower_layers": 1}
    primitive = "biisnet.pool_sum" if kind == "average" else "biisnet.upsample"
    scaled = {} if kind == "nearest" else {"biisnet.scale_shift": 1}
    assert operators(lowered) == {primitive: 1, **scaled}
    np.testing.assert_array_equal(run(lowered, picture())[0], run(module, picture())[0])
    image = picture()
    if kind == "average":
        expected = (image[:, 0:2, 0:4] + 0).reshape(4, 1, 2, 2, 2).mean((2, 4))
    elif kind == "nearest":
        expected = image.repeat(2, 1).repeat(2, 2)
    else:
        at = [np.clip((np.arange(2 * n) + 0.5) / 2 - 0.5, 0, n - 1) for n in (3, 5)]
        rows = [np.stack([np.interp(at[0], np.arange(3), image[c, :, x]) for x in range(5)], 1) for c in range(4)]
        expected = np.stack([[np.interp(at[1], np.arange(5), r) for r in channel] for channel in rows])
    np.testing.assert_allclose(run_program(cut_stages(lowered, "net", GENERIC), image)[0], expected, atol=1e-6)


@pytest.mark.parametrize("weights", [(-1, 1), (0, 1), (-0.25, 0.75)])
@pytest.mark.parametrize(("activations", "value"), [((-1, 1), 0.5), ((0, 1), -1), ((1, 1), 0), ((-1, 3), 0)])
def test_padding_between_the_levels(
    activations: tuple[float, float], value: float, weights: tuple[float, float]
) -> None:
    """Fails where padded taps count as a level, or as the middle, though they are neither."""
    module, given = binary_layer(activations, (weights,), (6, 7, 9), 6, pad_value=float(value))
    arrays, image = given.pop("arrays"), picture((6, 7, 9))
    expected = REGISTRY["BinaryConv2d"].reference(image[None], *arrays, **given)[0]
    found = run_program(cut_stages(lower_layers(module), "net", GENERIC), image)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)


def test_levels_that_are_rounded() -> None:
    """Fails where learned levels and the middle between them, each rounded to float32, are taken for others."""
    middle, half = np.float32(0.1), np.float32(0.7)
    levels = (float(middle - half), float(middle + half))
    assert (levels[0] + levels[1]) / 2 != float(middle)
    module, given = binary_layer(levels, ((-1, 1),), (6, 7, 9), 6, pad_value=float(middle))
    arrays, image = given.pop("arrays"), picture((6, 7, 9))
    expected = REGISTRY["BinaryConv2d"].reference(image[None], *arrays, **given)[0]
    found = run_program(cut_stages(lower_layers(module), "net", GENERIC), image)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_any_value_without_padding() -> None:
    """Fails where a pad value that is never used is refused."""
    module, _ = binary_layer((-1, 3), ((-1, 1),), (6, 7, 9), 6, pad_value=0.0, pads=[0, 0, 0, 0])
    assert counts(lower_layers(module)) == {"lower_layers": 1}


@pytest.mark.parametrize(
    ("name", "arrays", "attributes"),
    [
        ("rprelu", [vector(1), vector(2), vector(3)], {}),
        ("rprelu", [vector(1, 1), vector(2, 1), vector(3, 1)], {}),
        ("redistribution", [vector(1), vector(2)], {}),
        ("maxout", [vector(1), vector(2)], {}),
        ("dot_binary_conv2d", [pack_bits(np.array([1, 0, 0, 1])), vector(1, 1), vector(2, 1)], {"channels": 4}),
        ("dot_binary_conv2d", [pack_bits(np.array([1, 0, 0, 1])), vector(1), vector(2)], {"channels": 4}),
    ],
)
def test_element_wise_layers(name: str, arrays: list[np.ndarray], attributes: dict[str, int]) -> None:
    """Fails where a layer's primitives give other numbers than the layer's reference."""
    module = module_of(lambda x: call(name, [x, *arrays], **attributes))
    lowered = lower_layers(module)
    assert counts(lowered) == {"lower_layers": 1}
    assert not set(operators(lowered)) - {"biisnet.scale_shift", "biisnet.two_slope"}
    np.testing.assert_array_equal(run(lowered, picture())[0], run(module, picture())[0])


def test_shipped(shipped: dict[str, tvm.IRModule]) -> None:
    """Fails where a layer of the shipped network is missed: 14 blocks, 26 DB Convs, 4 resamplings."""
    before, after = shipped["import_onnx"], shipped["lower_layers"]
    assert counts(after) == {"lower_layers": 14 + 14 + 14 + 26 + 26 + 2 + 2}
    found = operators(after)
    assert not [
        n
        for n in found
        if n.removeprefix("biisnet.") in {"binary_conv2d", "rprelu", "maxout", "redistribution", "dot_binary_conv2d"}
        or n in {"relax.nn.avg_pool2d", "relax.image.resize2d"}
    ]
    assert (found["biisnet.pool_sum"], found["biisnet.upsample"]) == (2, 2)
    assert (found["biisnet.binary_dot"], found["biisnet.two_slope"]) == (14, 14 + 26)
    assert found["relax.add"] == operators(before)["relax.add"]
