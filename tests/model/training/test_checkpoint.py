"""What is no checkpoint is refused in a line."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from biisnet.model.errors import InputError  # noqa: E402
from biisnet.model.training.checkpoint import read_state  # noqa: E402
from biisnet.model.training.trainer import LAST  # noqa: E402


@pytest.mark.parametrize("content", [b"", b"hello, this is no checkpoint", b"\x08\0\0\0\0\0\0\0{}      "])
def test_no_checkpoint(content: bytes, tmp_path: Path) -> None:
    (tmp_path / LAST).write_bytes(content)
    with pytest.raises(InputError, match="no training checkpoint"):
        read_state(tmp_path / LAST)
