# SPDX-License-Identifier: Apache-2.0
"""An output's values as probabilities, and thresholds as values."""

from __future__ import annotations

import numpy as np
import pytest

from biisnet.runtime.answers import Answer, own_threshold
from biisnet.runtime.signature import SCALES, Signature, Tensor

SHAPE = (1, 1, 4, 8)
PLANE = Tensor("image", "uint8", SHAPE, "image")


def logits(scale: float) -> Answer:
    return Answer(Tensor("logit", "int16", SHAPE, "logit", scale))


@pytest.mark.parametrize("scale", [*SCALES, 1e-3, 0.00390625, 0.1, 3.0])
def test_probabilities_of_logits(scale: float) -> None:
    """The sigmoid's, and never less for a greater logit: so a threshold of the one is a threshold of the other."""
    answer = logits(scale)
    values = np.arange(-32768, 32768, dtype=np.int64).astype(np.int16)
    probability = answer.probability(values)
    with np.errstate(over="ignore"):
        wanted = 1 / (1 + np.exp(-scale * values.astype(np.float64)))
    np.testing.assert_allclose(probability, wanted, rtol=6e-8, atol=1e-45)
    assert probability.dtype == np.float32
    assert (np.diff(probability) >= 0).all()
    assert answer.threshold(0.5) == 0
    assert probability[32768] == 0.5
    assert probability[32769] > 0.5


@pytest.mark.parametrize("threshold", [0, 1e-4, 0.05, 0.25, 0.5, 0.500001, 0.9, 0.99999, 1])
@pytest.mark.parametrize("scale", [1e-6, 0.00390625, 0.05, 1e3])
def test_a_threshold_as_a_value(threshold: float, scale: float) -> None:
    answer = logits(scale)
    values = np.arange(-32768, 32768, dtype=np.int64)
    above = answer.table > np.float32(threshold)
    np.testing.assert_array_equal(values > answer.threshold(threshold), above)
    detection = Signature("detection", (PLANE,), (answer.tensor,), threshold)
    assert own_threshold(detection) == answer.threshold(threshold)


def test_probabilities_in_bytes() -> None:
    answer = Answer(Tensor("probability", "uint8", SHAPE, "probability", 1 / 255))
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(
        answer.probability(values), (values.astype(np.float64) * (1 / 255)).astype(np.float32)
    )
    assert [answer.threshold(p) for p in (0, 0.5, 1)] == [0, 127, 255]


def test_float_probabilities_are_themselves() -> None:
    answer = Answer(Tensor("probability", "float32", SHAPE, "probability"))
    values = np.random.default_rng(1).random((4, 8), np.float32)
    assert answer.probability(values) is values
    assert answer.threshold(0.3) == 0.3
    assert own_threshold(Signature("map", (PLANE,), (Tensor("m", "float32", SHAPE, "map"),))) is None


def test_another_dtype_is_refused() -> None:
    with pytest.raises(TypeError, match="values: have dtype float32; the output has int16"):
        logits(0.1).probability(np.zeros((2, 2), np.float32))
