# SPDX-License-Identifier: Apache-2.0
"""`biisnet explain`: the list, a page, and codes that there are not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from biisnet.compile.refusals import REFUSALS
from biisnet.tools.cli.explain_command import complete_code
from biisnet.tools.explain import WIDTH

Cli = Callable[..., object]


def test_all_codes_are_listed(cli: Callable) -> None:
    """Fails where a code is left out, or its title."""
    lines = cli("explain").out.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("  ")] == list(REFUSALS)
    assert "  BN328  a Resize of another form" in lines
    assert "Layers" in lines
    assert [r["code"] for r in json.loads(cli("explain", "--json").out)] == list(REFUSALS)


@pytest.mark.parametrize("written", ["BN328", "bn328", "[BN328]", "328"])
def test_a_page(cli: Callable, written: str) -> None:
    """Fails where a code is not known as a line has it, or the page lacks a part."""
    refusal = REFUSALS["BN328"]
    out = cli("explain", written).out
    lines = out.splitlines()
    assert lines[0] == f"BN328  {refusal.title}"
    assert [line for line in lines if line and line[0].isupper()][1:] == [
        "What it means", "What is supported", "Ways out", "Example",
    ]  # fmt: skip
    said = " ".join(out.split())
    assert all(text in said for text in (refusal.means, refusal.supported, *refusal.ways))
    assert lines[-1] == f"  error: {refusal.example} [BN328]"
    assert max(len(line) for line in lines[:-1]) <= WIDTH
    assert json.loads(cli("explain", written, "--json").out)["ways"] == list(refusal.ways)


@pytest.mark.parametrize("code", ["BN999", "999", "everything", ""])
def test_codes_that_there_are_not(refused: Callable[..., str], code: str) -> None:
    assert refused("explain", code) == f"explain {code}: no such code; biisnet explain lists them"


def test_the_shell_offers_codes() -> None:
    assert complete_code("bn32") == [code for code in REFUSALS if code.startswith("BN32")] != []


def test_no_compiler_is_needed() -> None:
    """Fails where a page cannot be read on a board, where numpy is all that is installed."""
    program = (
        "import sys\n"
        "for name in ('onnx', 'tvm', 'onnxruntime', 'onnx_ir', 'onnxscript', 'torch'): sys.modules[name] = None\n"
        "sys.argv = ['biisnet', 'explain', 'BN301']\nfrom biisnet.tools.cli import main\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("BN301  an operator that is not supported\n")
