# SPDX-License-Identifier: Apache-2.0
"""`python -m tests.fuzz [PARSER…]`: fuzz until so many inputs were run in all; a second call goes on where one ended.

The corpora that are kept (corpora/*.zip) are what it begins with; `--keep` writes them anew, without what adds nothing.
"""

from __future__ import annotations

import shutil
import subprocess
import time
import zipfile
from pathlib import Path
from typing import Annotated

import typer

from .parsers import PARSERS, Parser

CORPORA = Path(__file__).resolve().parent / "corpora"
BATCH = 50_000
"""Inputs between two lines of progress, and what is lost where it is killed."""
HANGS = "-timeout=60"
"""Seconds after which an input counts as a crash."""
EPOCH = (2020, 1, 1, 0, 0, 0)


app = typer.Typer(add_completion=False)


@app.command()
def main(
    names: Annotated[list[str] | None, typer.Argument(metavar="[PARSER]…", help=", ".join(PARSERS))] = None,
    runs: Annotated[int, typer.Option(min=1, help="Inputs in all, those of earlier calls too.")] = 10_000_000,
    minutes: Annotated[float, typer.Option(help="End each parser after that, when a batch is through.")] = 1e9,
    work: Annotated[Path, typer.Option("--work", "-w", help="Where corpora grow and crashes are written.")] = Path(
        "fuzzing"
    ),
    keep: Annotated[bool, typer.Option("--keep", help="Write the kept corpora anew.")] = False,
) -> None:
    """Fuzz parsers; exit 1 where one crashed."""
    crashed = False
    for name in names or PARSERS:
        if name not in PARSERS:
            raise typer.BadParameter(f"no parser {name}; there are {', '.join(PARSERS)}")
        parser, folder = PARSERS[name], work / name
        if parser.missing:
            raise typer.BadParameter(f"{name} needs {parser.missing}")
        crashed |= not fuzz(parser, folder, runs, time.monotonic() + 60 * minutes)
        if keep:
            pack(minimize(parser, folder), CORPORA / f"{name}.zip")
    raise typer.Exit(int(crashed))


def fuzz(parser: Parser, folder: Path, runs: int, deadline: float = float("inf")) -> bool:
    """Run a parser on inputs that `folder` counts; False where one crashed it, which is then there as a file."""
    corpus = folder / "corpus"
    folder.mkdir(parents=True, exist_ok=True)
    if not corpus.exists():
        unpack(CORPORA / f"{parser.name}.zip", corpus)
    command = parser.command(folder)
    counted = folder / "runs"
    done = int(counted.read_text()) if counted.exists() else 0
    while done < runs and time.monotonic() < deadline:
        batch = min(BATCH, runs - done)
        options = [f"-runs={batch}", f"-seed={done + 1}", f"-artifact_prefix={folder}/", "-verbosity=0", HANGS]
        ended = subprocess.run([*command, *options, str(corpus)], capture_output=True, text=True, errors="replace")
        if ended.returncode:
            print(f"{parser.name}: crashed; the input is in {folder}\n{ended.stdout[-4000:]}{ended.stderr[-4000:]}")
            return False
        done += batch
        counted.write_text(str(done))
        print(f"{parser.name}: {done} inputs, {len(list(corpus.iterdir()))} of them in the corpus", flush=True)
    return True


def minimize(parser: Parser, folder: Path) -> Path:
    """The folder of those inputs of a corpus that reach something that no smaller one does."""
    small = folder / "minimized"
    shutil.rmtree(small, ignore_errors=True)
    small.mkdir()
    subprocess.run([*parser.command(folder), "-merge=1", small, folder / "corpus"], check=True, capture_output=True)
    if not any(small.iterdir()):
        raise RuntimeError(f"{parser.name}: nothing of its corpus was kept")
    return small


def unpack(kept: Path, corpus: Path) -> None:
    """A kept corpus as the files that libFuzzer reads."""
    with zipfile.ZipFile(kept) as archive:
        archive.extractall(corpus)


def pack(corpus: Path, kept: Path) -> None:
    """The other way; the same inputs are the same bytes."""
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(corpus.iterdir()):
            archive.writestr(zipfile.ZipInfo(path.name, EPOCH), path.read_bytes(), zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    app()
