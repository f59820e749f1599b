# SPDX-License-Identifier: Apache-2.0
"""Configurations: presets, JSON, and what is refused."""

import subprocess
import sys

import pytest

from biisnet.model import PRESETS, NetworkConfig


def test_default_is_the_papers_network() -> None:
    config = PRESETS["biisnet"]
    assert config == NetworkConfig()
    assert (config.channels, config.encoder_blocks, config.bottleneck_blocks) == (16, (2, 4), 2)
    assert (config.levels, config.multiple) == (2, 4)


@pytest.mark.parametrize("config", [*PRESETS.values(), NetworkConfig(pad_value=-1, scheme="sibnn")])
def test_json_round_trip(config: NetworkConfig) -> None:
    assert NetworkConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"channels": 0}, "channels"),
        ({"in_channels": 0}, "in_channels"),
        ({"encoder_blocks": (1,)}, "decoder_blocks"),
        ({"bottleneck_blocks": -1}, "blocks"),
        ({"interpolation": "cubic"}, "interpolation"),
        ({"pad_value": 0.5}, "pad_value"),
        ({"scheme": "adder"}, "scheme"),
        ({"estimator": "relu"}, "estimator"),
        ({"estimator_k": 0}, "estimator_k"),
        ({"weight_scale": "norm"}, "weight_scale"),
        ({"activation": "gelu"}, "activation"),
        ({"block_layer": "full"}, "block_layer"),
        ({"sampling_layer": "full"}, "sampling_layer"),
        ({"scheme": "adabin", "pad_value": 1}, "pad_value"),
        ({"std": 0}, "std"),
        ({"channels": 1.5}, "channels"),
        ({"encoder_blocks": (1, "2")}, "encoder_blocks"),
        ({"redistribution": "yes"}, "redistribution"),
        ({"scheme": "db-conv", "sign_threshold": True}, "sign_threshold"),
        ({"scheme": "adabin", "weight_mean": False}, "weight_mean"),
    ],
)
def test_errors_name_the_field(fields: dict, named: str) -> None:
    with pytest.raises(ValueError, match=f"^configuration: {named} is "):
        NetworkConfig(**fields)


@pytest.mark.parametrize("text", ["[]", '{"colour": 1}', '{"channels": "many"}', "{"])
def test_other_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        NetworkConfig.from_json(text)


def test_no_torch_is_needed_for_paths_and_costs() -> None:
    code = "import sys, biisnet.model, biisnet.model.cost, biisnet.model.variants; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
