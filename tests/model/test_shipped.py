# SPDX-License-Identifier: Apache-2.0
"""The shipped files are those that their card tells of."""

import hashlib
from pathlib import Path

import pytest

from biisnet.model import shipped_integers, shipped_weights
from biisnet.model.config import EARLIER, SHIPPED

CARDS = Path(__file__).parents[2] / "benchmarks" / "training"


@pytest.mark.parametrize("name", SHIPPED)
def test_the_card_is_of_the_shipped_weights(name: str) -> None:
    card = (CARDS / EARLIER.get(name, name) / "README.md").read_text()
    for path in (shipped_weights(name), shipped_integers(name)):
        assert path is not None
        assert hashlib.sha256(path.read_bytes()).hexdigest() in card
