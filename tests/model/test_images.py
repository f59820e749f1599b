# SPDX-License-Identifier: Apache-2.0
"""Image files of every depth that can be told from its file, and the others refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from biisnet.model.errors import InputError
from biisnet.model.files import write_whole
from biisnet.model.images import npy, read_image


def test_sixteen_bits(tmp_path: Path) -> None:
    """Fails where the deepest levels are not 255."""
    levels = np.array([[0, 257, 65535]], np.uint16)
    for name in ("a.png", "a.tiff"):
        Image.fromarray(levels).save(tmp_path / name)
        np.testing.assert_array_equal(read_image(tmp_path / name), [[0, 1, 255]])
    Image.fromarray(levels.astype(np.int32)).save(tmp_path / "b.tiff")
    np.testing.assert_array_equal(read_image(tmp_path / "b.tiff"), [[0, 1, 255]])


@pytest.mark.parametrize("level", [65536, 2**31 - 1, -1])
def test_deeper_levels_are_refused(tmp_path: Path, level: int) -> None:
    """Fails where a network is given grey levels that no camera has."""
    path = tmp_path / "deep.tiff"
    Image.fromarray(np.array([[0, level]], np.int32)).save(path)
    with pytest.raises(InputError, match=rf"deep\.tiff: has levels from .*{level}.*; save it with 8 or 16 bits"):
        read_image(path)


def test_a_map_is_written_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where a map that could not be written to the end takes an older one's place."""
    path = tmp_path / "map.npy"
    write_whole(path, npy(np.ones((2, 3), np.float32)))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match=r"map\.npy: cannot be written: No space left"):
        write_whole(path, npy(np.zeros((2, 3), np.float32)))
    np.testing.assert_array_equal(np.load(path), np.ones((2, 3)))
    assert [p.name for p in tmp_path.iterdir()] == ["map.npy"]
