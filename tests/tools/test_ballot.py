# SPDX-License-Identifier: Apache-2.0
"""`--vote` in `biisnet run` and `biisnet-run`: one answer, frame by frame; a moving target stays, flickers go."""

from __future__ import annotations

import csv
import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from biisnet.compile.errors import CompileError
from biisnet.runtime import Vote, sources
from biisnet.runtime.bundle import RUNNER
from biisnet.tools.frames import Reading, find_sources, read_frames
from biisnet.tools.raw_frames import Raw
from biisnet.tools.run import FrameResult, Wanted, run_frames

from ..runtime.cbuild import INTEGER_PLAN, SANITIZED, compile_c, of_integers, refused, run, write_bundle

HEIGHT, WIDTH, FRAMES = 48, 50, 12
FIRST, STEP = (18, 6), (1, 2)
"""The target's place in the first frame, and how far it moves from one to the next."""
FLICKERS = [(row, column) for row in (2, 10, 38) for column in range(1, 50, 8)]
"""Places further apart than the radius; each is bright in every seventh frame, three in a frame."""
RAW = f"{HEIGHT}x{WIDTH}:u8"


def quiet(_: str) -> None: ...


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector of points: 8 times a pixel less its neighbours, above 700; its runner has sanitizers."""
    root = tmp_path_factory.mktemp("points")
    files = (*sources.LIBRARY_SOURCES, INTEGER_PLAN)
    library = compile_c(root / "m.so", files, "-fPIC", *sources.SHARED_LDFLAGS)
    runner = compile_c(root / "run", (*files, *sources.RUNNER_SOURCES), *SANITIZED)
    return write_bundle(root / "bundle", library, of_integers, runner)


def stream() -> list[np.ndarray]:
    """Frames [HEIGHT, WIDTH] of bytes: a target of two pixels that moves, and flickers."""
    rng, frames = np.random.default_rng(4), []
    for n in range(FRAMES):
        frame = rng.integers(20, 28, (HEIGHT, WIDTH), dtype=np.uint8)
        row, column = FIRST[0] + n * STEP[0], FIRST[1] + n * STEP[1]
        frame[row, column : column + 2] = 200
        for place in FLICKERS[n % 7 :: 7]:
            frame[place] = 250
        frames.append(frame)
    return frames


def box_of_target(n: int) -> tuple[int, ...]:
    return (FIRST[0] + n * STEP[0], FIRST[1] + n * STEP[1], 1, 2)


def save(folder: Path, frames: list[np.ndarray]) -> Path:
    folder.mkdir()
    for n, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{n:02}.png")
    return folder


def seen(bundle: Path, sources: list[Path | str], vote: Vote | None, **options: Any) -> list[FrameResult]:
    wanted = Wanted(options.pop("folder", None), vote=vote)
    results = run_frames(bundle, [str(s) for s in sources], 1, wanted, quiet, tile=True, **options)
    return [r for r in results if isinstance(r, FrameResult)]


def places(result: FrameResult) -> list[tuple[int, ...]]:
    return [(d.top, d.left, d.height, d.width) for d in result.targets]


def test_flickers_go_and_the_target_stays(bundle: Path, tmp_path: Path) -> None:
    folder = save(tmp_path / "in", stream())
    alone = seen(bundle, [folder], None)
    assert all(box_of_target(n) in places(r) for n, r in enumerate(alone))
    assert sum(len(r.targets) for r in alone) == 4 * FRAMES
    assert {r.voted_down for r in alone} == {None}
    voted = seen(bundle, [folder], Vote(3, 5))
    assert [places(r) for r in voted[:2]] == [[], []]  # two frames are no three votes
    assert [places(r) for r in voted[2:]] == [[box_of_target(n)] for n in range(2, FRAMES)]
    assert [r.voted_down for r in voted] == [4, 4] + [3] * (FRAMES - 2)
    assert [r.target_pixels for r in voted] == [0, 0] + [2] * (FRAMES - 2)
    assert voted[0].line() == "0 target pixels, 0 targets, 4 voted down"
    strict = seen(bundle, [folder], Vote(3, 5, 2))  # less than it moves
    assert not any(places(r) for r in strict)


@pytest.mark.parametrize("vote", [Vote(1, 1), Vote(2, 2), Vote(3, 5), Vote(2, 4, 2.2360679), Vote(2, 4, 2.2360680)])
@pytest.mark.parametrize("tile", [True, False])
def test_the_runner_says_the_same(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vote: Vote, tile: bool
) -> None:
    """Frame by frame, of a folder and of standard input; the radius may be the target's very step, sqrt(5)."""
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "in", stream())
    data = b"".join(frame.tobytes() for frame in stream())
    (tmp_path / "in.raw").write_bytes(data)
    options = ["--vote", str(vote), "--vote-radius", repr(vote.radius), *(["--tile"] if tile else [])]
    for source, raw in (("in", None), ("-", Raw.parse(RAW))):
        program = [str(bundle / RUNNER), *options, *(["--raw", RAW] if raw else [])]
        with (tmp_path / "in.raw").open("rb") as file:
            monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=file))
            wanted = Wanted(tmp_path / f"out{source}", vote=vote)
            results = list(run_frames(bundle, [source], 2, wanted, quiet, tile=tile, raw=raw))
        table = subprocess.run([*program, "--targets", source], input=data, capture_output=True, check=True)
        assert table.stderr == b""
        assert (tmp_path / f"out{source}" / "targets.csv").read_bytes() == table.stdout
        counted = subprocess.run([*program, source], input=data, capture_output=True, check=True).stdout.decode()
        assert counted.splitlines() == [
            f"{r.image}: {r.target_pixels} of {HEIGHT * WIDTH} pixels are target"
            for r in results
            if isinstance(r, FrameResult)
        ]
    named = {row["image"] for row in csv.DictReader(table.stdout.decode().splitlines())}
    assert named <= {f"frame-{n:06}" for n in range(1, FRAMES + 1)}
    if tile:
        assert len(named) == {"1/1": FRAMES, "2/2": FRAMES - 1, "3/5": FRAMES - 2}.get(
            str(vote), FRAMES - 1 if vote.radius > 5**0.5 else 0
        )


def test_files_show_what_is_reported(bundle: Path, tmp_path: Path) -> None:
    """The mask is without those voted down, and so are table and lines; probabilities are what the network says."""
    folder = save(tmp_path / "in", stream())
    for name, vote in (("alone", None), ("voted", Vote(3, 5))):
        wanted = Wanted(tmp_path / name, probability=True, overlay=True, vote=vote)
        list(run_frames(bundle, [str(folder)], 1, wanted, quiet, tile=True))
    lines = [json.loads(line) for line in (tmp_path / "voted" / "frames.jsonl").read_text().splitlines()]
    for n, line in enumerate(lines):
        mask, before = (np.asarray(Image.open(tmp_path / k / f"{n:02}.mask.png")) for k in ("voted", "alone"))
        wanted_mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        if n >= 2:
            top, left, *_ = box_of_target(n)
            wanted_mask[top, left : left + 2] = 255
        np.testing.assert_array_equal(mask, wanted_mask)
        assert (before >= mask).all()
        assert (before > mask).sum() >= 3
        assert (line["target_pixels"], len(line["targets"])) == ((mask > 0).sum(), n >= 2)
        same = [(tmp_path / k / f"{n:02}.probability.npy").read_bytes() for k in ("voted", "alone")]
        assert same[0] == same[1]
        drawn = [(tmp_path / k / f"{n:02}.overlay.png").read_bytes() for k in ("voted", "alone")]
        assert drawn[0] != drawn[1]
    rows = list(csv.DictReader((tmp_path / "voted" / "targets.csv").read_text().splitlines()))
    assert len(rows) == FRAMES - 2


def test_each_stream_begins_anew(bundle: Path, tmp_path: Path) -> None:
    """Two folders, two files of raw frames; images of one folder, named one by one, are one stream."""
    frames = stream()
    one, other = save(tmp_path / "a", frames[:4]), save(tmp_path / "b", frames[4:8])
    of_folders = seen(bundle, [one, other], Vote(3, 3))
    assert [len(r.targets) for r in of_folders] == [0, 0, 1, 1] * 2
    of_files = seen(bundle, sorted(one.iterdir()), Vote(3, 3))
    assert [len(r.targets) for r in of_files] == [0, 0, 1, 1]
    raws = [tmp_path / "c.raw", tmp_path / "d.raw"]
    for path, part in zip(raws, (frames[:4], frames[4:8]), strict=True):
        path.write_bytes(b"".join(f.tobytes() for f in part))
    of_raw = seen(bundle, list(raws), Vote(3, 3), raw=Raw.parse(RAW))
    assert [places(r) for r in of_raw] == [places(r) for r in of_folders]


def test_streams_of_sources(tmp_path: Path) -> None:
    """A file of pages is a stream, also amid a folder's images."""
    folder = save(tmp_path / "in", stream()[:3])
    pages = [Image.fromarray(f) for f in stream()[:2]]
    pages[0].save(folder / "01a.tif", save_all=True, append_images=pages[1:])
    found = [(p.stem, p.stream) for p in read_frames(find_sources([str(folder)]), Reading())]
    assert found == [("00", 1), ("01", 1), ("01a-000001", 2), ("01a-000002", 2), ("02", 3)]
    twice = [p.stream for p in read_frames(find_sources([str(folder / "01a.tif")] * 2), Reading())]
    assert twice == [1, 1, 2, 2]


def test_frames_of_two_sizes_are_refused(bundle: Path, tmp_path: Path) -> None:
    folder = save(tmp_path / "in", [*stream()[:2], np.zeros((30, 50), np.uint8)])
    said = r"02\.png: is 30x50, .*the frame before it 48x50; --vote compares places, give frames of one size"
    with pytest.raises(CompileError, match=said):
        seen(bundle, [folder], Vote(1, 2), folder=tmp_path / "out")
    assert len((tmp_path / "out" / "frames.jsonl").read_text().splitlines()) == 2  # what came before stays
    message = refused(run(bundle / RUNNER, "--vote", "1/2", "--tile", folder))
    assert "02.png: is 30x50, the frame before it 48x50; --vote compares places, give frames of one size" in message
    assert len(seen(bundle, [folder], None)) == 3


def test_one_frame_is_no_stream(bundle: Path, tmp_path: Path) -> None:
    folder = save(tmp_path / "in", stream()[:1])
    with pytest.raises(CompileError, match=r"00\.png: is one frame; --vote is for streams: a folder"):
        seen(bundle, [folder / "00.png"], Vote(1, 1), folder=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert [len(r.targets) for r in seen(bundle, [folder], Vote(1, 1))] == [4]  # a folder of one is a stream of one
    assert run(bundle / RUNNER, "--vote", "1/1", "--tile", folder).stdout.endswith(b": 5 of 2400 pixels are target\n")
    for options in (["--targets"], ["--bench", "3"], ["--mask", str(tmp_path / "m.pgm")]):
        assert "00.png: is one frame; --vote is for streams: a folder" in refused(
            run(bundle / RUNNER, "--vote", "1/1", *options, folder / "00.png")
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--vote", "3"], "--vote 3: give M of N frames as M/N, M from 1 to N, N up to 100: 3/5"),
        (["--vote", "0/5"], "--vote 0/5: give M of N frames"),
        (["--vote", "6/5"], "--vote 6/5: give M of N frames"),
        (["--vote", " 3/5"], "--vote  3/5: give M of N frames"),
        (["--vote", "5/101"], "--vote 5/101: give M of N frames"),
        (["--vote=99999999999999999999/99999999999999999999"], ": give M of N frames"),
        (["--vote-radius", "3"], "--vote-radius goes with --vote"),
        (["--vote", "3/5", "--vote-radius", "-1"], "--vote-radius -1: give pixels from 0 to 65536"),
        (["--vote", "3/5", "--vote-radius", "nan"], "--vote-radius nan: give pixels from 0 to 65536"),
        (["--vote", "3/5", "--vote-radius", "x"], "--vote-radius x: give pixels from 0 to 65536"),
    ],
)
def test_the_runner_refuses(bundle: Path, tmp_path: Path, options: list[str], message: str) -> None:
    assert message in refused(run(bundle / RUNNER, *options, save(tmp_path / "in", stream()[:1])))


def test_a_video_is_a_stream(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cv2 = pytest.importorskip("cv2")
    monkeypatch.chdir(tmp_path)
    video = cv2.VideoWriter("in.avi", cv2.VideoWriter_fourcc(*"FFV1"), 25, (WIDTH, HEIGHT), isColor=False)
    for frame in stream():
        video.write(frame)
    video.release()
    folder = seen(bundle, [save(tmp_path / "in", stream())], Vote(3, 5))
    assert [places(r) for r in seen(bundle, ["in.avi"], Vote(3, 5))] == [places(r) for r in folder]
