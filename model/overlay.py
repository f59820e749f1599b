# SPDX-License-Identifier: Apache-2.0
"""Pictures of what was found: hits green, misses red, false alarms yellow."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from ..runtime.detections import Detection

if TYPE_CHECKING:  # needs SciPy, which drawing does not
    from .metrics import Component, Match

ZOOM = 2
HIT, MISS, FALSE_ALARM = (60, 220, 90), (240, 60, 60), (250, 210, 60)
MARGIN = 4
"""Pixels between a component's outermost pixels and its frame."""

F32 = npt.NDArray[np.float32]


def overlay(image: F32, match: Match) -> bytes:
    """A frame [H, W] of grey levels as PNG, twice as large, each component framed by its kind."""
    picture = enlarged(image)
    draw = ImageDraw.Draw(picture)
    for target, _ in match.found:
        frame(draw, target, HIT)
    for target in match.missed:
        frame(draw, target, MISS)
    for detection in match.false:
        frame(draw, detection, FALSE_ALARM)
    return png(picture)


def detections_overlay(image: F32, detections: Sequence[Detection], missed: Sequence[Detection] = ()) -> bytes:
    """A frame [H, W] of grey levels as PNG, twice as large, each detection in a box with its score, and each target
    that is known to have been missed."""
    picture = enlarged(image)
    draw = ImageDraw.Draw(picture)
    for d in missed:
        box(draw, d, MISS)
    for d in detections:
        left, bottom = box(draw, d, HIT)
        draw.text((left, bottom), f"{d.score:.2f}", fill=HIT)
    return png(picture)


def box(draw: ImageDraw.ImageDraw, d: Detection, colour: tuple[int, int, int]) -> tuple[int, int]:
    """Around a detection; gives the lower left corner."""
    top, left, bottom, right = d.top - MARGIN, d.left - MARGIN, d.top + d.height + MARGIN, d.left + d.width + MARGIN
    draw.rectangle([ZOOM * v for v in (left, top, right, bottom)], outline=colour)
    return ZOOM * left, ZOOM * bottom


def enlarged(image: F32) -> Image.Image:
    """A frame [H, W] of grey levels as a picture to draw on."""
    grey = Image.fromarray(np.clip(np.rint(image), 0, 255).astype(np.uint8))
    return grey.resize((grey.width * ZOOM, grey.height * ZOOM), Image.Resampling.NEAREST).convert("RGB")


def png(picture: Image.Image) -> bytes:
    """A picture's file."""
    out = io.BytesIO()
    picture.save(out, format="PNG")
    return out.getvalue()


def frame(draw: ImageDraw.ImageDraw, component: Component, colour: tuple[int, int, int]) -> None:
    """A square around a component, as large as its pixels would be in a disc."""
    half = MARGIN + np.sqrt(component.pixels / np.pi)
    row, column = component.centroid
    box = [(v + 0.5) * ZOOM for v in (column - half, row - half, column + half, row + half)]
    draw.rectangle(box, outline=colour)
