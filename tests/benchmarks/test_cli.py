# SPDX-License-Identifier: Apache-2.0
"""The command: which networks it measures, and where their figures go."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks import cli
from benchmarks.measure import Extent
from benchmarks.pages import OTHERS, SHIPPED, Page
from benchmarks.results import DeviceRow, Results

from .test_networks import mean_file

pytest.importorskip("torch")


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Page, list[str], Path]]:
    """(page, networks, folder) of what is written; nothing is measured."""
    found: list[tuple[Page, list[str], Path]] = []

    def measure(extent: Extent, *_: object) -> Results:
        return Results({}, {}, "cortex-a72", (), tuple(DeviceRow(c.network, c.size, "biisnet") for c in extent.cases))

    def publish(results: Results, extent: Extent, page: Page, output: Path) -> None:
        found.append((page, [row.network for row in results.device], output))

    monkeypatch.setattr(cli, "measure", measure)
    monkeypatch.setattr(cli, "publish", publish)
    return found


def run(*arguments: str) -> tuple[int, str]:
    """The command's exit code and what it printed."""
    done = CliRunner().invoke(cli.app, list(arguments))
    return done.exit_code, done.output


@pytest.mark.filterwarnings("ignore")
def test_each_network_goes_to_its_page(published: list[tuple[Page, list[str], Path]]) -> None:
    assert run("--network", "tfc", "--network", "biisnet-lite")[0] == 0
    assert published == [(SHIPPED, ["biisnet-lite"], cli.DOCS), (OTHERS, ["tfc"], cli.DOCS)]


def test_without_a_name_the_shipped_ones(published: list[tuple[Page, list[str], Path]]) -> None:
    assert run()[0] == 0
    assert published == [(SHIPPED, ["biisnet", "biisnet", "biisnet-lite"], cli.DOCS)]


def test_a_users_file_is_not_documented(published: list[tuple[Page, list[str], Path]], tmp_path: Path) -> None:
    """Fails where figures of somebody's own network get into the project's documents unasked, or cannot be kept."""
    file = str(mean_file(tmp_path / "mine.onnx", 8))
    code, printed = run("--network", file)
    assert (code, published) == (0, [])
    assert "| mine | 8x8 | biisnet, float32 |" in printed
    assert run("--network", file, "-o", str(tmp_path))[0] == 0
    assert published == [(OTHERS, ["mine"], tmp_path)]


@pytest.mark.parametrize("arguments", [("--engine", "caffe"), ("--network", "resnet"), ("--std", "255")])
def test_what_is_not_there_is_refused(
    published: list[tuple[Page, list[str], Path]], arguments: tuple[str, ...]
) -> None:
    assert run(*arguments)[0] == 2
    assert not published


def test_files_have_one_size(published: list[tuple[Page, list[str], Path]], tmp_path: Path) -> None:
    """Fails where other engines are given frames that the file is not for."""
    assert run("--network", str(mean_file(tmp_path / "mine.onnx", 8)), "--peer-size", "4x4")[0] == 2
    assert not published
