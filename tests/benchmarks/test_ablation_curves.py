# SPDX-License-Identifier: Apache-2.0
"""The picture of the losses."""

from pathlib import Path

from benchmarks.ablation import variants
from benchmarks.ablation_curves import curves, losses_of, styles


def test_a_line_a_network(tmp_path: Path) -> None:
    (tmp_path / "history.csv").write_text("epoch,loss\n1,0.5\n2,0.25\n")
    assert losses_of(tmp_path / "history.csv") == [0.5, 0.25]
    one = curves({"here": tmp_path})
    assert one.startswith(b"\x89PNG")
    assert one not in (curves({"here": tmp_path, "there": tmp_path}), curves({"other": tmp_path}))


def test_lines_are_told_apart() -> None:
    lines = {tuple(style.items()) for style in styles()}
    assert len(lines) >= len(variants(None))
