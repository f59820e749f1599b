# SPDX-License-Identifier: Apache-2.0
"""Stages timed here: of several programs in turn, each stage's median."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from biisnet.tools.costs import STAGE_RUNS, TURNS, in_turns


def test_in_turns(tmp_path: Path) -> None:
    """Programs that count how often any of them was run, and say that as the time of their second stage."""
    (tmp_path / "count").write_text("0")
    program = tmp_path / "program.py"
    program.write_text(
        "import json, pathlib, sys\n"
        f"count = pathlib.Path({str(tmp_path / 'count')!r})\n"
        "n = int(count.read_text()) + 1\n"
        "count.write_text(str(n))\n"
        f"assert sys.argv[2:] == ['--stages', '{STAGE_RUNS}']\n"
        "times = [float(sys.argv[1]), n]\n"
        "print(json.dumps({'stages': [{'name': 's', 'median_ms': t} for t in times]}))\n"
    )
    commands = [[sys.executable, str(program), str(n)] for n in (10, 20)]
    assert in_turns(commands) == [(10, TURNS), (20, TURNS + 1)]  # 1, 3, 5 and 2, 4, 6
    assert json.loads((tmp_path / "count").read_text()) == 2 * TURNS
