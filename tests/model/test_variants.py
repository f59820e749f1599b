# SPDX-License-Identifier: Apache-2.0
"""The paper's variants: what they cost, and that each exports to what PyTorch computes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from biisnet.model.config import EARLIER, NetworkConfig
from biisnet.model.variants import NETWORKS, TABLE_3, TABLES, VARIANTS, differences

from ..conftest import VARIANT_SEED

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("row", TABLE_3, ids=lambda row: row.network)
def test_ops_of_table_3_are_the_papers(row) -> None:  # type: ignore[no-untyped-def]
    """With the paper's three input channels, to its two digits: the reading of its architecture is the right one."""
    from biisnet.model.cost import count
    from biisnet.model.export import export
    from biisnet.model.network import build

    network = build(replace(NETWORKS[row.network], in_channels=3))
    # it prints 0.387 and 0.415 G as 0.38 and 0.42
    assert count(export(network)).ops / 1e9 == pytest.approx(row.paper.ops, abs=0.0075)


def test_every_network_is_another_one() -> None:
    assert len({config.to_json() for config in NETWORKS.values()}) == len(NETWORKS) - len(EARLIER)
    assert {row.network for table in TABLES.values() for row in table} | {"biisnet", *EARLIER} == set(NETWORKS)


def test_differences_make_the_network() -> None:
    for config in NETWORKS.values():
        assert replace(NetworkConfig(), **differences(config)) == config
    assert differences(NetworkConfig()) == {}


@pytest.mark.parametrize("name", VARIANTS)
def test_onnx_runtime_computes_what_torch_does(name: str, variant_onnx: Callable[[str], Path]) -> None:
    from biisnet.model.network import build

    network = build(name, VARIANT_SEED)
    image = np.random.default_rng(0).integers(0, 256, (1, 1, 24, 40)).astype(np.float32)
    session = onnxruntime.InferenceSession(variant_onnx(name), providers=["CPUExecutionProvider"])
    with torch.no_grad():
        expected = torch.sigmoid(network(torch.from_numpy(image))).numpy()
    np.testing.assert_allclose(session.run(None, {"image": image})[0], expected, atol=2e-5)


@pytest.mark.parametrize("name", VARIANTS)
def test_every_parameter_that_is_trained_has_a_gradient(name: str) -> None:
    """torchrun's processes wait for the gradients of all of them."""
    from biisnet.model.network import BiisNet

    torch.manual_seed(0)
    network = BiisNet(NETWORKS[name], name)
    network(torch.rand(2, 1, 16, 16) * 255).square().mean().backward()
    assert [n for n, p in network.named_parameters() if p.requires_grad and p.grad is None] == []
    assert sum(p.grad.abs().sum() > 0 for p in network.parameters() if p.grad is not None) > 10
