# SPDX-License-Identifier: Apache-2.0
"""Lists of names in errors."""

from pathlib import Path

import pytest

from biisnet.model.datasets import read_split
from biisnet.model.errors import InputError
from biisnet.model.listing import listed
from biisnet.model.training import Recipe


def test_listed() -> None:
    assert listed([]) == ""
    assert listed("abcdefgh") == "a, b, c, d, e, f, g, h"
    assert listed("abcdefghi") == "a, b, c, d, e, f, g, h and 1 more"
    assert listed(map(str, range(300)), 2) == "0, 1 and 298 more"


def test_errors_stay_readable(tmp_path: Path) -> None:
    """300 unknown fields of a recipe."""
    unknown = ", ".join(f'"field{n}": 0' for n in range(300))
    with pytest.raises(InputError, match="field104 and 292 more; there are") as caught:
        Recipe.from_json(f"{{{unknown}}}")
    assert len(str(caught.value)) < 1000


def test_lists_of_a_data_set(tmp_path: Path) -> None:
    """A text file a picture, as annotations for detectors are: fails where all of them are in the error."""
    for name in ("images", "masks", "labels"):
        (tmp_path / name).mkdir()
    for n in range(300):
        (tmp_path / "labels" / f"frame{n:03}.txt").touch()
    with pytest.raises(InputError, match="frame007 and 292 more") as caught:
        read_split(tmp_path, "test", None, print)
    assert len(str(caught.value)) < 1000
