# SPDX-License-Identifier: Apache-2.0
"""The whole network: golden tensors, any size, gradients, seeded random weights."""

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as functional  # noqa: E402
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from biisnet.model.config import ESTIMATORS, NetworkConfig  # noqa: E402
from biisnet.model.network import BiisNet, build, doubled  # noqa: E402

SMALL = NetworkConfig(channels=3, encoder_blocks=(1, 1), decoder_blocks=(1, 1), bottleneck_blocks=1)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("float64", 1e-5)])
def test_golden_tensors(golden_network: Any, golden: dict[str, np.ndarray], dtype: str, tolerance: float) -> None:
    model = copy.deepcopy(golden_network).to(getattr(torch, dtype))
    outputs: dict[str, np.ndarray] = {}
    watched = {name: name for name in golden} | {"encoder.0.0.binary.norm": "encoder.0.0.binary.convolution_and_norm"}
    for name, module in model.named_modules():
        if name in watched:
            module.register_forward_hook(lambda _m, _i, out, key=watched[name]: outputs.update({key: out[0].numpy()}))
    image = torch.from_numpy(golden["image"].astype(dtype))[None, None]
    with torch.no_grad():
        outputs["logits"] = model(image)[0].numpy()
    assert outputs.keys() == golden.keys() - {"image"}
    for name, expected in golden.items():
        if name != "image":
            np.testing.assert_allclose(outputs[name][::8].squeeze(), expected, rtol=0, atol=tolerance)
    np.testing.assert_array_equal(outputs["logits"][0] > 0, golden["logits"] > 0)


@given(st.integers(1, 13), st.integers(1, 13))
@settings(max_examples=20, deadline=None)
def test_any_size_is_its_extension_cropped(height: int, width: int) -> None:
    model = build(SMALL, 1)
    image = torch.rand(1, 1, height, width, generator=torch.Generator().manual_seed(0)) * 255
    rows = torch.arange(-(-height // 4) * 4).clamp(max=height - 1)
    columns = torch.arange(-(-width // 4) * 4).clamp(max=width - 1)
    with torch.no_grad():
        logits = model(image)
        extended = model(image[:, :, rows][:, :, :, columns])
    assert logits.shape == (1, 1, height, width)
    torch.testing.assert_close(logits, extended[..., :height, :width])


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_every_parameter_learns(estimator: str) -> None:
    model = build(NetworkConfig(**{**SMALL.__dict__, "estimator": estimator}), 1).train()
    model(torch.rand(2, 1, 16, 16) * 255).square().mean().backward()
    for name, parameter in model.named_parameters():
        if estimator == "dysoftsign" or not name.endswith("_k"):
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name
    # the residual stream reaches it too, but never through a gradient that is all 0
    assert model.embedding.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("preset", ["biisnet", "biisnet-lite"])
def test_random_weights_are_seeded_and_sane(preset: str) -> None:
    first, again, other = build(preset, 7), build(preset, 7), build(preset, 8)
    same = [torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True)]
    assert all(same)
    assert not torch.equal(first.head.weight, other.head.weight)
    assert (first.name, first.seed) == (preset, 7)
    magnitudes = []
    for module in first.modules():
        if type(module).__name__ == "BinaryBlock":
            module.register_forward_hook(lambda _m, _i, out: magnitudes.append(out.std().item()))
    with torch.no_grad():
        logits = first(torch.rand(1, 1, 32, 32) * 255)
    assert torch.isfinite(logits).all()
    assert min(magnitudes) > 0.1
    assert max(magnitudes) < 30


def test_building_leaves_the_random_state_alone() -> None:
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    build(SMALL, 3)
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize("shape", [(1, 2, 1, 1), (2, 3, 1, 5), (1, 1, 4, 7)])
def test_interpolation_in_training_is_torchs(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(shape[0], shape[1], 2 * shape[2], 2 * shape[3], dtype=torch.float64)
    ours, theirs = doubled(x, "bilinear"), functional.interpolate(x, scale_factor=2, mode="bilinear")
    torch.testing.assert_close(ours, theirs)
    gradients = [torch.autograd.grad((y * weights).sum(), x)[0] for y in (ours, theirs)]
    torch.testing.assert_close(*gradients)


def test_annealing_is_irnets_alone() -> None:
    network = BiisNet(replace(SMALL, estimator="ede"))
    network.anneal(1)
    ks = [p.item() for n, p in network.named_parameters() if n.endswith("_k")]
    assert ks == pytest.approx([10] * len(ks))
    plain = BiisNet(SMALL)
    plain.anneal(1)
    assert {p.item() for n, p in plain.named_parameters() if n.endswith("_k")} == {1}


def test_unknown_preset() -> None:
    with pytest.raises(ValueError, match="no preset 'biggernet'; there are biisnet, biisnet-lite"):
        build("biggernet")
