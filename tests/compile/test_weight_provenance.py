# SPDX-License-Identifier: Apache-2.0
"""What is said of a network's weights: no more than its file says."""

import pytest
from onnx import helper

from biisnet.compile.frontend import Model
from biisnet.compile.weight_provenance import describe_weights
from biisnet.tools.cli.compile_command import memory

from .frontend.models import model_of, node


@pytest.mark.parametrize(
    ("metadata", "weights", "words"),
    [
        ({}, "unstated", "the file's weights"),
        ({"model": "mine", "threshold": "0.5"}, "unstated", "the file's weights"),
        ({"config": "{}"}, "trained", "trained weights"),
        ({"config": "{}", "seed": "7"}, "random", "random weights, seed 7"),
    ],
)
def test_where_they_come_from(metadata: dict[str, str], weights: str, words: str) -> None:
    """Fails where a hand-made file is called trained."""
    proto = model_of([node("Relu", "x")])
    helper.set_model_props(proto, metadata)
    model = Model(proto, "net.onnx", "")
    assert model.weights == weights
    assert describe_weights(model.weights, model.seed) == words


def test_the_shipped_file_is_trained(shipped: Model) -> None:
    assert shipped.weights == "trained"


@pytest.mark.parametrize(
    ("size", "words"), [(960, "1 KB"), (47_104, "47 KB"), (1_000_000, "1.0 MB"), (10_700_000, "10.7 MB")]
)
def test_memory_of_small_networks(size: int, words: str) -> None:
    """Fails where an arena is said to be of 0.0 MB."""
    assert memory(size) == words
