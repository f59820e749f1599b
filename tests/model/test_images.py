# SPDX-License-Identifier: Apache-2.0
"""Image files of every depth that can be told from its file, and the others refused."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from biisnet.model.errors import InputError
from biisnet.model.files import write_whole
from biisnet.model.images import is_image_name, npy, page_count, read_image, read_pages
from biisnet.runtime.levels import Levels, grey_levels


def test_sixteen_bits(tmp_path: Path) -> None:
    """Fails where the deepest levels are not 255."""
    levels = np.array([[0, 257, 65535]], np.uint16)
    for name in ("a.png", "a.tiff"):
        Image.fromarray(levels).save(tmp_path / name)
        np.testing.assert_array_equal(read_image(tmp_path / name), [[0, 1, 255]])
    Image.fromarray(levels.astype(np.int32)).save(tmp_path / "b.tiff")
    np.testing.assert_array_equal(read_image(tmp_path / "b.tiff"), [[0, 1, 255]])


@pytest.mark.parametrize("level", [65536, 2**31 - 1, -1])
def test_deeper_levels_are_refused(tmp_path: Path, level: int) -> None:
    """Fails where a network is given grey levels that no camera has."""
    path = tmp_path / "deep.tiff"
    Image.fromarray(np.array([[0, level]], np.int32)).save(path)
    with pytest.raises(InputError, match=rf"deep\.tiff: has samples .* {re.escape(f'{level:.6g}')}[, ].* --levels"):
        read_image(path)


def test_a_map_is_written_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where a map that could not be written to the end takes an older one's place."""
    path = tmp_path / "map.npy"
    write_whole(path, npy(np.ones((2, 3), np.float32)))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match=r"map\.npy: cannot be written: No space left"):
        write_whole(path, npy(np.zeros((2, 3), np.float32)))
    np.testing.assert_array_equal(np.load(path), np.ones((2, 3)))
    assert [p.name for p in tmp_path.iterdir()] == ["map.npy"]


COUNTS = np.random.default_rng(7).integers(7000, 9000, (5, 8)).astype(np.uint16)
WHITE_IS_ZERO, BITS = 262, 258  # tags of TIFF


def tiff(path: Path, picture: Image.Image, photometric: int, **options: object) -> Path:
    """A TIFF whose photometric interpretation is set, whatever Pillow would make of it."""
    picture.save(path, "TIFF", **options)
    data = bytearray(path.read_bytes())
    order = "little" if data[:2] == b"II" else "big"
    at = int.from_bytes(data[4:8], order)
    for entry in range(at + 2, at + 2 + 12 * int.from_bytes(data[at : at + 2], order), 12):
        if int.from_bytes(data[entry : entry + 2], order) == WHITE_IS_ZERO:
            data[entry + 8 : entry + 10] = photometric.to_bytes(2, order)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_white_is_zero_at_every_depth(tmp_path: Path, compression: str | None) -> None:
    """A count is as dark as it is high, and levels are in the file's own counts."""
    shallow = (COUNTS % 256).astype(np.uint8)
    for picture, counts, full in (
        (Image.fromarray(shallow), shallow, 255),
        (Image.fromarray(COUNTS), COUNTS, 65535),
        (Image.fromarray(shallow > 99), shallow > 99, 1),
    ):
        grey = read_image(tiff(tmp_path / "w.tif", picture, 0, compression=compression))
        np.testing.assert_allclose(grey, 255 - counts.astype(np.float64) * 255 / full, atol=1e-4)
    stretched = read_image(tiff(tmp_path / "w.tif", Image.fromarray(COUNTS), 0), Levels.parse("7000:9000"))
    np.testing.assert_allclose(stretched, 255 - (COUNTS - 7000.0) * 255 / 2000, atol=1e-4)
    stretched = read_image(tiff(tmp_path / "w.tif", Image.fromarray(shallow), 0), Levels.parse("0:100"))
    np.testing.assert_allclose(stretched, 255 - np.minimum(shallow, 100.0) * 255 / 100, atol=1e-4)
    with pytest.raises(InputError, match="white is zero, and its samples have no scale"):
        read_image(tiff(tmp_path / "w.tif", Image.fromarray(shallow.astype(np.float32)), 0))


def test_float_kelvin_is_refused_and_read_with_levels(tmp_path: Path) -> None:
    """Fails where it is cut off at 255 everywhere, which is a frame without targets."""
    kelvin = np.linspace(280.5, 310.25, 40, dtype=np.float32).reshape(5, 8)
    Image.fromarray(kelvin).save(tmp_path / "k.tiff")
    with pytest.raises(InputError, match=r"k.tiff: .* from 280.5 to 310.25, .* levels LOW:HIGH"):
        read_image(tmp_path / "k.tiff")
    stretched = read_image(tmp_path / "k.tiff", Levels.parse("280:311"))
    np.testing.assert_allclose(stretched, (kelvin - 280) * 255 / 31, atol=1e-4)
    for bad in (np.nan, np.inf):
        kelvin[2, 3] = bad
        Image.fromarray(kelvin).save(tmp_path / "k.tiff")
        with pytest.raises(InputError, match=r"k.tiff: pixel 19 is not finite"):
            read_image(tmp_path / "k.tiff", Levels.parse("1%:99%"))


def test_floats_that_are_grey_levels_are_exact(tmp_path: Path) -> None:
    exact = np.random.default_rng(0).uniform(0, 255, (5, 8)).astype(np.float32)
    Image.fromarray(exact).save(tmp_path / "e.tiff")
    np.testing.assert_array_equal(read_image(tmp_path / "e.tiff"), exact)


def test_twelve_bits_of_a_tiff(tmp_path: Path) -> None:
    """Its own full scale, 4095, is white."""
    counts = np.array([[0, 4095, 1365, 16]], np.uint16)
    packed = b"".join((int(a) << 12 | int(b)).to_bytes(3, "big") for a, b in counts.reshape(-1, 2))
    path = tiff(tmp_path / "t.tif", Image.fromarray(counts), 1)
    data = bytearray(path.read_bytes())
    at = int.from_bytes(data[4:8], "little")
    for entry in range(at + 2, at + 2 + 12 * data[at], 12):
        tag = int.from_bytes(data[entry : entry + 2], "little")
        if tag == BITS:
            data[entry + 8 : entry + 10] = (12).to_bytes(2, "little")
        if tag == 273:  # StripOffsets
            offset = int.from_bytes(data[entry + 8 : entry + 12], "little")
        if tag == 279:  # StripByteCounts
            data[entry + 8 : entry + 12] = len(packed).to_bytes(4, "little")
    data[offset : offset + len(packed)] = packed
    path.write_bytes(data)
    np.testing.assert_array_equal(read_image(path), (counts.astype(np.float64) * 255 / 4095).astype(np.float32))


def test_pages_are_a_series_or_refused(tmp_path: Path) -> None:
    """Fails where the first page is taken for the whole."""
    pages = [Image.fromarray(COUNTS + 100 * n) for n in range(5)]
    pages[0].save(tmp_path / "p.tif", save_all=True, append_images=pages[1:])
    shown = [Image.fromarray(np.full((5, 8), 40 * n, np.uint8)) for n in range(3)]
    for name in ("p.png", "p.webp"):
        shown[0].save(tmp_path / name, save_all=True, append_images=shown[1:], lossless=True)
    assert [page_count(tmp_path / f"p.{end}") for end in ("tif", "png", "webp", "none")] == [5, 3, 3, 1]
    for n, samples in enumerate(read_pages(tmp_path / "p.tif")):
        np.testing.assert_array_equal(samples.counts, COUNTS + 100 * n)
    for name in ("p.png", "p.webp"):
        means = [float(grey_levels(s).mean()) for s in read_pages(tmp_path / name)]
        assert means == pytest.approx([0, 40, 80], abs=1)
    for name, count in (("p.tif", 5), ("p.png", 3), ("p.webp", 3)):
        with pytest.raises(InputError, match=f"{name}: has {count} images, and one is asked for"):
            read_image(tmp_path / name)
    (tmp_path / "two.pgm").write_bytes(b"P5 1 1 255\n\1P5 1 1 255\n\2")
    with pytest.raises(InputError, match=r"two.pgm: has more than one image"):
        read_image(tmp_path / "two.pgm")


def test_a_series_that_ends_early(tmp_path: Path) -> None:
    """Pages before the damage are there, and what is missing is said."""
    pages = [Image.fromarray(np.full((40, 50), 9 * n, np.uint8)) for n in range(5)]
    pages[0].save(tmp_path / "p.tif", save_all=True, append_images=pages[1:])
    data = (tmp_path / "p.tif").read_bytes()
    (tmp_path / "p.tif").write_bytes(data[:-100])
    seen = []
    with pytest.raises(InputError, match=r"p.tif: ([0-9] of 5 images could|not an image that can) be read"):
        seen += [s.counts.mean() for s in read_pages(tmp_path / "p.tif")]
    for cut in range(len(data) // 10, len(data), len(data) // 10):
        (tmp_path / "p.tif").write_bytes(data[:cut])
        with pytest.raises(InputError):
            list(read_pages(tmp_path / "p.tif"))


def test_small_copies_in_a_tiff_are_no_pages(tmp_path: Path) -> None:
    copy = Image.fromarray(COUNTS[:2, :4])
    copy.encoderinfo = {"tiffinfo": {254: 1}}
    Image.fromarray(COUNTS).save(tmp_path / "p.tif", save_all=True, append_images=[copy])
    with Image.open(tmp_path / "p.tif") as image:
        assert image.n_frames == 2
    np.testing.assert_array_equal(read_image(tmp_path / "p.tif"), COUNTS.astype(np.float32) / np.float32(257))


def test_what_is_an_image_in_a_folder() -> None:
    assert all(map(is_image_name, ("a.png", "a.PNG", "a.b.Tiff", "a.webp", "a.pgm", "a.bmp", "a.JPEG")))
    assert not any(map(is_image_name, ("._a.png", ".a.png", ".png", "png", "a.txt", "a.png.txt", "")))


def test_pixels_without_a_grey_level_are_refused(tmp_path: Path) -> None:
    Image.new("LAB", (4, 4)).save(tmp_path / "lab.tif")
    with pytest.raises(InputError, match=r"lab.tif: pixels of Pillow's mode LAB have no grey level"):
        read_image(tmp_path / "lab.tif")
    deep = np.arange(12, dtype=">u2").reshape(1, 4, 3) * 5000
    (tmp_path / "c.ppm").write_bytes(b"P6 4 1 65535\n" + deep.tobytes())
    with pytest.raises(InputError, match=r"c.ppm: colour of other than 8 bits"):
        read_image(tmp_path / "c.ppm")
