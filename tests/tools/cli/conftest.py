# SPDX-License-Identifier: Apache-2.0
"""The commands, run in this process in an empty folder, and what they must do with bad input."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnx
import pytest
from typer.testing import CliRunner

from biisnet.compile.frontend import Model
from biisnet.tools.cli.app import app
from biisnet.tools.cli.errors import DEFECT


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def message(self) -> str:
        """The error of wrong input or use."""
        return self.error(2)

    def error(self, code: int) -> str:
        """The error: exactly one line, the last on standard error, and the exit code of its kind."""
        lines = self.err.splitlines()
        assert self.code == code, (self.code, lines)
        assert [line for line in lines if line.lower().startswith("error: ")] == lines[-1:], lines
        assert "Traceback" not in self.err
        return lines[-1].removeprefix("error: ")


def left_behind(folder: Path) -> set[str]:
    """Everything below a folder."""
    return {str(p.relative_to(folder)) for p in folder.rglob("*")}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def cli(here: Path) -> Callable[..., Outcome]:
    """`cli("inspect", bundle)`: a command of `biisnet`, as a shell would run it."""

    def invoke(*arguments: str | Path) -> Outcome:
        result = CliRunner().invoke(app, [str(a) for a in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code != DEFECT, result.stderr
        return Outcome(result.exit_code, result.stdout, result.stderr)

    return invoke


@pytest.fixture
def refused(cli: Callable[..., Outcome], here: Path) -> Callable[..., str]:
    """`refused("inspect", "nothing")`: the message of a command that must fail and leave everything as it was."""

    def invoke(*arguments: str | Path) -> str:
        before = left_behind(here)
        outcome = cli(*arguments)
        assert left_behind(here) == before
        assert outcome.out == ""
        return outcome.message

    return invoke


@pytest.fixture
def checkpoint(here: Path) -> Path:
    """A tiny network's weights, random of seed 5."""
    pytest.importorskip("torch")
    from biisnet.model import NetworkConfig
    from biisnet.model.network import build
    from biisnet.model.weights import save

    config = NetworkConfig(channels=8, encoder_blocks=(), decoder_blocks=(), bottleneck_blocks=1)
    save(build(config, seed=5), here / "net.safetensors")
    return here / "net.safetensors"


@pytest.fixture
def edited(tiny: Model, here: Path) -> Callable[[Callable[[onnx.ModelProto], object]], Path]:
    """`edited(change)`: the tiny network's file after `change(proto)`."""

    def write(change: Callable[[onnx.ModelProto], object]) -> Path:
        proto = copy.deepcopy(tiny.proto)
        change(proto)
        path = here / "edited.onnx"
        path.write_bytes(proto.SerializeToString())
        return path

    return write
