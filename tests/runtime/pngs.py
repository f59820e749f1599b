# SPDX-License-Identifier: Apache-2.0
"""Writes PNGs of every kind, also those that Pillow cannot write, and says what grey they have."""

import struct
import zlib

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int64]  # [H, W, channels]

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
KINDS = [(colour, depth) for colour, depths in DEPTHS.items() for depth in depths]
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _packed_row(row: Samples, depth: int) -> bytes:
    if depth == 16:
        return row.astype(">u2").tobytes()
    if depth == 8:
        return row.astype(np.uint8).tobytes()
    bits = (row.reshape(-1, 1) >> np.arange(depth - 1, -1, -1)) & 1
    return np.packbits(bits.reshape(-1).astype(np.uint8)).tobytes()


def _paeth(a: int, b: int, c: int) -> int:
    distance = {0: abs(b - c), 1: abs(a - c), 2: abs(a + b - 2 * c)}
    return (a, b, c)[min(distance, key=lambda which: distance[which])]


def _filtered(row: bytes, above: bytes, kind: int, pixel: int) -> bytes:
    out = bytearray([kind])
    for i, value in enumerate(row):
        a, c = (row[i - pixel], above[i - pixel]) if i >= pixel else (0, 0)
        guess = (0, a, above[i], (a + above[i]) // 2, _paeth(a, above[i], c))[kind]
        out.append((value - guess) & 255)
    return bytes(out)


def raw_bytes(samples: Samples, depth: int, interlaced: bool) -> bytes:
    """Filtered rows as they are before compression; the five filters take turns."""
    pixel = max(1, samples.shape[2] * depth // 8)
    out = b""
    for x0, y0, dx, dy in ADAM7 if interlaced else [(0, 0, 1, 1)]:
        part = samples[y0::dy, x0::dx]
        if part.size == 0:
            continue
        above = bytes(len(_packed_row(part[0], depth)))
        for j, line in enumerate(part):
            row = _packed_row(line, depth)
            out += _filtered(row, above, j % 5 if j else 4, pixel)
            above = row
    return out


def encode(
    samples: Samples,
    colour: int,
    depth: int,
    interlaced: bool = False,
    palette: npt.NDArray[np.uint8] | None = None,
    packed: bytes | None = None,
) -> bytes:
    """A PNG file; `packed` replaces the compressed pixels. They come in chunks of 50 bytes."""
    height, width = samples.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    if packed is None:
        packed = zlib.compress(raw_bytes(samples, depth, interlaced))
    data = [chunk(b"IDAT", packed[i : i + 50]) for i in range(0, len(packed), 50)]
    plte = b"" if palette is None else chunk(b"PLTE", palette.tobytes())
    text = chunk(b"tEXt", b"Comment\0ancillary chunks are passed over")
    return SIGNATURE + chunk(b"IHDR", header) + text + plte + b"".join(data) + chunk(b"IEND", b"")


def luma8(rgb: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    """ITU-R BT.601 in whole grey levels, as Pillow's convert("L")."""
    total = rgb.astype(np.int64) @ np.array([19595, 38470, 7471]) + 32768
    level: npt.NDArray[np.float32] = (total >> 16).astype(np.float32)
    return level


def grey(
    samples: Samples, colour: int, depth: int, palette: npt.NDArray[np.uint8] | None = None
) -> npt.NDArray[np.float32]:
    """Grey levels 0..255 of the image, as the runner defines them."""
    if palette is not None:
        return luma8(palette[samples[..., 0]])
    if depth == 8 and colour in (2, 6):
        return luma8(samples[..., :3])
    level: npt.NDArray[np.float32]
    if colour in (0, 4):
        level = samples[..., 0].astype(np.float32) * np.float32(255) / np.float32(2**depth - 1)
    else:
        level = (samples[..., :3] @ np.array([0.299, 0.587, 0.114]) / 257).astype(np.float32)
    return level
