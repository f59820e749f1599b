"""The shipped files are those that their card tells of."""

import hashlib
from pathlib import Path

from biisnet.model import shipped_weights

CARD = Path(__file__).parents[2] / "benchmarks" / "training" / "biisnet" / "README.md"


def test_the_card_is_of_the_shipped_weights() -> None:
    path = shipped_weights()
    assert path is not None
    assert hashlib.sha256(path.read_bytes()).hexdigest() in CARD.read_text()
