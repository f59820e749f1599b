# SPDX-License-Identifier: Apache-2.0
"""What is no checkpoint is refused in a line."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from biisnet.model.config import NetworkConfig  # noqa: E402
from biisnet.model.errors import InputError  # noqa: E402
from biisnet.model.training.checkpoint import State, read_state  # noqa: E402
from biisnet.model.training.recipe import Recipe  # noqa: E402
from biisnet.model.training.run_files import LAST  # noqa: E402
from biisnet.model.weights import RUN_KEY  # noqa: E402


@pytest.mark.parametrize("content", [b"", b"hello, this is no checkpoint", b"\x08\0\0\0\0\0\0\0{}      "])
def test_no_checkpoint(content: bytes, tmp_path: Path) -> None:
    (tmp_path / LAST).write_bytes(content)
    with pytest.raises(InputError, match="no training checkpoint"):
        read_state(tmp_path / LAST)


@pytest.mark.parametrize("epoch", ["3", None, 1.5])
def test_a_state_of_other_types(epoch: object, tmp_path: Path) -> None:
    """Fails where a damaged number of epochs is a traceback later."""
    from safetensors.torch import save_file

    about = asdict(State(Recipe(), NetworkConfig(), "abc", 1, "float32")) | {"epoch": epoch}
    save_file({"x": torch.zeros(1)}, tmp_path / LAST, {RUN_KEY: json.dumps(about)})
    with pytest.raises(InputError, match=r"no training checkpoint|epoch is"):
        read_state(tmp_path / LAST)
