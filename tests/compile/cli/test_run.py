"""`biisnet run`: images in, masks out; here, and under the emulator for a board's bundle."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from biisnet.compile.run import count_components
from biisnet.compile.scene import scene
from biisnet.runtime import BundleError, load
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
            assert result["targets"] == count_components(mask > 0)
    assert sorted(p.suffix for p in (here / "masks").iterdir()) == [".npy"] * 4 + [".png"] * 4


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
    for name in ("cut.png", "text.png", "folder.png"):
        said = refused("run", bundle, name)
        assert said.startswith(f"{name}: not an image that can be read (")
    assert refused("run", bundle, "missing.png") == "missing.png: no such file"
    shutil.copy(here / "same.png", here / "folder.png" / "same.png")
    assert "of the same name" in refused("run", bundle, "same.png", "folder.png/same.png", "-o", "masks")
    for place in ("same.png", "same.png/masks", "/proc/masks"):
        assert place in refused("run", bundle, "other.png", "-o", place)
    assert "-o DIR" in refused("run", bundle, "same.png", "--probability")


def test_components_touch_at_corners_too() -> None:
    mask = np.array([[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 1], [1, 0, 0, 1]], bool)
    assert count_components(mask) == 4
    assert count_components(np.zeros((3, 3), bool)) == 0
    assert count_components(np.ones((3, 3), bool)) == 1
