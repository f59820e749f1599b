# SPDX-License-Identifier: Apache-2.0
"""The common ground of all commands: help, --json, --quiet, --verbose, exit codes, completion."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from biisnet.compile.errors import CompileError, VerificationError
from biisnet.compile.verification.scene import scene
from biisnet.runtime.errors import BundleError
from biisnet.targets.ssh import BoardError
from biisnet.tools.cli import errors
from biisnet.tools.cli.app import COMMANDS, app, compile_app
from biisnet.tools.cli.terminal import CLOSED

from .conftest import Outcome

Cli = Callable[..., Outcome]
MAIN = (sys.executable, "-c", "from biisnet.tools.cli import main; main()")
PROGRESS = re.compile(r"^\[\d+/\d+\] ", re.M)


@pytest.mark.parametrize("name", COMMANDS)
def test_help(name: str, cli: Cli) -> None:
    outcome = cli(name, "-h")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == cli(name, "--help").out
    usage = " ".join(outcome.out.split("\n\n")[0].split())
    assert re.fullmatch(rf"Usage: \S+ {name} \[OPTIONS\]( [A-Z]+(\.\.\.)?| \[[A-Z]+\])*", usage), usage
    for option in ("--json ", "-q, --quiet", "-v, --verbose", "-h, --help"):
        assert f"  {option}" in outcome.out
    assert re.search(r"--json +(Print|<)", outcome.out)  # a flag: no word follows it


def test_help_of_the_programs(cli: Cli) -> None:
    assert cli("-h").out == cli("--help").out
    assert all(f"  {name} " in cli("-h").out for name in COMMANDS)
    assert cli("run", "-h").out.splitlines()[0].endswith("run [OPTIONS] BUNDLE SOURCE...")
    assert cli("deploy", "-h").out.splitlines()[0].endswith("deploy [OPTIONS] BUNDLE [BOARD]")
    done = CliRunner().invoke(compile_app, ["-h"], prog_name="biisnet-compile")
    assert done.stdout.splitlines()[0] == "Usage: biisnet-compile [OPTIONS] [MODEL]"
    bare = cli()
    assert (bare.code, bare.out) == (2, "")
    assert bare.err == cli("-h").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["frobnicate"], "no such command 'frobnicate'; see "),
        (["--frob"], "no such option: --frob"),
        (["run"], "missing argument 'BUNDLE'; see "),
        (["export", "biisnet"], "missing option '-o' / '--output'; see "),
        (["run", "bundle", "frame.png", "--threads", "65"], "invalid value for '--threads': "),
        (["compile", "--size"], "option '--size' requires an argument"),
        (["inspect", "one", "two"], "got unexpected extra argument"),
        (["targets", "-q", "-v"], "--quiet and --verbose: give one of them"),
    ],
)
def test_wrong_use_is_one_line(arguments: list[str], message: str, refused: Callable[..., str], cli: Cli) -> None:
    assert refused(*arguments).startswith(message)
    assert len(cli(*arguments).err.splitlines()) == 1


def test_the_compilers_own_program_too() -> None:
    done = CliRunner().invoke(compile_app, ["--frob"], prog_name="biisnet-compile")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: no such option: --frob")
    assert done.stderr.endswith("see biisnet-compile -h\n")


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """`biisnet doctor` raises it."""

    def examine() -> None:
        raise error

    monkeypatch.setattr("biisnet.tools.doctor.examine", examine)


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (VerificationError("layer 'a' differs"), errors.DISPROVED, "layer 'a' differs"),
        (CompileError("x.onnx: odd"), errors.WRONG_INPUT, "x.onnx: odd"),
        (BundleError("x: odd\nindeed"), errors.WRONG_INPUT, "x: odd indeed"),
        (BoardError("pi: away"), errors.WRONG_INPUT, "pi: away"),
        (FileNotFoundError(2, "No such file", "x"), errors.WRONG_INPUT, "x: No such file; give another path"),
        (ModuleNotFoundError("?", name="tvm"), errors.WRONG_INPUT, "tvm is not installed: pip install "),
        (
            ZeroDivisionError("by zero"),
            errors.DEFECT,
            "a defect of biisnet: by zero (ZeroDivisionError in examine, ",
        ),
        (KeyboardInterrupt(), 130, None),
    ],
)
def test_exit_codes(error: BaseException, code: int, line: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """0 well, 1 disproved, 2 wrong input or use, 70 a defect; one line each, and with --verbose where it comes from."""
    failing(monkeypatch, error)
    done = CliRunner().invoke(app, ["doctor"])
    assert (done.exit_code, done.stdout) == (code, "")
    if line is None:
        assert done.stderr == "\ninterrupted\n"
        return
    assert done.stderr.startswith(f"error: {line}")
    assert len(done.stderr.splitlines()) == 1
    verbose = CliRunner().invoke(app, ["doctor", "--verbose"])
    assert verbose.exit_code == code
    assert f"error: {line}" in verbose.stderr.splitlines()[-1]
    assert "Traceback (most recent call last)" in verbose.stderr
    assert "in examine" in verbose.stderr


def test_exit_codes_are_documented() -> None:
    readme = (Path(__file__).parents[3] / "README.md").read_text("utf-8")
    for code in (0, errors.DISPROVED, errors.WRONG_INPUT, errors.DEFECT):
        assert f"\n| {code} | " in readme
    assert f", {CLOSED}, " in readme


def test_a_closed_reader_is_no_error() -> None:
    """`biisnet variants | head -0`: 141 as of SIGPIPE, and not a word. Fails where it is an error."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*MAIN, "variants"], stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (done.returncode, done.stderr) == (CLOSED, "")


def test_quiet_and_verbose(cli: Cli, here: Path, tiny_onnx: Path) -> None:
    options = ("--target", "host", "--size", "24x20")
    usual = cli("compile", tiny_onnx, *options, "-o", "bundle")
    assert len(PROGRESS.findall(usual.err)) > 10
    quiet = cli("compile", tiny_onnx, *options, "-o", "bundle", "-q")
    assert (quiet.code, quiet.err) == (0, "")
    assert quiet.out == usual.out
    unproved = cli("compile", tiny_onnx, *options, "-o", "bundle", "-q", "--no-verify")
    assert unproved.err == "not verified: --no-verify was given\n"  # it must be known
    verbose = cli("compile", tiny_onnx, *options, "-o", "bundle", "--verbose")
    assert verbose.err.startswith("versions biisnet ")
    assert f"option   model {tiny_onnx}\n" in verbose.err
    assert re.search(r"^took     [\d.]+ s, peak memory \d+ MiB$", verbose.err.splitlines()[-1])
    assert len(PROGRESS.findall(verbose.err)) == len(PROGRESS.findall(usual.err))


def test_json_is_all_of_standard_output(cli: Cli, here: Path, tiny_bundle: Callable[[str], Path]) -> None:
    """The commands whose --json no other file tests: one document, whatever else is said."""
    bundle = tiny_bundle("host")
    Image.fromarray(scene(24, 20)).save(here / "frame.png")
    made = json.loads(cli("scenes", "-o", "made", "--count", "2", "--size", "16x24", "--json").out)
    assert made == {"folder": "made", "frames": 2, "size": [16, 24], "seed": 0}
    page = json.loads(cli("report", bundle, "-o", "page.html", "--json").out)
    assert page == {"file": "page.html", "bytes": (here / "page.html").stat().st_size}
    names = [row["name"] for row in json.loads(cli("variants", "--json").out)]
    assert {"biisnet", "biisnet-lite"} <= set(names)
    (result,) = json.loads(cli("run", bundle, "frame.png", "--json", "-v").out)
    assert (result["image"], result["height"], result["width"]) == ("frame.png", 24, 20)


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["tu"], ["tune", "tune-merge"]),
        (["compile", "--target", "rpi-"], ["rpi-zero2w"]),
        (["train", "biisnet-"], ["biisnet-lite", "biisnet-1", "biisnet-lite-1"]),
        (["export", "--siz"], ["--size"]),
    ],
)
def test_completion(words: list[str], offered: list[str], here: Path) -> None:
    """As bash asks for it."""
    asked = {"COMP_WORDS": " ".join(["biisnet", *words]), "COMP_CWORD": str(len(words))}
    env = {**os.environ, **asked, "_BIISNET_COMPLETE": "complete_bash"}
    program = f"import sys; sys.argv[0] = 'biisnet'; {MAIN[2]}"
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True)
    assert done.stdout.split() == offered, done.stderr
