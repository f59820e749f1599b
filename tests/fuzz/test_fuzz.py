# SPDX-License-Identifier: Apache-2.0
"""Every parser of what comes from outside, fuzzed for some seconds from the kept corpora; and that a crash is one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from .__main__ import CORPORA, app, fuzz, minimize, unpack
from .parsers import PARSERS, Parser

RUNS = {
    "image": 30_000,
    "probe": 30_000,
    "manifest": 10_000,
    "archive": 5_000,
    "database": 5_000,
    "onnx": 3_000,
    "recognise": 400,
}


def available(name: str) -> Parser:
    """A parser that can be fuzzed here; skips where it cannot."""
    if missing := PARSERS[name].missing:
        pytest.skip(f"needs {missing}")
    return PARSERS[name]


@pytest.mark.parametrize("name", PARSERS)
def test_nothing_crashes(name: str, tmp_path: Path) -> None:
    available(name)
    done = CliRunner().invoke(app, [name, "--runs", str(RUNS[name]), "--work", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert f"{name}: {RUNS[name]} inputs" in done.output


def test_a_crash_is_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Fails where a harness that reads behind the end of an input is not stopped, or the input is not kept."""
    parser = available("image")
    assert parser.harness
    broken = tmp_path / "broken.c"
    broken.write_text(parser.harness.read_text().replace("image_decode(data, size,", "image_decode(data, size + 1,"))
    assert not fuzz(replace(parser, harness=broken), tmp_path / "work", 10_000)
    assert "heap-buffer-overflow" in capsys.readouterr().out
    assert list((tmp_path / "work").glob("crash-*"))


@pytest.mark.parametrize("name", ["image", "database"])
def test_what_is_kept(name: str, tmp_path: Path) -> None:
    """Of a corpus all that reaches something, and no input twice; in C and in Python."""
    parser = available(name)
    unpack(CORPORA / f"{name}.zip", tmp_path / "corpus")
    inputs = {p.read_bytes() for p in (tmp_path / "corpus").iterdir()}
    for n, content in enumerate(inputs):
        (tmp_path / "corpus" / f"again-{n}").write_bytes(content)
    small = [p.read_bytes() for p in minimize(parser, tmp_path).iterdir()]
    assert 0 < len(small) <= len(inputs)
    assert len(set(small)) == len(small)
    assert all(any(i.startswith(s) for i in inputs) for s in small)  # cut at -max_len


def test_a_python_error_is_a_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fails where what a parser lets out, here an error of the library's that reads its JSON, does not end it."""
    parser = available("manifest")
    (tmp_path / "sitecustomize.py").write_text(
        "import json\ndef loads(*_):\n    raise KeyError('x')\njson.loads = loads\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert not fuzz(parser, tmp_path / "work", 1_000)
    assert "KeyError: 'x'" in capsys.readouterr().out
    assert list((tmp_path / "work").glob("crash-*"))
