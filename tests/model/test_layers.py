# SPDX-License-Identifier: Apache-2.0
"""Each layer against the paper's equation, in numpy or as printed."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from biisnet.model import layers  # noqa: E402
from biisnet.model.config import ESTIMATORS, WEIGHT_SCALES, NetworkConfig  # noqa: E402
from biisnet.model.layers import (  # noqa: E402
    BinaryBlock,
    BinaryConvLayer,
    DotBinaryConvLayer,
    HardTanh,
    MaxOut,
    ReDistribution,
    ReLU,
    RPReLU,
    sampling_layer,
)
from biisnet.ops import accumulators, pack_weights  # noqa: E402


def _image(channels: int, seed: int = 0) -> Any:
    return torch.randn(2, channels, 5, 7, generator=torch.Generator().manual_seed(seed))


def _randomise(module: Any) -> None:
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.ndim:
                parameter.copy_(torch.randn(parameter.shape, generator=generator))


def test_rprelu_is_equation_10() -> None:
    layer, x = RPReLU(3), _image(3)
    _randomise(layer)
    a, b, c = (p.reshape(-1, 1, 1) for p in (layer.a, layer.b, layer.c))
    torch.testing.assert_close(layer(x), torch.where(x > a, x - a + b, c * (x - a) + b))


def test_redistribution_is_equation_11() -> None:
    layer, x = ReDistribution(3), _image(3)
    _randomise(layer)
    torch.testing.assert_close(layer(x), layer.alpha.reshape(-1, 1, 1) * x + layer.beta.reshape(-1, 1, 1))


def test_maxout_is_adabins() -> None:
    layer, x = MaxOut(3), _image(3)
    assert layer.positive.tolist() == [1] * 3
    assert layer.negative.tolist() == [0.25] * 3
    _randomise(layer)
    positive, negative = (p.reshape(-1, 1, 1) for p in (layer.positive, layer.negative))
    torch.testing.assert_close(layer(x), positive * torch.relu(x) - negative * torch.relu(-x))


def test_db_conv_layer_is_equations_12_to_18() -> None:
    layer, x = DotBinaryConvLayer(6, NetworkConfig()), _image(6)
    _randomise(layer)
    beta = layer.weight.mean()
    alpha = (layer.weight - beta).norm() / 6**0.5
    w = torch.where(layer.weight - beta >= 0, 1.0, -1.0).reshape(-1, 1, 1)
    y_b = torch.where(torch.where(x < 0, -1.0, 1.0) == w, 1.0, -1.0)
    y = alpha * x.abs() * y_b + beta * x
    torch.testing.assert_close(layer(x), layer.maxout(y) + x, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("pad_value", [-1.0, 0.0, 1.0])
@pytest.mark.parametrize("channels", [1, 8, 11])
def test_accumulator_is_the_packed_integer(pad_value: float, channels: int) -> None:
    layer = BinaryConvLayer(channels, NetworkConfig(pad_value=pad_value))
    x = _image(channels)
    x[0, 0, 0, :4] = torch.tensor([0.0, -0.0, torch.nan, -torch.inf])
    with torch.no_grad():
        actual = layer.accumulator(x).numpy()
        packed = pack_weights((layer.binary_weight()[0] > 0).numpy())
    expected = accumulators(x.numpy(), packed, channels=channels, pads=[1] * 4, pad_value=pad_value)
    np.testing.assert_array_equal(actual, expected)


def test_binary_layer_is_equation_9() -> None:
    layer = BinaryConvLayer(4, NetworkConfig()).eval()
    x = _image(4)
    w = layer.weight.detach()
    mean = w.mean((1, 2, 3), keepdim=True)
    binary = torch.where(w - mean >= 0, 1.0, -1.0) * (w - mean).square().mean((1, 2, 3), keepdim=True).sqrt()
    y = torch.nn.functional.conv2d(torch.where(x < 0, -1.0, 1.0), binary, padding=1) / (1 + 1e-5) ** 0.5
    torch.testing.assert_close(layer(x), layer.rprelu(y) + x, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("scale", WEIGHT_SCALES)
def test_real_weights_are_what_is_binarized(scale: str) -> None:
    layer = BinaryConvLayer(4, NetworkConfig(weight_scale=scale))
    layer.real = True
    x = torch.where(_image(4) < 0, -1.0, 1.0)
    centred = layer.weight - layer.weight.mean((1, 2, 3), keepdim=True)
    if scale == "power":
        centred = centred / centred.square().mean((1, 2, 3), keepdim=True).sqrt()
    y = torch.nn.functional.conv2d(x, centred, padding=1)
    torch.testing.assert_close(layer.convolution_and_norm(_image(4)), layer.norm(y), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("ours", "torchs"), [(HardTanh(), torch.nn.functional.hardtanh), (ReLU(), torch.nn.functional.relu)]
)
def test_activations_without_comparisons_are_torchs(ours: Any, torchs: Callable[[Any], Any]) -> None:
    values = torch.tensor([-3.0, -1.0000001, -1.0, -0.9999999, -1e-30, -0.0, 0.0, 1e-30, 0.3, 1.0, 1.0000001, 1e30])
    for x in (values, values.clone().requires_grad_()):
        torch.testing.assert_close(ours(x), torchs(x), rtol=0, atol=0)
    inner = torch.tensor([-3.0, -0.9, 0.3, 1.5], requires_grad=True)
    own, theirs = (torch.autograd.grad(f(inner).sum(), inner)[0] for f in (ours, torchs))
    torch.testing.assert_close(own, theirs, rtol=0, atol=0)


def test_weight_offset_adds_beta() -> None:
    layer = BinaryConvLayer(4, NetworkConfig(weight_offset=True)).eval()
    with torch.no_grad():
        layer.weight += 0.3
        signs, alpha, beta = layer.binary_weight()
        x = _image(4)
        expected = torch.nn.functional.conv2d(torch.where(x < 0, -1.0, 1.0), alpha * signs + beta, padding=1)
        torch.testing.assert_close(layer.accumulator(x), expected)
    assert (beta > 0.1).all()


@pytest.mark.parametrize(("scheme", "lowest"), [("sibnn", 0.0), ("bnn", -1.0)])
def test_activation_levels_of_the_scheme(scheme: str, lowest: float) -> None:
    """With a 1x1 image of all-negative channels only the centre tap counts: lowest times its weight signs."""
    layer = BinaryConvLayer(3, NetworkConfig(scheme=scheme))
    with torch.no_grad():
        actual = layer.accumulator(torch.full((1, 3, 1, 1), -1.0))
        centre_taps = layer.binary_weight()[0][:, :, 1, 1].sum(1)
    torch.testing.assert_close(actual.flatten(), lowest * centre_taps)


def test_adabin_is_two_learned_levels_on_each_side() -> None:
    layer, x = BinaryConvLayer(3, NetworkConfig(scheme="adabin")).eval(), _image(3)
    with torch.no_grad():
        layer.weight += 0.1
        layer.activation_scale.fill_(0.75)
        layer.activation_offset.fill_(0.5)
        signs, alpha, beta = layer.binary_weight()
        levels = torch.where(x >= 0.5, 1.25, -0.25)
        # a padded tap contributes the middle of the levels
        padded = torch.nn.functional.pad(levels, [1] * 4, value=0.5)
        expected = torch.nn.functional.conv2d(padded, alpha * signs + beta)
        torch.testing.assert_close(layer.accumulator(x), expected)
    layer(x).sum().backward()
    assert layer.activation_scale.grad.abs() > 0
    assert layer.activation_offset.grad.abs() > 0


def test_adabins_levels_never_meet() -> None:
    layer, x = BinaryConvLayer(3, NetworkConfig(scheme="adabin")), _image(3)
    with torch.no_grad():
        layer.activation_scale.zero_()
    layer(x).sum().backward()
    assert torch.isfinite(layer.activation_scale.grad).all()
    assert layer.activation(x).unique().numel() == 2


@pytest.mark.parametrize(("scheme", "offset"), [("biconnect", False), ("db-conv", True)])
def test_full_precision_activations(scheme: str, offset: bool) -> None:
    layer, x = BinaryConvLayer(3, NetworkConfig(scheme=scheme)).eval(), _image(3)
    assert not hasattr(layer, "sign_k")
    with torch.no_grad():
        signs, alpha, beta = layer.binary_weight()
        weight = alpha * signs + beta if offset else signs
        torch.testing.assert_close(layer.accumulator(x), torch.nn.functional.conv2d(x, weight, padding=1))


def test_thresholds_are_reactnets() -> None:
    layer, x = BinaryConvLayer(3, NetworkConfig(sign_threshold=True)), _image(3)
    with torch.no_grad():
        layer.threshold.copy_(torch.tensor([-0.5, 0.0, 0.5]))
        x[0, 2, 0, 0] = 0.5
        expected = torch.where(x >= layer.threshold.reshape(-1, 1, 1), 1.0, -1.0)
        assert torch.equal(layer.activation(x), expected)


def test_kernel_of_one() -> None:
    layer, x = BinaryConvLayer(5, NetworkConfig(pad_value=1), kernel=1), _image(5)
    with torch.no_grad():
        packed = pack_weights((layer.binary_weight()[0] > 0).numpy())
        np.testing.assert_array_equal(layer.accumulator(x).numpy(), accumulators(x.numpy(), packed, channels=5))


@pytest.mark.parametrize(
    ("activation", "expected"),
    [("hardtanh", lambda y: y.clamp(-1, 1)), ("relu", lambda y: y.clamp(min=0)), ("none", lambda y: y)],
)
def test_activations(activation: str, expected: Any) -> None:
    layer, x = BinaryConvLayer(4, NetworkConfig(activation=activation)).eval(), _image(4)
    torch.testing.assert_close(layer(x), expected(layer.convolution_and_norm(x)) + x)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_k_is_learned_for_dysoftsign_alone(estimator: str) -> None:
    block = BinaryBlock(4, NetworkConfig(estimator=estimator))
    learned = {name.rpartition(".")[2] for name, p in block.named_parameters() if p.requires_grad}
    assert {"weight_k", "sign_k"} <= learned if estimator == "dysoftsign" else not {"weight_k", "sign_k"} & learned


def test_blocks_of_the_baseline() -> None:
    config = NetworkConfig(block_layer="binary", redistribution=False, sampling_layer="binary")
    assert [name for name, _ in BinaryBlock(4, config).named_children()] == ["binary", "second"]
    assert [name for name, _ in BinaryBlock(4, NetworkConfig()).named_children()] == ["binary", "redistribution", "dot"]
    layer = sampling_layer(4, config)
    assert isinstance(layer, BinaryConvLayer)
    assert layer.weight.shape == (4, 4, 1, 1)
    assert isinstance(sampling_layer(4, NetworkConfig()), DotBinaryConvLayer)


@pytest.mark.parametrize("options", [{}, {"scheme": "biconnect"}, {"weight_scale": "power"}, {"activation": "relu"}])
def test_training_takes_the_same_steps_by_cheaper_formulas(options: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against torch's BatchNorm, comparisons, and alpha times the output: values, gradients and statistics."""
    block = BinaryBlock(4, NetworkConfig(**options)).double()
    _randomise(block)

    def step() -> list[Any]:
        block.binary.norm.reset_running_stats()
        x = _image(4).double().requires_grad_()
        y = block(x)
        gradients = torch.autograd.grad((y * y).sum(), [x, *(p for p in block.parameters() if p.requires_grad)])
        return [y, *gradients, *block.binary.norm.buffers()]

    cheap = step()
    monkeypatch.setattr(layers, "_trains", lambda _: False)
    monkeypatch.setattr(BinaryConvLayer, "_scales_weights", False)
    for ours, expected in zip(cheap, step(), strict=True):
        torch.testing.assert_close(ours, expected)
