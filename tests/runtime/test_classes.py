# SPDX-License-Identifier: Apache-2.0
"""The best classes of scores, and their names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from biisnet.runtime.classes import Class, best_classes, read_labels


def test_order() -> None:
    """Fails where of equal scores a later class comes first, or what is no number is the best."""
    scores = np.array([1, np.nan, 3, 3, -np.inf, 2], np.float32)
    assert [c.index for c in best_classes(scores, 6)] == [2, 3, 5, 0, 1, 4]
    assert best_classes(scores, 1, ["a", "b", "c", "d", "e", "f"]) == [Class(2, 3.0, "c")]
    assert len(best_classes(np.arange(9, dtype=np.int16))) == 5
    assert best_classes(np.array([-32768, 5], np.int16))[0].index == 1


@pytest.mark.parametrize("text", ["a\nb b\n\u00e9", "a\nb b\n\u00e9\n", "a\r\nb b\r\n\u00e9\r\n"])
def test_labels(tmp_path: Path, text: str) -> None:
    (tmp_path / "labels").write_bytes(text.encode())
    assert read_labels(tmp_path / "labels", 3) == ["a", "b b", "\u00e9"]
    with pytest.raises(ValueError, match="labels: has 3 lines, the model has 4 classes"):
        read_labels(tmp_path / "labels", 4)


def test_no_labels(tmp_path: Path) -> None:
    (tmp_path / "labels").write_bytes(b"\0")
    with pytest.raises(ValueError, match="labels: is no text"):
        read_labels(tmp_path / "labels", 1)
    with pytest.raises(ValueError, match="missing: cannot be read: No such file"):
        read_labels(tmp_path / "missing", 1)
