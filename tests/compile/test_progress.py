# SPDX-License-Identifier: Apache-2.0
"""Steps as a person sees them: on a terminal the one at work is named, and its line is written over."""

from __future__ import annotations

import io
import sys

import pytest

from biisnet.compile.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("kind", [Terminal, io.StringIO])
def test_the_step_at_work(kind: type[io.StringIO], monkeypatch: pytest.MonkeyPatch) -> None:
    screen = kind()
    monkeypatch.setattr(sys, "stderr", screen)
    progress = Progress(2, lambda line: print(line, file=screen), None)
    seen = progress.run("generate_code", lambda: screen.getvalue())
    assert seen == ("[1/2] generate_code …\r" if kind is Terminal else "")
    assert screen.getvalue().startswith(f"{seen}[1/2] generate_code … 0.")
