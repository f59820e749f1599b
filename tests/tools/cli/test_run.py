# SPDX-License-Identifier: Apache-2.0
"""`biisnet run`: images in, masks out; here, and under the emulator for a board's bundle."""

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from biisnet.compile.verification.scene import scene
from biisnet.runtime import BundleError, load
from biisnet.runtime.detections import detect
from biisnet.targets import emulator

TinyBundle = Callable[[str], Path]


@pytest.fixture
def frames(here: Path) -> list[str]:
    """Grey of the bundle's size, grey of another, colour, and 16 bits."""
    Image.fromarray(scene(24, 20)).save(here / "same.png")
    Image.fromarray(scene(31, 50)).save(here / "other.png")
    Image.fromarray(np.stack([scene(24, 20, seed) for seed in range(3)], -1)).save(here / "colour.bmp")
    Image.fromarray(scene(24, 20).astype(np.uint16) * 257).save(here / "deep.png")
    return ["same.png", "other.png", "colour.bmp", "deep.png"]


def test_here(cli: Callable, here: Path, frames: list[str], tiny_bundle: TinyBundle) -> None:
    bundle = tiny_bundle("host")
    outcome = cli("run", bundle, *frames, "-o", "masks", "--probability", "--threads", "2", "--json")
    assert outcome.code == 0
    results = {r["image"]: r for r in json.loads(outcome.out)}
    assert list(results) == frames
    with load(bundle) as model:
        for name, image in (("same.png", scene(24, 20)), ("other.png", scene(31, 50)), ("deep.png", scene(24, 20))):
            stem = Path(name).stem
            expected = model(image)
            np.testing.assert_array_equal(np.load(here / "masks" / f"{stem}.probability.npy"), expected)
            mask = np.asarray(Image.open(here / "masks" / f"{stem}.mask.png"))
            np.testing.assert_array_equal(mask, np.where(expected > model.threshold, 255, 0))
            result = results[name]
            assert (result["height"], result["width"]) == image.shape
            assert result["target_pixels"] == (mask > 0).sum()
            assert result["targets"] == [asdict(d) for d in detect(expected, model.threshold)]
    written = sorted(p.suffix for p in (here / "masks").iterdir())
    assert written == [".csv", ".jsonl"] + [".npy"] * 4 + [".png"] * 4
    lines = (here / "masks" / "frames.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == list(results.values())
    rows = list(csv.DictReader((here / "masks" / "targets.csv").read_text().splitlines()))
    flat = [{"image": r["image"], **t} for r in results.values() for t in r["targets"]]
    assert rows == [{k: v if isinstance(v, str) else f"{v:.9g}" for k, v in row.items()} for row in flat]


def test_the_table_is_the_runners(cli: Callable, here: Path, tiny_bundle: TinyBundle) -> None:
    """Byte for byte."""
    for n in range(3):
        (here / "frames").mkdir(exist_ok=True)
        Image.fromarray(scene(24, 20, n)).save(here / "frames" / f"{n}, a frame.png")
    done = cli("run", tiny_bundle("host"), "frames", "-o", "out")
    assert "written out: targets.csv, frames.jsonl, pictures" in done.err
    table = (here / "out" / "targets.csv").read_bytes()
    assert table.count(b"\n") > 1
    assert table == subprocess.check_output([tiny_bundle("host") / "bin" / "biisnet-run", "--targets", "frames"])


def test_for_people(cli: Callable, here: Path, frames: list[str], tiny_bundle: TinyBundle) -> None:
    """A line an image; no file where no folder is given."""
    lines = cli("run", tiny_bundle("host"), *frames).out.splitlines()
    assert lines[1].startswith("other.png: 31x50, ")
    assert sorted(p.name for p in here.iterdir()) == sorted(frames)


@pytest.mark.emulator
def test_emulated(cli: Callable, here: Path, frames: list[str], tiny_bundle: TinyBundle, emulated: None) -> None:
    """The board's bundle gives the board's results, which are this machine's too."""
    outcome = cli("run", tiny_bundle("rpi4"), *frames, "-o", "there", "--probability", "--json")
    assert "rpi4 is emulated here: results are those of the board, times are not" in outcome.err
    cli("run", tiny_bundle("host"), *frames, "-o", "here", "--probability")
    assert len(json.loads(outcome.out)) == 4
    for name in frames:
        there, close = (np.load(Path(folder, f"{Path(name).stem}.probability.npy")) for folder in ("there", "here"))
        np.testing.assert_allclose(there, close, atol=1e-6)


def test_a_bundle_of_another_machine(
    refused: Callable[..., str], frames: list[str], tiny_bundle: TinyBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`load` refuses it, and so does `run` where no emulator is."""
    with pytest.raises(BundleError, match=r"built for rpi5 \(aarch64\), this is"):
        load(tiny_bundle("rpi5"))
    monkeypatch.setattr(emulator.shutil, "which", lambda name: None)
    assert f"is for rpi5; {emulator.MISSING}" in refused("run", tiny_bundle("rpi5"), *frames)


def test_bad_images(refused: Callable[..., str], here: Path, frames: list[str], tiny_bundle: TinyBundle) -> None:
    bundle = tiny_bundle("host")
    data = (here / "same.png").read_bytes()
    (here / "cut.png").write_bytes(data[: len(data) // 2])
    (here / "text.png").write_text("a photograph")
    (here / "folder.png").mkdir()
    for name in ("cut.png", "text.png"):
        said = refused("run", bundle, name)
        assert said.startswith(f"{name}: not an image that can be read (")
    assert refused("run", bundle, "folder.png").startswith("folder.png: a folder without images (.bmp, ")
    assert refused("run", bundle, "missing.png") == "missing.png: no such file"
    shutil.copy(here / "same.png", here / "folder.png" / "same.png")
    assert "of the same name" in refused("run", bundle, "same.png", "folder.png/same.png", "-o", "masks")
    for place in ("same.png", "same.png/masks", "/proc/masks"):
        assert place in refused("run", bundle, "other.png", "-o", place)
    assert "-o DIR" in refused("run", bundle, "same.png", "--probability")
    assert "-o DIR" in refused("run", bundle, "same.png", "--overlay")


def test_folders_and_overlays(cli: Callable, here: Path, frames: list[str], tiny_bundle: TinyBundle) -> None:
    (here / "folder").mkdir()
    for name in frames:
        (here / name).rename(here / "folder" / name)
    (here / "folder" / "notes.txt").touch()
    outcome = cli("run", tiny_bundle("host"), "folder", "-o", "out", "--overlay")
    assert outcome.code == 0, outcome.err
    assert [line.split(":")[0] for line in outcome.out.splitlines()] == [f"folder/{n}" for n in sorted(frames)]
    with Image.open(here / "out" / "other.overlay.png") as picture:
        assert picture.size == (2 * 50, 2 * 31)
    (here / "empty").mkdir()
    assert "empty: a folder without images (.bmp, " in cli("run", tiny_bundle("host"), "empty").message


def test_a_video(cli: Callable, here: Path, tiny_bundle: TinyBundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames as they were written: a lossless codec."""
    cv2 = pytest.importorskip("cv2")
    scenes = [scene(24, 20, seed) for seed in range(3)]
    video = cv2.VideoWriter("a.scene.avi", cv2.VideoWriter_fourcc(*"FFV1"), 25, (20, 24), isColor=False)
    for picture in scenes:
        video.write(picture)
    video.release()
    outcome = cli("run", tiny_bundle("host"), "a.scene.avi", "-o", "out", "--probability")
    assert outcome.code == 0, outcome.err
    names = [f"a.scene-{n:06}" for n in (1, 2, 3)]
    assert [line.split(":")[0] for line in outcome.out.splitlines()] == names
    with load(tiny_bundle("host")) as model:
        for name, picture in zip(names, scenes, strict=True):
            np.testing.assert_array_equal(np.load(f"out/{name}.probability.npy"), model(picture))
    paced = cli("run", tiny_bundle("host"), "a.scene.avi", "--rate", "1000000")
    assert len(paced.out.splitlines()) + int(paced.err.split("; ")[-1].split()[0]) == len(scenes)
    Image.fromarray(scenes[0]).save(here / "a.scene-000002.png")
    again = cli("run", tiny_bundle("host"), "a.scene-000002.png", "a.scene.avi", "-o", "both")
    assert again.message == "a.scene.avi: a frame of the same name is given before it; run it with another -o"
    assert not (here / "both").exists()
    Image.fromarray(scenes[0]).save(here / "a.scene.png")
    assert cli("run", tiny_bundle("host"), "a.scene.avi", "a.scene.png", "-o", "both").code == 0  # files of other names
    (here / "text.mp4").write_text("no video")
    assert cli("run", tiny_bundle("host"), "text.mp4").message == "text.mp4: cannot be opened as a video"
    assert "camera:99: cannot be opened" in cli("run", tiny_bundle("host"), "camera:99").message
    assert "camera:1000: give a camera by its number" in cli("run", tiny_bundle("host"), "camera:1000").message
    assert "camera:front: give a camera by its number" in cli("run", tiny_bundle("host"), "camera:front").message
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert "needs OpenCV: pip install '.[video]' (in a clone)" in cli("run", tiny_bundle("host"), "a.scene.avi").message


@pytest.mark.emulator
def test_in_tiles(cli: Callable, here: Path, tiny_bundle: TinyBundle, emulated: None) -> None:
    """Here and on the emulated board."""
    Image.fromarray(scene(48, 50, 1)).save(here / "large.png")
    Image.fromarray(scene(20, 100, 1)).save(here / "flat.png")
    for target in ("host", "rpi4"):
        done = cli("run", tiny_bundle(target), "flat.png", "large.png", "--tile", "-o", target, "--probability")
        assert done.code == 0, done.err
    for name, size in (("large", (48, 50)), ("flat", (20, 100))):  # of which one side is less than a tile
        there, close = (np.load(here / target / f"{name}.probability.npy") for target in ("rpi4", "host"))
        np.testing.assert_allclose(there, close, atol=1e-6)
        with load(tiny_bundle("host")) as model:
            np.testing.assert_array_equal(close, model.tiled(scene(*size, 1)))
        runner = [tiny_bundle("host") / "bin" / "biisnet-run", "--tile", "--probability", "c.f32", f"{name}.png"]
        subprocess.run(runner, check=True)
        np.testing.assert_array_equal(np.fromfile("c.f32", np.float32).reshape(size), close)


def test_rates_that_are_none(cli: Callable, here: Path, frames: list[str], tiny_bundle: TinyBundle) -> None:
    for rate in ("0", "-1", "nan", "inf"):
        assert "give frames a second, above 0" in cli("run", tiny_bundle("host"), frames[0], "--rate", rate).message


def test_votes(cli: Callable, here: Path, tiny_bundle: TinyBundle) -> None:
    """The same frame over and over: what is there in it is voted for from the second one on."""
    (here / "frames").mkdir()
    for n in range(3):
        Image.fromarray(scene(24, 20)).save(here / "frames" / f"{n}.png")
    bundle = tiny_bundle("host")
    alone = json.loads(cli("run", bundle, "frames", "--json").out)
    done = cli("run", bundle, "frames", "--vote", "2/3", "--vote-radius", "0", "--json")
    assert done.code == 0, done.err
    first, *rest = json.loads(done.out)
    assert alone[0]["targets"]
    assert (first["targets"], first["target_pixels"], first["voted_down"]) == ([], 0, len(alone[0]["targets"]))
    assert rest == [{**result, "voted_down": 0} for result in alone[1:]]
    assert (
        cli("run", bundle, "frames", "--vote", "2/3").out.splitlines()[0].endswith(f"{first['voted_down']} voted down")
    )
    (here / "frames" / "1.png").rename(here / "frames" / "10.png")
    note = "note: 10.png comes before 2.png, in the order of names; a vote is of frames as they followed each other"
    assert note in cli("run", bundle, "frames", "--vote", "2/3").err
    assert "note:" not in cli("run", bundle, "frames").err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--vote", "3"), "--vote 3: give M of N frames as M/N, M from 1 to N, N up to 100: 3/5"),
        (("--vote", "6/5"), "--vote 6/5: give M of N frames"),
        (("--vote", "3/5", "--vote-radius", "-1"), "--vote-radius -1: give pixels from 0 to 65536"),
        (("--vote", "3/5", "--vote-radius", "nan"), "--vote-radius nan: give pixels from 0 to 65536"),
        (("--vote-radius", "3"), "--vote-radius 3: goes with --vote M/N"),
        (("--vote", "3/5"), "same.png: is one frame; --vote is for streams"),
    ],
)
def test_votes_that_cannot_be(
    refused: Callable[..., str], frames: list[str], tiny_bundle: TinyBundle, options: tuple[str, ...], message: str
) -> None:
    assert message in refused("run", tiny_bundle("host"), "same.png", "-o", "out", *options)
