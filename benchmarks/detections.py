# SPDX-License-Identifier: Apache-2.0
"""The README's picture: made-up frames through a bundle of this machine, detections framed, side by side.

biisnet-compile --target host
python -m benchmarks.detections biisnet-host-256x256 docs/detections.png
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

from PIL import Image

from biisnet.model.files import write_whole
from biisnet.model.overlay import HIT, detections_overlay
from biisnet.model.scenes import scenes
from biisnet.runtime import Model, load

FRAMES = 3
GAP = 8
"""Pixels between two frames."""
GREYS = 63
"""Levels of grey in the picture; a palette of few colours makes a small file."""


def draw(model: Model, count: int = FRAMES) -> bytes:
    """A PNG of the first `count` scenes, at twice the size that the model was compiled for, side by side."""
    height, width = model.input_shape[-2:]
    pictures = []
    for frame in scenes(count, height, width):
        found = model.detect(frame.image)
        pictures.append(Image.open(io.BytesIO(detections_overlay(frame.image, found))))
    row = Image.new("RGB", (sum(p.width for p in pictures) + GAP * (count - 1), pictures[0].height), "white")
    left = 0
    for picture in pictures:
        row.paste(picture, (left, 0))
        left += picture.width + GAP
    file = io.BytesIO()
    row.quantize(palette=palette(), dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()


def palette() -> Image.Image:
    """Greys from black to white, and the colour of the boxes."""
    greys = (round(255 * i / (GREYS - 1)) for i in range(GREYS))
    image = Image.new("P", (1, 1))
    image.putpalette([*(v for grey in greys for v in (grey, grey, grey)), *HIT])
    return image


def main() -> None:
    """Draw it into a file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detections", description=__doc__)
    parser.add_argument("bundle", type=Path, help="a bundle for this machine")
    parser.add_argument("picture", type=Path, help="the PNG to write")
    given = parser.parse_args()
    with load(given.bundle) as model:
        write_whole(given.picture, draw(model))


if __name__ == "__main__":
    main()
