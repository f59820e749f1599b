# SPDX-License-Identifier: Apache-2.0
"""Networks trained in integers: bit for bit what the compiler's file is in ONNX Runtime."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from biisnet.compile.errors import CompileError  # noqa: E402
from biisnet.compile.frontend import OnnxModel, load_model  # noqa: E402
from biisnet.compile.frontend.loader import LOGIT_SCALE, from_proto  # noqa: E402
from biisnet.compile.onnx_runtime import session  # noqa: E402
from biisnet.compile.quantise import calibrate  # noqa: E402
from biisnet.compile.quantise.write_onnx import write_onnx  # noqa: E402
from biisnet.model import PRESETS, NetworkConfig, shipped_onnx, shipped_weights  # noqa: E402
from biisnet.model.errors import InputError  # noqa: E402
from biisnet.model.export import export  # noqa: E402
from biisnet.model.integer import IntegerNetwork  # noqa: E402
from biisnet.model.network import BiisNet, build  # noqa: E402
from biisnet.model.scenes import scenes  # noqa: E402
from biisnet.model.weights import load  # noqa: E402
from biisnet.runtime.levels import whole_levels  # noqa: E402
from biisnet.tools.train_integers import calibrator, constants_of  # noqa: E402

TINY = NetworkConfig(channels=8, encoder_blocks=(1,), bottleneck_blocks=1, decoder_blocks=(1,))
FRAMES = scenes(3, 24, 28)
IMAGES = [whole_levels(f.image) for f in FRAMES]
BINARY: dict[str, Any] = {"block_layer": "binary", "sampling_layer": "binary", "redistribution": False}
CONFIGS = {
    "BiisNet": TINY,
    "binary sampling": replace(TINY, **BINARY, activation="hardtanh", weight_scale="power"),
    "thresholds": replace(TINY, sign_threshold=True, weight_mean=False, weight_scale="magnitude"),
    "no activation": replace(TINY, **BINARY, activation="none", weight_scale="none"),
    "relu, wide": replace(TINY, channels=36, activation="relu"),  # so wide that counts leave a byte
    "no blocks": replace(TINY, encoder_blocks=(1, 0), bottleneck_blocks=0, decoder_blocks=(0, 1)),
}


def calibrated(model: OnnxModel, network: BiisNet) -> tuple[IntegerNetwork, OnnxModel]:
    """The integer network that is trained, and the file that the compiler writes, of one calibration on FRAMES."""
    calibration = calibrate(model, IMAGES)
    integer = IntegerNetwork(network)
    integer.anchor(constants_of(calibration))
    return integer, from_proto(write_onnx(model, calibration), "integer")


def exported(network: BiisNet) -> OnnxModel:
    """As `biisnet export` does it."""
    return from_proto(export(network), "network")


def assert_same_logits(integer: IntegerNetwork, file: OnnxModel) -> None:
    """As ONNX Runtime's, at sizes that are no multiples too."""
    run = session(file.proto).run
    for number, (height, width) in enumerate(((40, 48), (13, 9), (1, 1))):
        frame = whole_levels(scenes(1, height, width, seed=number + 5)[0].image)
        wanted = run(None, {"image": frame[None, None]})[0]
        with torch.no_grad():
            found = integer.integer_logits(torch.from_numpy(frame.astype(np.float32))[None, None])
        np.testing.assert_array_equal(found.bytes.numpy(), wanted)
        assert float(found.step) == pytest.approx(float(file.metadata[LOGIT_SCALE]), rel=1e-6)
        assert wanted.size == 1 or len(np.unique(wanted)) > 1


@pytest.fixture(scope="module")
def tiny() -> Any:
    """`tiny(network)`: the calibration's constants of a network TINY, and the network."""
    network = build(TINY)
    constants = constants_of(calibrate(exported(network), IMAGES))
    return lambda: (build(TINY), list(constants))


@pytest.mark.parametrize("name", CONFIGS)
def test_logits_are_those_of_onnx_runtime(name: str) -> None:
    """Of every layer that can be trained so: 0 differences."""
    network = build(CONFIGS[name], seed=3)
    assert_same_logits(*calibrated(exported(network), network))


@pytest.mark.parametrize("name", PRESETS)
def test_the_shipped_networks(name: str) -> None:
    """0 differences, and not one constant that float32 rounds to another byte."""
    weights, file = shipped_weights(name), shipped_onnx(name)
    assert weights is not None
    assert file is not None
    integer, model = calibrated(load_model(file), load(weights))
    assert_same_logits(integer, model)
    assert not any(nudge.any() for scale in integer.scales for found in scale.nudges for nudge in found.values())


def some_steps(integer: IntegerNetwork, rate: float) -> list[float]:
    """The losses of ten steps on one frame."""
    image = torch.from_numpy(FRAMES[0].image)[None, None]
    mask = torch.from_numpy(FRAMES[0].mask)[None, None].float()
    optimizer = torch.optim.Adam([p for p in integer.parameters() if p.requires_grad], rate)
    losses = []
    for _ in range(10):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(integer(image), mask)
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses


def test_training(tiny: Any) -> None:
    """A gradient reaches every parameter, the loss falls, and calibrated anew it is the compiler's network again."""
    network, constants = tiny()
    integer = IntegerNetwork(network)
    integer.anchor(constants)
    statistics = [b.clone() for b in network.buffers()]
    losses = some_steps(integer, 3e-3)
    assert losses[-1] < losses[0]
    still = [n for n, p in network.named_parameters() if p.requires_grad and (p.grad is None or not p.grad.any())]
    assert [n for n in still if not n.endswith("_k")] == []
    assert all(torch.equal(a, b) for a, b in zip(statistics, network.buffers(), strict=True))
    found = calibrator(FRAMES, lambda _: None)(network)
    assert any((found[0].terms[0]["w"] != constants[0].terms[0]["w"]).flat)
    calibration, file = calibrated(exported(network), network)
    assert_same_logits(calibration, file)
    assert [c.sigma.tolist() for c in found] == [s.sigma.tolist() for s in calibration.scales]


def test_what_has_no_integer_form() -> None:
    """The compiler's line."""
    with pytest.raises(CompileError, match="has no integer form"):
        calibrator(FRAMES, lambda _: None)(build(replace(TINY, interpolation="nearest")))


def changed(constants: list[Any], **fields: Any) -> list[Any]:
    """The second map with other fields."""
    return [constants[0], replace(constants[1], **fields), *constants[2:]]


def test_another_network(tiny: Any) -> None:
    """A calibration that does not fit is refused, map by name, before anything is trained through it."""
    network, constants = tiny()
    hinge, slope = constants[1].terms
    integer = IntegerNetwork(network)
    for wrong, message in (
        (constants[:-1], "has 8 stored maps, this one has more"),
        ([*constants, constants[-1]], "has 10 stored maps, not 9"),
        (changed(constants, terms=(hinge,)), r"encoder.0.0.redistribution' is another .*1 terms of 8 channels, not 2"),
        (changed(constants, terms=(slope, hinge)), "no a, but n, p"),
        (changed(constants, terms=(hinge, {**slope, "n": slope["n"][:3]})), r"n of \[3\], not \[8\]"),
        (changed(constants, terms=(hinge, {**slope, "n": slope["n"] ^ 1})), "another n, by"),
    ):
        with pytest.raises(InputError, match=message):
            integer.anchor(wrong)
    integer.anchor(constants)


def test_float32_that_rounds_to_another_byte(tiny: Any) -> None:
    """A gain next to the middle of two bytes follows the file, and no further."""
    network, constants = tiny()
    integer = IntegerNetwork(network)
    scale = 2.0 ** constants[0].shift / constants[0].sigma[0]
    with torch.no_grad():  # the first tap at 10.5 less a little
        network.embedding.weight[0, 0, 0, 0] = (10.5 - 1e-4) / scale * network.config.std
    wanted = constants[0].terms[0]["w"].copy()
    for byte in (10, 11):
        wanted[0, 0, 0, 0] = byte
        integer.anchor([replace(constants[0], terms=({"w": wanted},)), *constants[1:]])
        nudge = float(integer.scales[0].nudges[0]["w"][0, 0, 0, 0])
        assert (nudge == 0) == (byte == 10)
    wanted[0, 0, 0, 0] = 12
    with pytest.raises(InputError, match="another w"):
        integer.anchor([replace(constants[0], terms=({"w": wanted},)), *constants[1:]])


def test_a_gain_that_grows_out_of_a_byte(tiny: Any) -> None:
    """The step grows with it, as in calibration, and the byte stays the largest."""
    network, constants = tiny()
    integer = IntegerNetwork(network)
    integer.anchor(constants)
    image = torch.from_numpy(FRAMES[0].image)[None, None]
    with torch.no_grad():
        before = integer(image)
        network.head.weight *= 1000
        after = integer(image)
        network.head.weight /= 1000
        network.encoder[0][0].redistribution.alpha *= 50
        assert torch.isfinite(integer(image)).all()
    assert (after.abs().max() / before.abs().max()).item() > 10
