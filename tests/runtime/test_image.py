# SPDX-License-Identifier: Apache-2.0
"""The runner's decoders and resampling against Pillow, zlib and numpy; damaged files; under sanitizers."""

import io
import random
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from biisnet.model.images import read_image
from biisnet.runtime.levels import Levels
from biisnet.runtime.resize import resize_bilinear

from . import pngs
from .cbuild import Floats, refused, run


def _decode(decoder: Path, file: Path, data: bytes, *size: int | str) -> Floats:
    file.write_bytes(data)
    done = run(decoder, file, *map(str, size))
    assert done.returncode == 0, done.stderr.decode()
    head, body = done.stdout.split(b"\n", 1)
    height, width = map(int, head.split())
    return np.frombuffer(body, np.float32).reshape(height, width)


def _samples(height: int, width: int, colour: int, depth: int, seed: int = 0) -> pngs.Samples:
    shape = (height, width, pngs.CHANNELS[colour])
    return np.random.default_rng(seed).integers(0, 2**depth, shape)


def _palette(depth: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    return np.random.default_rng(depth).integers(0, 256, (2**depth, 3), dtype=np.uint8)


@pytest.mark.parametrize("interlaced", [False, True], ids=["plain", "adam7"])
@pytest.mark.parametrize(("colour", "depth"), pngs.KINDS)
def test_png_of_every_kind(decoder: Path, tmp_path: Path, colour: int, depth: int, interlaced: bool) -> None:
    for height, width in ((1, 1), (2, 5), (13, 11)):
        samples = _samples(height, width, colour, depth)
        palette = _palette(depth) if colour == 3 else None
        data = pngs.encode(samples, colour, depth, interlaced, palette)
        got = _decode(decoder, tmp_path / "x.png", data)
        expected = pngs.grey(samples, colour, depth, palette)
        np.testing.assert_array_equal(got, expected)
        np.testing.assert_array_equal(read_image(tmp_path / "x.png"), expected)
        levels = f"{2**depth // 8}:{2**depth - 2}" if depth > 1 and colour != 3 else "9%:90%"
        stretched = _decode(decoder, tmp_path / "x.png", data, 0, 0, levels)
        np.testing.assert_array_equal(read_image(tmp_path / "x.png", Levels.parse(levels)), stretched)
        if depth <= 8:  # Pillow cuts most 16-bit samples to 8
            np.testing.assert_array_equal(got, np.asarray(Image.open(io.BytesIO(data)).convert("L")))


@pytest.mark.parametrize("interlaced", [False, True], ids=["plain", "adam7"])
@pytest.mark.parametrize(("colour", "depth"), pngs.KINDS)
def test_colours_of_every_kind(decoder: Path, tmp_path: Path, colour: int, depth: int, interlaced: bool) -> None:
    """Red, green and blue, each as large as the file has them; a grey sample is all three."""
    samples = _samples(13, 11, colour, depth)
    palette = _palette(depth) if colour == 3 else None
    (tmp_path / "x.png").write_bytes(pngs.encode(samples, colour, depth, interlaced, palette))
    done = run(decoder, tmp_path / "x.png", "0", "0", "", "3")
    assert done.returncode == 0, done.stderr.decode()
    got = np.frombuffer(done.stdout.split(b"\n", 1)[1], np.float32).reshape(3, 13, 11)
    if colour == 3:
        assert palette is not None
        counts, full = palette[samples[..., 0]].astype(np.float64), 255
    else:
        counts, full = samples[..., [0, 1, 2] if colour in (2, 6) else [0, 0, 0]].astype(np.float64), 2**depth - 1
    expected = (counts * 255 / full).astype(np.float32).transpose(2, 0, 1)
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(read_image(tmp_path / "x.png", channels=3), expected)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_png_written_by_pillow(decoder: Path, tmp_path: Path, mode: str) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (70, 90, 3), dtype=np.uint8)
    pixels[20:50] = 40  # long matches
    if mode == "I;16":
        image = Image.fromarray(pixels[..., 0].astype(np.uint16) * 201)
        expected = np.asarray(image).astype(np.float32) / np.float32(257)
    else:
        image = Image.fromarray(pixels).convert(mode)
        expected = np.asarray(image.convert("L")).astype(np.float32)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    np.testing.assert_array_equal(_decode(decoder, tmp_path / "x.png", file.getvalue()), expected)


@pytest.mark.parametrize("level", [0, 1, 9])
@pytest.mark.parametrize("strategy", [zlib.Z_DEFAULT_STRATEGY, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED])
def test_every_kind_of_deflate_block(decoder: Path, tmp_path: Path, level: int, strategy: int) -> None:
    samples = _samples(300, 257, 0, 8)
    samples[100:200] = samples[100]
    packer = zlib.compressobj(level, strategy=strategy)
    packed = packer.compress(pngs.raw_bytes(samples, 8, False)) + packer.flush()
    got = _decode(decoder, tmp_path / "x.png", pngs.encode(samples, 0, 8, packed=packed))
    np.testing.assert_array_equal(got, samples[..., 0])


def test_truncated_and_flipped_png_is_refused(decoder: Path, tmp_path: Path) -> None:
    data = pngs.encode(_samples(6, 5, 3, 4), 3, 4, palette=_palette(4))
    file = tmp_path / "x.png"
    damaged = [data[:length] for length in range(8, len(data), 7)]
    damaged += [data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :] for at in range(8, len(data), 5)]
    for content in damaged:
        file.write_bytes(content)
        assert "PNG" in refused(run(decoder, file))


def test_an_animation_is_refused(decoder: Path, tmp_path: Path) -> None:
    """Fails where its first frame is taken for the image."""
    pages = [Image.fromarray(np.full((5, 7), 40 * n, np.uint8)) for n in range(3)]
    pages[0].save(tmp_path / "x.png", save_all=True, append_images=pages[1:])
    assert "is an animation of several frames" in refused(run(decoder, tmp_path / "x.png"))
    pages[0].save(tmp_path / "x.png", save_all=True, append_images=[], default_image=False)
    assert run(decoder, tmp_path / "x.png").returncode == 0


def test_damage_below_the_checksum_never_leaves_the_buffers(decoder: Path, tmp_path: Path) -> None:
    """Compressed bytes changed, chunk CRCs right: refused or decoded, never caught by a sanitizer."""
    rng = random.Random(3)
    samples = _samples(9, 31, 2, 8)
    good = zlib.compress(pngs.raw_bytes(samples, 8, True))
    refusals = 0
    for _ in range(150):
        packed = bytearray(good)
        for _ in range(rng.randint(1, 3)):
            packed[rng.randrange(2, min(len(packed), 120))] ^= 1 << rng.randrange(8)
        (tmp_path / "x.png").write_bytes(pngs.encode(samples, 2, 8, True, packed=bytes(packed)))
        done = run(decoder, tmp_path / "x.png")
        if done.returncode != 0:
            refused(done)
            refusals += 1
    assert refusals > 140  # Adler-32 catches what inflate does not


def _png(*chunks: bytes) -> bytes:
    return pngs.SIGNATURE + b"".join(chunks)


def _ihdr(width: int, height: int, *rest: int) -> bytes:
    return pngs.chunk(b"IHDR", width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes(rest))


GREY8 = _ihdr(2, 1, 8, 0, 0, 0, 0)
PIXELS = pngs.chunk(b"IDAT", zlib.compress(b"\0\1\2"))
END = pngs.chunk(b"IEND", b"")
# One fixed block: a match of length 3 at distance 1 although nothing has been written yet.
BEFORE_THE_START = pngs.chunk(b"IDAT", b"\x78\x9c\x03\x02\x00" + bytes(4))


@pytest.mark.parametrize(
    "data",
    [
        _png(PIXELS, GREY8, END),
        _png(GREY8, GREY8, PIXELS, END),
        _png(GREY8, END),
        _png(GREY8, PIXELS),
        _png(GREY8, PIXELS, pngs.chunk(b"tEXt", b""), PIXELS, END),
        _png(GREY8, pngs.chunk(b"ABCD", b""), PIXELS, END),
        _png(GREY8, BEFORE_THE_START, END),
        _png(GREY8, pngs.chunk(b"IDAT", zlib.compress(b"\0\1")), END),
        _png(GREY8, pngs.chunk(b"IDAT", zlib.compress(b"\0\1\2\3")), END),
        _png(GREY8, pngs.chunk(b"IDAT", zlib.compress(b"\5\1\2")), END),
        _png(_ihdr(0, 1, 8, 0, 0, 0, 0), PIXELS, END),
        _png(_ihdr(2**31, 2**31, 8, 0, 0, 0, 0), PIXELS, END),
        _png(_ihdr(8000, 8000, 16, 6, 0, 0, 0), PIXELS, END),
        _png(_ihdr(2, 1, 3, 0, 0, 0, 0), PIXELS, END),
        _png(_ihdr(2, 1, 4, 2, 0, 0, 0), PIXELS, END),
        _png(_ihdr(2, 1, 8, 5, 0, 0, 0), PIXELS, END),
        _png(_ihdr(2, 1, 8, 0, 0, 0, 2), PIXELS, END),
        _png(_ihdr(2, 1, 8, 3, 0, 0, 0), PIXELS, END),
        _png(_ihdr(2, 1, 8, 3, 0, 0, 0), pngs.chunk(b"PLTE", b"\1\2\3\4"), PIXELS, END),
        _png(_ihdr(2, 1, 8, 3, 0, 0, 0), pngs.chunk(b"PLTE", b"\1\2\3"), PIXELS, END),
    ],
)
def test_malformed_png_is_refused(decoder: Path, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.png").write_bytes(data)
    refused(run(decoder, tmp_path / "x.png"))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"P5 2 1 255\n\x20\x0a", [[32, 10]]),
        (b"P5\n# c\n2 1\n65535\n\xff\xff\x01\x01", [[255, 1]]),
        (b"P5 1 1 3\n\x01", [[85]]),
        (b"P2\n2 2 # c\n15\n0 15\n3 # d\n1", [[0, 255], [51, 17]]),
    ],
)
def test_pgm(decoder: Path, tmp_path: Path, data: bytes, expected: list[list[int]]) -> None:
    np.testing.assert_array_equal(_decode(decoder, tmp_path / "x.pgm", data), expected)
    np.testing.assert_array_equal(read_image(tmp_path / "x.pgm"), expected)


@pytest.mark.parametrize("top", [1, 3, 100, 254, 255, 256, 1023, 4095, 16383, 65534, 65535])
@pytest.mark.parametrize("plain", [False, True])
def test_a_pgm_has_a_scale_of_its_own(decoder: Path, tmp_path: Path, top: int, plain: bool) -> None:
    """Of any maximum the runner and Pillow's path see the same counts, which `--levels` are in."""
    counts = np.random.default_rng(top).integers(0, top + 1, (6, 9))
    body = (
        " ".join(map(str, counts.ravel())).encode() if plain else counts.astype(">u2" if top > 255 else "u1").tobytes()
    )
    data = b"P%d 9 6 %d\n" % (2 if plain else 5, top) + body
    expected = (counts * 255 / top).astype(np.float32)
    np.testing.assert_array_equal(_decode(decoder, tmp_path / "x.pgm", data), expected)
    np.testing.assert_array_equal(read_image(tmp_path / "x.pgm"), expected)
    low, high = top // 4, max(1, top - top // 8)
    stretched = np.clip((counts - low) * 255 / (high - low), 0, 255).astype(np.float32)
    np.testing.assert_array_equal(_decode(decoder, tmp_path / "x.pgm", data, 0, 0, f"{low}:{high}"), stretched)
    np.testing.assert_array_equal(read_image(tmp_path / "x.pgm", Levels.parse(f"{low}:{high}")), stretched)


@pytest.mark.parametrize(
    "data",
    [b"P5 1 1 255\n\1P5 1 1 255\n\2", b"P5 1 1 255\n\1\nP2 1 1 255\n2",
     b"P5", b"P5 2", b"P5 2 1 255", b"P5 2 1 255\n1", b"P5 2 1 256\n111", b"P5 1 1 3\n\x04", b"P5 0 1 255\n1",
     b"P5 1 1 0\n1", b"P5 -1 1 255\n1", b"P5 65536 65536 255\n1", b"P5 99999999999 1 255\n1", b"P2 2 1 255 1",
     b"P2 1 1 255 256", b"P2 1 1 255 x"],
)  # fmt: skip
def test_malformed_pgm_is_refused(decoder: Path, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.pgm").write_bytes(data)
    message = refused(run(decoder, tmp_path / "x.pgm"))
    assert "PGM" in message or "more than one image" in message


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (14, 10), (3, 33), (64, 48)])
def test_resize_equals_numpy_bit_for_bit(decoder: Path, tmp_path: Path, size: tuple[int, int]) -> None:
    samples = _samples(7, 5, 0, 16)
    data = pngs.encode(samples, 0, 16)
    source = samples[..., 0].astype(np.float32) / np.float32(257)
    got = _decode(decoder, tmp_path / "x.png", data, *size)
    np.testing.assert_array_equal(got, resize_bilinear(source, *size))


def test_resize_against_its_definition() -> None:
    image = np.random.default_rng(0).random((4, 6)).astype(np.float32)
    out = resize_bilinear(image, 3, 8)
    for y, x in np.ndindex(3, 8):
        v, u = (y + 0.5) * 4 / 3 - 0.5, (x + 0.5) * 6 / 8 - 0.5
        total = sum(
            image[min(max(i, 0), 3), min(max(j, 0), 5)] * max(0, 1 - abs(v - i)) * max(0, 1 - abs(u - j))
            for i in range(-1, 6)
            for j in range(-1, 8)
        )
        assert abs(out[y, x] - total) < 1e-6
