# SPDX-License-Identifier: Apache-2.0
"""`biisnet run` on the counts of a thermal sensor: with --levels it finds what the 8-bit version of the scene has."""

import csv
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from biisnet.compile.verification.scene import scene
from biisnet.tools.cli.app import app

SCENES = [scene(24, 20, seed) for seed in range(3)]
COUNTS = [7000 + 8 * s.astype(np.uint16) for s in SCENES]
LEVELS = "7000:9040"  # 8 counts a grey level
RAW = {"u16le": "<u2", "u16be": ">u2", "f32": "<f4"}


def found(table: Path | str) -> list[list[str]]:
    """A table's targets, without the names of their frames."""
    text = table.read_text() if isinstance(table, Path) else table
    return [row[1:] for row in csv.reader(io.StringIO(text))]


@pytest.fixture
def agc(cli: Callable[..., Any], here: Path, tiny_bundle: Callable[[str], Path]) -> list[list[str]]:
    """The targets of the scenes in 8 bits."""
    (here / "agc").mkdir()
    for n, picture in enumerate(SCENES):
        Image.fromarray(picture).save(here / "agc" / f"{n}.png")
    assert cli("run", tiny_bundle("host"), "agc", "-o", "of-agc").code == 0
    targets = found(here / "of-agc" / "targets.csv")
    assert len(targets) > 3
    return targets


def write_counts(folder: Path, ending: str) -> None:
    folder.mkdir()
    for n, counts in enumerate(COUNTS):
        path = folder / f"{n}.{ending}"
        if ending == "pgm":
            path.write_bytes(b"P5 20 24 16383\n" + counts.astype(">u2").tobytes())
        else:
            Image.fromarray(counts.astype(np.float32) if ending == "tiff" else counts).save(path)


@pytest.mark.filterwarnings("error::biisnet.runtime.levels.GreyLevelsWarning")  # the note has said it
@pytest.mark.parametrize("ending", ["png", "tif", "pgm", "tiff"])
def test_folders_of_counts(
    cli: Callable[..., Any], here: Path, tiny_bundle: Callable[[str], Path], agc: list[list[str]], ending: str
) -> None:
    """16-bit PNG and TIFF, PGM of 14 bits, TIFF of floats; and the note, or the refusal, without --levels."""
    write_counts(here / "y16", ending)
    done = cli("run", tiny_bundle("host"), "y16", "-o", "out", "--levels", LEVELS)
    assert (done.code, "note" in done.err) == (0, False), done.err
    assert found(here / "out" / "targets.csv") == agc
    without = cli("run", tiny_bundle("host"), "y16", "-o", "without")
    if ending == "tiff":
        assert "0.tiff: has samples of no known scale, from " in without.message
        return
    assert without.code == 0
    notes = [line for line in without.err.splitlines() if line.startswith("note: ")]
    if ending == "pgm":  # whose scale, of 14 bits, is its own
        assert notes == []
        return
    (note,) = notes
    assert note.startswith("note: all 3 frames have samples from 7")
    assert note.endswith(", or --levels 1%:99% for each frame's own")


def test_a_video_of_counts(
    cli: Callable[..., Any], here: Path, tiny_bundle: Callable[[str], Path], agc: list[list[str]]
) -> None:
    """16-bit grey, which OpenCV cuts to 8 bits where it is not told otherwise."""
    cv2 = pytest.importorskip("cv2")
    options = [cv2.VIDEOWRITER_PROP_DEPTH, cv2.CV_16U, cv2.VIDEOWRITER_PROP_IS_COLOR, 0]
    fourcc = cv2.VideoWriter.fourcc(*"FFV1")
    for name, frames in (("y16.mkv", COUNTS), ("full.avi", [s.astype(np.uint16) * 257 for s in SCENES])):
        video = cv2.VideoWriter(name, cv2.CAP_FFMPEG, fourcc, 25, (20, 24), options)
        assert video.isOpened()
        for frame in frames:
            video.write(frame)
        video.release()
    assert cli("run", tiny_bundle("host"), "y16.mkv", "-o", "out", "--levels", LEVELS).code == 0
    assert found(here / "out" / "targets.csv") == agc
    assert cli("run", tiny_bundle("host"), "full.avi", "-o", "full").code == 0  # scaled as 16-bit images are
    assert found(here / "full" / "targets.csv") == agc


@pytest.mark.parametrize("kind", RAW)
def test_raw_streams_of_counts(
    here: Path, cli: Callable[..., Any], tiny_bundle: Callable[[str], Path], agc: list[list[str]], kind: str
) -> None:
    """From a file and from standard input, the table as the runner writes it."""
    data = b"".join(c.astype(RAW[kind]).tobytes() for c in COUNTS)
    (here / "frames.raw").write_bytes(data)
    options = ["--raw", f"24x20:{kind}", "--levels", LEVELS]
    assert cli("run", tiny_bundle("host"), "frames.raw", "-o", "file", *options).code == 0
    assert found(here / "file" / "targets.csv") == agc
    arguments = ["run", str(tiny_bundle("host")), "-", "-o", "stream", *options]
    assert CliRunner().invoke(app, arguments, input=data).exit_code == 0
    runner = [tiny_bundle("host") / "bin" / "biisnet-run", "--targets", *options, "-"]
    table = subprocess.run(runner, input=data, capture_output=True, check=True).stdout
    assert (here / "stream" / "targets.csv").read_bytes() == table
    assert found(table.decode()) == agc
    cut = CliRunner().invoke(app, arguments, input=data[:-7])
    assert cut.exit_code == 2
    assert (
        f"-: ends after {len(data) // 3 - 7} of the {len(data) // 3} bytes of frame 3; correct --raw 24x20:{kind}"
        in (cut.stderr)
    )


def test_percentiles_are_of_each_frame(
    cli: Callable[..., Any], here: Path, tiny_bundle: Callable[[str], Path], agc: list[list[str]]
) -> None:
    """A drift of the sensor's offset, which a stretch of each frame follows."""
    for folder, drift in (("still", 0), ("drifts", 500)):
        (here / folder).mkdir()
        for n, counts in enumerate(COUNTS):
            Image.fromarray((counts + drift * n).astype(np.uint16)).save(here / folder / f"{n}.png")
        assert cli("run", tiny_bundle("host"), folder, "-o", f"of-{folder}", "--levels", "1%:99%").code == 0
    targets = found(here / "of-still" / "targets.csv")
    assert found(here / "of-drifts" / "targets.csv") == targets
    assert targets != agc  # another stretch than the camera's own


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["agc", "--levels", "9:7"], "--levels 9:7: LOW must be below HIGH"),
        (["agc", "--levels", "9"], "--levels 9: give LOW:HIGH in the sensor's counts"),
        (["agc", "--levels", "7000:9000"], "0.png: has samples from 0 to 255, and levels 7000:9000 leave none of them"),
        (["-"], "-: standard input is raw frames; say how they are laid out with --raw HxW:TYPE"),
        (["agc", "--raw", "24x20:u16"], "--raw 24x20:u16: give the height and width, and u8, u16le, u16be or f32"),
        (["agc", "--raw", "24x20:u8"], "agc: is a folder, and --raw is for files and standard input"),
        (["none.raw", "--raw", "24x20:u8"], "none.raw: cannot be read: No such file or directory"),
        (["empty.raw", "--raw", "24x20:u8"], "empty.raw: ended before the first frame"),
    ],
)
def test_what_is_refused(
    cli: Callable[..., Any],
    here: Path,
    tiny_bundle: Callable[[str], Path],
    agc: list[list[str]],
    arguments: list[str],
    message: str,
) -> None:
    (here / "empty.raw").touch()
    assert message in cli("run", tiny_bundle("host"), *arguments, "-o", "out").message
    assert not (here / "out").exists()


def test_levels_that_clip_everything_are_said(
    cli: Callable[..., Any], here: Path, tiny_bundle: Callable[[str], Path]
) -> None:
    write_counts(here / "y16", "png")
    done = cli("run", tiny_bundle("host"), "y16", "--levels", "20000:30000")
    assert done.code == 0
    assert "of which --levels 20000:30000 make 0 of 255 grey levels; give others" in done.err


NAME = "b\xe9b\xe9 \x1b[31m.png"  # ISO 8859-1, and what turns a terminal red


def test_names_that_the_locale_cannot_encode(here: Path, tiny_bundle: Callable[[str], Path]) -> None:
    """Fails where such a frame ends the run, or its row is not the runner's, byte for byte."""
    (here / "frames").mkdir()
    names = [NAME.encode("latin-1"), "\u4e2d.png".encode()]
    for n, name in enumerate(names):
        with open(b"frames/" + name, "wb") as file:
            Image.fromarray(SCENES[n]).save(file, "PNG")
    for setting in ({"LC_ALL": "C.UTF-8"}, {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}):
        out = here / f"out-{setting['LC_ALL']}"
        command = [sys.executable, "-c", "from biisnet.tools.cli import main; main()", "run", str(tiny_bundle("host"))]
        done = subprocess.run([*command, "frames", "-o", out], capture_output=True, env=setting)
        assert done.returncode == 0, done.stderr.decode()
        lines = done.stdout.splitlines()
        assert len(lines) == 2
        assert b"\x1b" not in done.stdout
        assert any(b"\\udce9b\\udce9 \\x1b[31m.png: 24x20, " in line for line in lines)
        runner = [tiny_bundle("host") / "bin" / "biisnet-run", "--targets", "frames"]
        table = subprocess.run(runner, capture_output=True, check=True).stdout
        assert (out / "targets.csv").read_bytes() == table
        assert all(b"frames/" + name in table for name in names)
        assert len((out / "frames.jsonl").read_bytes().splitlines()) == 2


def test_names_in_errors_are_not_obeyed_by_a_terminal(
    cli: Callable[..., Any], here: Path, tiny_bundle: Callable[[str], Path]
) -> None:
    (here / "a\x1b[2J.png").write_text("no image")
    assert cli("run", tiny_bundle("host"), "a\x1b[2J.png").message.startswith("a\\x1b[2J.png: not an image")
