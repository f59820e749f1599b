# SPDX-License-Identifier: Apache-2.0
"""Data sets in the layouts of their makers, and what is wrong with one said in a line."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from biisnet.model.datasets import Frame, hold_out, read_mask, read_split, resize_mask, write_frames
from biisnet.model.errors import InputError
from biisnet.model.scenes import scenes
from biisnet.runtime.resize import resize_bilinear

LAYOUTS = {
    "SIRST": ("images", "masks", "_pixels0", "idx_427/trainval.txt", "trainval"),
    "NUDT-SIRST": ("images", "masks", "", "50_50/train.txt", "train"),
    "NUDT-SIRST again": ("images", "masks", "", "img_idx/train_NUDT-SIRST.txt", "train"),
    "IRSTD-1K": ("IRSTD1k_Img", "IRSTD1k_Label", "", "trainval.txt", "trainval"),
}


def write_layout(root: Path, layout: str = "SIRST", count: int = 3) -> Path:
    """Scenes of 20x30, called a0, a1 …, as the data set's maker lays them out."""
    images, masks, ending, split, _ = LAYOUTS[layout]
    for folder in (images, masks, Path(split).parent):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for n, frame in enumerate(scenes(count, 20, 30)):
        Image.fromarray(frame.image.astype(np.uint8)).save(root / images / f"a{n}.png")
        Image.fromarray(frame.mask.astype(np.uint8) * 255).save(root / masks / f"a{n}{ending}.png")
    (root / split).write_text("".join(f"a{n}\n" for n in range(count)))
    return root


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_makers_layout(layout: str, tmp_path: Path) -> None:
    frames = read_split(write_layout(tmp_path, layout), LAYOUTS[layout][-1], None, print)
    for frame, made in zip(frames, scenes(3, 20, 30), strict=True):
        np.testing.assert_array_equal(frame.image, made.image)
        np.testing.assert_array_equal(frame.mask, made.mask)


def test_all_needs_no_list(tmp_path: Path) -> None:
    write_layout(tmp_path)
    (tmp_path / "idx_427" / "trainval.txt").unlink()
    assert [f.name for f in read_split(tmp_path, "all", None, print)] == ["a0", "a1", "a2"]


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "I;16", "1"])
def test_images_and_masks_of_any_kind(mode: str, tmp_path: Path) -> None:
    """Fails where the depth or the channels of a file change what is seen in it."""
    write_layout(tmp_path)
    for path, deep in ((tmp_path / "masks" / "a0_pixels0.png", 257), (tmp_path / "images" / "a0.png", 257)):
        if mode == "1" and path.parent.name == "images":
            continue
        with Image.open(path) as image:
            levels = np.asarray(image)
        if mode == "I;16":
            Image.fromarray(levels.astype(np.uint16) * deep).save(path)
        else:
            Image.fromarray(levels).convert(mode).save(path)
    (frame,), (made,) = read_split(tmp_path, "trainval", None, print)[:1], scenes(1, 20, 30)
    np.testing.assert_array_equal(frame.image, made.image)
    np.testing.assert_array_equal(frame.mask, made.mask)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_masks_of_zero_and_one(depth: type, tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 1], [1, 0]], depth)).save(tmp_path / "m.png")
    assert read_mask(tmp_path / "m.png").tolist() == [[False, True], [True, False]]
    Image.fromarray(np.zeros((2, 2), depth)).save(tmp_path / "m.png")
    assert not read_mask(tmp_path / "m.png").any()


def test_noise_of_a_lossy_mask_is_no_target(tmp_path: Path) -> None:
    for levels, any_target in ((np.full((8, 8), 3, np.uint8), False), (np.full((8, 8), 250, np.uint8), True)):
        Image.fromarray(levels).save(tmp_path / "m.jpg")
        assert read_mask(tmp_path / "m.jpg").all() == read_mask(tmp_path / "m.jpg").any() == any_target


def test_one_of_several_lists(tmp_path: Path) -> None:
    damage(write_layout(tmp_path), "ambiguous")
    for split, count in (("idx_320/trainval", 1), ("idx_427/trainval", 3)):
        assert len(read_split(tmp_path, split, None, print)) == count


def test_two_images_of_one_name(tmp_path: Path) -> None:
    """Fails where the split `all` takes one of them for both."""
    write_layout(tmp_path)
    with Image.open(tmp_path / "images" / "a1.png") as image:
        image.save(tmp_path / "images" / "a1.bmp")
    with pytest.raises(InputError, match="images: has a1 twice; leave one"):
        read_split(tmp_path, "all", None, print)


def test_a_mask_of_another_size_is_repaired_and_said(tmp_path: Path) -> None:
    write_layout(tmp_path)
    path = tmp_path / "masks" / "a1_pixels0.png"
    with Image.open(path) as image:
        mask = np.asarray(image) > 0
        image.resize((60, 40), Image.Resampling.NEAREST).save(path)
    said: list[str] = []
    frames = read_split(tmp_path, "trainval", None, said.append)
    np.testing.assert_array_equal(frames[1].mask, mask)
    assert len(said) == 1
    assert "1 masks are not of their image's size and were resized to it: a1" in said[0]


def test_resizing(tmp_path: Path) -> None:
    (frame, *_) = read_split(write_layout(tmp_path), "trainval", (40, 60), print)
    (made, *_) = scenes(3, 20, 30)
    assert made.mask.any()
    np.testing.assert_array_equal(frame.mask, np.repeat(np.repeat(made.mask, 2, 0), 2, 1))
    np.testing.assert_array_equal(frame.image, resize_bilinear(made.image, 40, 60))
    np.testing.assert_array_equal(resize_mask(frame.mask, 20, 30), made.mask)


def damage(root: Path, what: str) -> None:
    split = root / "idx_427" / "trainval.txt"
    if what == "no mask":
        (root / "masks" / "a1_pixels0.png").unlink()
    elif what == "no image":
        (root / "images" / "a2.png").unlink()
    elif what == "empty":
        split.write_text("\n")
    elif what == "twice":
        split.write_text("a0\na0.png\n")
    elif what == "a path":
        split.write_text("../images/a0\n")
    elif what == "ambiguous":
        (root / "idx_320").mkdir()
        (root / "idx_320" / "trainval.txt").write_text("a0\n")
    elif what == "not text":
        split.write_bytes(b"a0\n\xff\xfe")
    elif what == "grey mask":
        Image.fromarray(np.full((20, 30), 7, np.uint8)).save(root / "masks" / "a0_pixels0.png")
    elif what == "not an image":
        (root / "images" / "a0.png").write_text("hello")


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("no mask", r"masks: no mask for 'a1' \(a1.png or a1_pixels0.png or a1_mask.png\)"),
        ("no image", "images: no image for 'a2'"),
        ("empty", "trainval.txt: the split is empty"),
        ("twice", "trainval.txt: has a0 twice"),
        ("not text", "trainval.txt: not a text file in UTF-8"),
        ("grey mask", "a0_pixels0.png: has levels up to 7; save targets as 255"),
        ("a path", "'../images/a0' is no name of an image"),
        ("ambiguous", "several lists are called so, give one of idx_320/trainval, idx_427/trainval"),
        ("not an image", "a0.png: not an image"),
    ],
)
def test_what_is_wrong_is_said(what: str, message: str, tmp_path: Path) -> None:
    damage(write_layout(tmp_path), what)
    with pytest.raises(InputError, match=message):
        read_split(tmp_path, "trainval", None, print)


def test_unknown_splits_and_folders(tmp_path: Path) -> None:
    write_layout(tmp_path)
    with pytest.raises(
        InputError, match="split 'test': no such list; there are idx_427/trainval, and 'all' is every image"
    ):
        read_split(tmp_path, "test", None, print)
    with pytest.raises(InputError, match="has no folder images or IRSTD1k_Img"):
        read_split(tmp_path / "idx_427", "trainval", None, print)
    with pytest.raises(InputError, match="no such folder"):
        read_split(tmp_path / "nowhere", "trainval", None, print)


def test_hold_out() -> None:
    frames = scenes(10, 8, 8)
    rest, held = hold_out(frames, 0.3)
    assert len(held) == 3
    assert sorted(f.name for f in [*rest, *held]) == [f.name for f in frames]
    assert [f.name for f in hold_out(frames, 0.3)[1]] == [f.name for f in held]
    with pytest.raises(InputError, match="none would be left"):
        hold_out(frames[:1], 0.5)


def test_written_and_read(tmp_path: Path) -> None:
    made = scenes(3, 20, 30)
    write_frames(tmp_path / "deep" / "set", made)
    frames = read_split(tmp_path / "deep" / "set", "all", None, print)
    assert [f.name for f in frames] == [f.name for f in made]
    for frame, expected in zip(frames, made, strict=True):
        np.testing.assert_array_equal(frame.image, expected.image)
        np.testing.assert_array_equal(frame.mask, expected.mask)
    with pytest.raises(InputError, match="set: is there already; give a new folder"):
        write_frames(tmp_path / "deep" / "set", made)


def test_half_a_data_set_does_not_stay(tmp_path: Path) -> None:
    def some() -> Iterator[Frame]:
        yield scenes(1, 20, 30)[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_frames(tmp_path / "set", some())
    assert list(tmp_path.iterdir()) == []
