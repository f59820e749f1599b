# SPDX-License-Identifier: Apache-2.0
"""The table of a run's epochs, gone on with."""

from pathlib import Path

import pytest

from biisnet.model.errors import InputError
from biisnet.model.training.history import TABLE, History


def test_what_a_killed_run_wrote_beyond_its_checkpoint_goes(tmp_path: Path) -> None:
    first = History(tmp_path, 0)
    for epoch in (1, 2, 3):
        first.add(epoch, 1e-3, 0.5, 1.0, None)
    second = History(tmp_path, 2)
    second.add(3, 2e-3, 0.25, 2.0, None)
    rows = [line.split(",") for line in (tmp_path / TABLE).read_text().splitlines()]
    assert [row[0] for row in rows] == ["epoch", "1", "2", "3"]
    assert rows[-1][1:4] == ["0.002", "0.25", "2"]


@pytest.mark.parametrize("text", ["epoch,loss\n1,2\n", "hello\n1\n", "epoch,learning_rate,loss\none,2,3\n"])
def test_a_table_of_someone_else(text: str, tmp_path: Path) -> None:
    (tmp_path / TABLE).write_text(text)
    with pytest.raises(InputError, match="is not as a run writes it; move it away"):
        History(tmp_path, 2)
