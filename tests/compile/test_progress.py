# SPDX-License-Identifier: Apache-2.0
"""Steps as a person sees them: counted, in their order, and on a terminal the one at work is named."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from biisnet.compile.frontend import Model
from biisnet.compile.pipeline import PLAN_STEPS, compile_model, make_plan
from biisnet.compile.progress import Progress
from biisnet.compile.schedules import schedules_for
from biisnet.targets import resolve
from biisnet.tools.cli.terminal import Speaker


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("kind", "quiet", "at_work"),
    [(Terminal, False, "[1/2] generate_code …\r"), (io.StringIO, False, ""), (Terminal, True, "")],
)
def test_the_step_at_work(kind: type[io.StringIO], quiet: bool, at_work: str, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = kind()
    monkeypatch.setattr("sys.stderr", screen)
    progress = Progress(("generate_code", "link"), Speaker(quiet))
    assert progress.run("generate_code", screen.getvalue) == at_work
    said = screen.getvalue().removeprefix(at_work)
    assert said == "" if quiet else said.startswith("[1/2] generate_code … 0.")


def test_a_step_that_is_not_the_next() -> None:
    """Fails where the number of steps could be wrong without anybody's notice."""
    lines: list[str] = []
    progress = Progress(("one", "two"), lines.append)
    with pytest.raises(RuntimeError, match="step 'two' is not the one after 0 of one, two"):
        progress.run("two", lambda: None)
    assert progress.run("one", lambda a, b: a + b, 3, 4) == 7
    progress.run("two", lambda: None)
    with pytest.raises(RuntimeError, match="'three' is not the one after 2"):
        progress.run("three", lambda: None)
    assert [line.split(" …")[0] for line in lines] == ["[1/2] one", "[2/2] two"]


def numbers(lines: list[str]) -> list[tuple[int, int]]:
    """k and n of each `[k/n]`."""
    pairs = [line[1 : line.index("]")].split("/") for line in lines if line.startswith("[")]
    return [(int(k), int(n)) for k, n in pairs]


def test_every_declared_step_runs(tiny: Model) -> None:
    """Fails where a list has a step that its function does not run."""
    lines: list[str] = []
    target = resolve("host")
    make_plan(tiny, (24, 20), target, Progress(PLAN_STEPS, lines.append), schedules_for(target.core))
    assert numbers(lines) == [(k + 1, len(PLAN_STEPS)) for k in range(len(PLAN_STEPS))]


@pytest.mark.parametrize("verify", [False, True])
def test_compiling_counts_to_its_end(verify: bool, tiny: Model, tmp_path: Path) -> None:
    lines: list[str] = []
    compile_model(tiny, (24, 20), resolve("host"), tmp_path / "bundle", say=lines.append, verify=verify)
    found = numbers(lines)
    assert found == [(k + 1, len(found)) for k in range(len(found))]
    assert any("] verify …" in line for line in lines) == verify
