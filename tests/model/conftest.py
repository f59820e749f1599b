# SPDX-License-Identifier: Apache-2.0
"""The shipped network, and another with its golden tensors, loaded once."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from biisnet.model import shipped_weights


@pytest.fixture(scope="session")
def golden() -> dict[str, np.ndarray]:
    """Grey image, float64 logits, and of every eighth channel the outputs of some layers of `golden_network`."""
    with np.load(Path(__file__).parent / "data" / "golden.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="session")
def golden_network() -> Any:
    """A trained default network whose outputs another implementation computed. It is not the shipped one, which may
    change."""
    pytest.importorskip("torch")
    from biisnet.model import weights

    return weights.load(Path(__file__).parent / "data" / "golden.safetensors")


@pytest.fixture(scope="session")
def trained() -> Any:
    """The default network with its trained weights."""
    pytest.importorskip("torch")
    from biisnet.model import weights

    path = shipped_weights()
    assert path is not None
    return weights.load(path)
