# SPDX-License-Identifier: Apache-2.0
"""Step functions: their algebra, thresholds by bisection, levels of weights, ranges."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto

from biisnet.compile.errors import CompileError
from biisnet.compile.recognise import recognise
from biisnet.compile.recognise.never import never_equals
from biisnet.compile.recognise.normalise import settled, to_ir
from biisnet.compile.recognise.ranges import range_of
from biisnet.compile.recognise.steps import Steps, above, common, first_where
from biisnet.compile.recognise.weights import TwoLevels, looks_binary, two_levels
from biisnet.ops import DOMAIN

from .networks import Array, C, Net

FINITE = st.floats(-1e6, 1e6, width=32)


def value_of(steps: Steps, x: Array) -> Array:
    """A step function's numpy meaning, x [C, n]."""
    passed = (x[None] >= steps.thresholds[..., None]).sum(0)
    channels = np.arange(len(x))[:, None] % steps.levels.shape[1]
    return np.asarray(steps.levels[passed, channels])


@given(st.lists(FINITE, min_size=1, max_size=4, unique=True), st.lists(FINITE, min_size=1, max_size=4, unique=True))
def test_common_steps_change_nothing(a: list[float], b: list[float]) -> None:
    """Fails where two functions of one argument are not what they were, with the steps of both."""
    x = np.sort(np.float32([*a, *b, *np.nextafter(np.float32([*a, *b]), np.float32(-np.inf)), 0]))[None]
    given_ = [Steps(np.sort(np.float32(t))[:, None], np.arange(len(t) + 1.0)[:, None] * k) for t, k in ((a, 1), (b, 7))]
    found = common(given_)
    assert found is not None
    assert np.array_equal(found[0].thresholds, found[1].thresholds)
    for before, after in zip(given_, found, strict=True):
        assert np.array_equal(value_of(before, x), value_of(after, x))


@given(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=2, max_size=6))
def test_simplified_steps_change_nothing(levels: list[float]) -> None:
    """Fails where a step is dropped at which the level changes, or one is kept at which it does not."""
    steps = Steps(np.arange(len(levels) - 1, dtype=np.float32)[:, None], np.array(levels)[:, None])
    short = steps.simplified()
    x = np.arange(-1, len(levels), 0.5, dtype=np.float32)[None]
    assert np.array_equal(value_of(steps, x), value_of(short, x))
    assert (short.levels[1:] != short.levels[:-1]).all()


@given(st.lists(FINITE, min_size=1, max_size=5))
def test_first_where_finds_the_very_number(thresholds: list[float]) -> None:
    """Fails where bisection stops beside the smallest number."""
    wanted = np.float32(thresholds) + np.float32(0)
    found = first_where(lambda x: x, lambda y: y >= wanted, len(wanted))
    assert np.array_equal(found, wanted)
    strict = first_where(lambda x: x, lambda y: y > wanted, len(wanted))
    assert np.array_equal(strict, above(wanted))


def test_first_where_there_is_none() -> None:
    """Fails where a level that is never reached gets a threshold."""
    assert np.isinf(first_where(lambda x: 0 * x, lambda y: y > 1)).all()


OPERATIONS = ("Add", "Sub", "Mul", "Div", "Sign", "Greater", "Less", "Equal", "Clip", "Relu", "Abs", "Where", "Max")


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(OPERATIONS), st.sampled_from([-2.0, -0.5, 0.0, 0.1, 1.0, 3.0])), max_size=5),
    st.integers(0, 100),
)
def test_chains_of_pointwise_operators(chain: list[tuple[str, float]], seed: int) -> None:
    """Fails where Sign and what follows it are another function than ONNX's: the proof of each raises."""
    net = Net()
    net.rng = np.random.default_rng(seed)
    x = net.stem()
    y = net.op("Sign", net.op("Add", x, net.op("Relu", x)))
    for kind, k in chain:
        constant = net.constant(np.float32([k]))
        if kind in ("Greater", "Less", "Equal"):
            y = net.op("Cast", net.op(kind, y, constant), to=TensorProto.FLOAT)
        elif kind in ("Sign", "Relu", "Abs"):
            y = net.op(kind, y)
        elif kind == "Clip":
            y = net.op("Clip", y, constant, net.constant(np.float32([k + 1])))
        elif kind == "Where":
            y = net.op("Where", net.op("Equal", y, net.constant(np.float32([0]))), constant, y)
        else:
            y = net.op(kind, y, net.constant(np.float32([k or 1])) if kind == "Div" else constant)
    model = net.model(net.conv(y, net.signs(C, C, 3, 3)))
    found = recognise(model, None)
    assert {n.domain for n in found.model.proto.graph.node} <= {"", DOMAIN}


# ---- weights ----


@given(st.integers(0, 1000), st.floats(2**-10, 10, width=32), st.floats(0, 4e-7))
def test_two_levels_but_for_rounding(seed: int, scale: float, spread: float) -> None:
    """Fails where an exporter's rounding makes more levels, or bits are other than the weights' signs."""
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1.0, 1.0], (4, 3, 3, 3))
    weights = (signs * scale * (1 + spread * rng.uniform(-1, 1, signs.shape))).astype(np.float32)
    found = two_levels(weights)
    assert isinstance(found, TwoLevels)
    assert np.array_equal(found.bits, signs > 0)
    assert found.is_symmetric
    assert np.allclose(found.levels[:, 1], scale, rtol=1e-6)


@given(st.integers(0, 1000), FINITE, FINITE)
def test_any_two_levels(seed: int, a: float, b: float) -> None:
    """Fails where levels that are not -s and +s, or one alone, come out as others."""
    bits = np.random.default_rng(seed).random((4, 3, 3, 3)) < 0.5
    weights = np.where(bits, np.float32(a), np.float32(b))
    found = two_levels(weights)
    assert isinstance(found, TwoLevels)
    made = np.where(found.bits, found.levels[:, 1, None, None, None], found.levels[:, 0, None, None, None])
    assert np.allclose(made, weights, rtol=2e-6, atol=2e-6 * max(abs(a), abs(b)))


@pytest.mark.parametrize(
    ("values", "why"),
    [([-1.0, 0.0, 1.0], "ternary"), ([-1.0, 0.5, 1.0], "up to 3 values"), ([1.0, 1.0001, -1.0], "up to 3 values")],
)
def test_more_levels(values: list[float], why: str) -> None:
    """Fails where three levels are taken for two, or a small difference for rounding."""
    weights = np.float32(values * 9).reshape(1, 3, 3, 3)
    found = two_levels(weights)
    assert isinstance(found, str)
    assert why in found


def test_what_looks_binary() -> None:
    """Fails where an average is said to look binary, or -s and +s not."""
    signs = np.random.default_rng(0).choice([-0.3, 0.3], (4, 3, 3, 3)).astype(np.float32)
    assert looks_binary(signs)
    assert not looks_binary(np.full((4, 1, 3, 3), 1 / 9, np.float32))
    assert not looks_binary(signs[:, :1, :1, :1])


# ---- ranges ----


def value_at(net: Net, name: str) -> ir.Value:
    graph = to_ir(settled(net.proto(name), (8, 8), "net.onnx"))
    return graph.graph.outputs[0]


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda n: n.op("Relu", n.stem()), (0.0, np.inf)),
        (lambda n: n.op("Clip", n.stem(), np.float32([-1]), np.float32([2])), (-1.0, 2.0)),
        (lambda n: n.op("Mul", n.op("Sigmoid", n.stem()), np.float32([-3])), (-3.0, 0.0)),
        (lambda n: n.op("Add", n.op("Relu", n.stem()), np.float32([1])), (1.0, np.inf)),
        (lambda n: n.op("Sub", np.float32([1]), n.op("Sigmoid", n.stem())), (0.0, 1.0)),
        (lambda n: n.op("MaxPool", n.op("Relu", n.stem()), kernel_shape=[2, 2]), (0.0, np.inf)),
        (lambda n: n.op("Add", n.stem(), np.float32([1])), (-np.inf, np.inf)),
        (lambda n: n.op("Abs", n.op("Clip", n.stem(), np.float32([-2]), np.float32([1]))), (0.0, 2.0)),
    ],
)
def test_ranges(build, expected: tuple[float, float]) -> None:  # type: ignore[no-untyped-def]
    """Fails where a range leaves out what a value may be."""
    net = Net()
    assert range_of(value_at(net, build(net))) == expected


def test_range_of_many_sums() -> None:
    """Fails where a sum asks for each of its parts anew: 60 residual layers would be 2**60 questions."""
    net = Net()
    x = net.op("Relu", net.stem())
    for _ in range(60):
        x = net.op("Add", x, x)
    assert range_of(value_at(net, x)) == (0.0, np.inf)


def test_never_zero() -> None:
    """Fails where a BatchNorm that can be 0 is said not to be, or one that cannot is not seen."""
    zero = np.zeros(1, np.float32)
    net = Net()
    assert never_equals(value_at(net, net.stem()), zero)
    for gamma, beta, mean, var, can in (
        (1.0, 0.0, 0.0, 1.0, True),  # 0 at 0
        (1.0, 0.0, 3.0, 2.0, True),  # 0 at the mean, whatever the scale
        (0.5, 1.5, 0.0, 1.0, True),  # 0 at -3
        (1.0, 1.0, 0.0, 3.0, False),  # 0 at -sqrt(3)
        (3.0, 1.0, 0.0, 1.0, False),  # 0 at -1/3
        (0.0, 1.0, 0.0, 1.0, False),  # always 1
        (0.0, 0.0, 0.0, 1.0, True),  # always 0
    ):
        net = Net()
        parameters = [np.full(C, v, np.float32) for v in (gamma, beta, mean, var)]
        y = net.op("BatchNormalization", net.conv("image", net.normal(C, 3, 3, 3)), *parameters, epsilon=0.0)
        assert never_equals(value_at(net, y), zero) is not can, (gamma, beta, mean, var)


@pytest.mark.parametrize(("bias", "can"), [(0.0, True), (0.3, True), (0.25, False), (-0.15, False)])
def test_sums_that_are_never_zero(bias: float, can: bool) -> None:
    """Fails where a binary convolution's bias is not held against the multiples of its scale, 0.1."""
    net = Net()
    x = net.op("Sign", net.op("Relu", net.stem()))
    sums = net.conv(x, 0.1 * net.signs(C, C, 3, 3))
    y = net.op("Add", sums, np.full((1, C, 1, 1), bias, np.float32))
    model = net.model(net.conv(net.op("Sign", y), net.signs(C, C, 3, 3)))
    lines = recognise(model, None).lines()
    assert any("two bits an activation" in line for line in lines) is can
    assert any("never 0 where its sign is taken" in line for line in lines) is not can


def test_a_wrong_rewrite_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where the proof lets a wrong padding, a threshold beside the right one, or a flipped weight pass."""
    from biisnet.compile.recognise.patterns import convolution

    right = convolution.bit_planes

    def broken(change):  # type: ignore[no-untyped-def]
        def planes(*arguments):  # type: ignore[no-untyped-def]
            found = right(*arguments)
            change(found[0])
            return found

        return planes

    def build():  # type: ignore[no-untyped-def]
        net = Net()
        return net.model(net.conv(net.op("Sign", net.op("Relu", net.stem())), net.signs(C, C, 3, 3)))

    recognise(build(), None)
    for change in (
        lambda p: setattr(p, "pad_value", 0.0),
        lambda p: setattr(p, "threshold", 0 * p.threshold),
        lambda p: setattr(p, "threshold", p.threshold + np.float32(1e-3)),
        lambda p: setattr(p, "factor", -p.factor),
        lambda p: setattr(p, "offset", p.offset + 0.5),
    ):
        monkeypatch.setattr(convolution, "bit_planes", broken(change))
        with pytest.raises(CompileError, match=r"rewriting it in com\.biisnet operators changes 'out'"):
            recognise(build(), None)
