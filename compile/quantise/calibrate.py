# SPDX-License-Identifier: Apache-2.0
"""Calibration: map by map, each is given the integers that the maps before it computed (teacher forcing)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ...ops import REGISTRY
from ...ops.binary_conv2d import convolve
from ...ops.requantize import INT8, INT16
from .counts import Count
from .fit import Fitted, fit
from .greys import Greys
from .intervals import HIGH, LOW
from .maps import F64, Map, Moved, Requantised, View
from .slopes import Slope
from .structure import Structure
from .terms import Array

NOTED_SHARE = 0.01
"""Share of a layer's counts beyond a byte that is said: of random signs hardly any is."""
Sizes = Mapping[str, tuple[int, int]]
"""Height and width of what the float network's layers extend or crop."""


class Calibration:
    """The integer network on the calibration frames, as far as it is computed (`terms.State`)."""

    def __init__(self, structure: Structure, frames: list[npt.NDArray[np.uint8]], sizes: Sizes) -> None:
        self.images, self.sizes, self.frames = frames, sizes, len(frames)
        self.structure = structure
        self.fitted: dict[Map, Fitted] = {}
        self.steps: dict[Map, F64] = {}
        self.bytes: dict[Map, list[Array]] = {}
        self.counts: dict[Count, tuple[Array, Array]] = {}
        self.saturated: dict[str, float] = {}
        self.dots: dict[tuple[Count, int], Array] = {}

    def run(self) -> dict[Map, Fitted]:
        """Fit and compute every map; the constants of those that are requantised."""
        maps = self.structure.maps
        last = {source: i for i, m in enumerate(maps) for source in read_by(m)}
        for i, new in enumerate(maps):
            if isinstance(new, Requantised):
                self.fitted[new] = fit(new, self)
                self.note_saturation(new)
            if i + 1 < len(maps):
                self.steps[new] = self.step(new)
                self.bytes[new] = [self.compute(new, frame) for frame in range(self.frames)]
            self.dots.clear()
            for source in [s for s in self.bytes if last.get(s, -1) <= i]:
                del self.bytes[source]
        return self.fitted

    def note_saturation(self, new: Requantised) -> None:
        """Remember how many of a map's counts a byte's ends are more than 1 short of: 1 is what rounding costs, too."""
        beyond = [(d < LOW - 1) | (d > HIGH + 1) for d in (-dot // 2 for dot in self.dots.values())]
        if beyond and (share := float(np.mean([b.mean() for b in beyond]))) > NOTED_SHARE:
            self.saturated[new.name] = share

    def step(self, new: Map) -> F64:
        """The step of a map that was computed."""
        if isinstance(new, Requantised):
            return self.fitted[new].sigma
        assert isinstance(new, Moved)
        return self.sigma(new.source)

    def compute(self, new: Map, frame: int) -> Array:
        """A map on a frame."""
        if isinstance(new, Requantised):
            fitted = self.fitted[new]
            terms = zip(new.sum.terms, fitted.constants, strict=True)
            v = sum(term.raw(constants, self, frame) for term, constants in terms)
            to = INT8 if new.bits == 8 else INT16
            requantize = REGISTRY["Requantize"].reference
            return requantize(np.asarray(v, np.int32)[None], fitted.b, shift=fitted.shift, to=to)[0]
        assert isinstance(new, Moved)
        x = self.values(new.source, frame)
        if new.how == "upsample":
            return REGISTRY["IntegerUpsample"].reference(x[None])[0]
        return self.resized(x, new.layer)

    def resized(self, x: Array, layer: str) -> Array:
        """[C, H, W] at the size of a layer: extended by its last row and column, or cropped."""
        height, width = self.sizes.get(layer, x.shape[1:])
        more = [(0, 0), (0, max(height - x.shape[1], 0)), (0, max(width - x.shape[2], 0))]
        return np.pad(x, more, mode="edge")[:, :height, :width]

    # ---- what terms ask for ----

    def values(self, view: View, frame: int) -> Array:
        parts = [self.bytes[source][frame][start:stop] for source, start, stop in view.parts]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def sigma(self, view: View) -> F64:
        return np.concatenate([self.steps[source][start:stop] for source, start, stop in view.parts])

    def grey(self, source: Greys, frame: int) -> Array:
        image = self.images[frame]
        x = image[None] if image.ndim == 2 else image
        for layer in source.extended:
            x = self.resized(x, layer)
        return x

    @property
    def path(self) -> str:
        return self.structure.path

    @property
    def logit_scale(self) -> float:
        """The real size of a step of the output."""
        source: Map = self.structure.output
        while isinstance(source, Moved):
            source = source.source.parts[0][0]
        return float(self.fitted[source].sigma[0])

    def signs(self, count: Count) -> tuple[Array, Array]:
        """Weights +-1 int8 and thresholds int16 of a count."""
        if count not in self.counts:
            self.counts[count] = self.made_signs(count)
        return self.counts[count]

    def made_signs(self, count: Count) -> tuple[Array, Array]:
        """The same, made anew."""
        thresholds, flipped = byte_thresholds(count.slopes, self.sigma(count.slopes.view), count.threshold)
        signs = np.where(count.signs, 1, -1).astype(np.int8)
        inputs = flipped.reshape(count.group, -1)[:, None, :, None, None]
        grouped = signs.reshape(count.group, -1, *signs.shape[1:])
        return np.where(inputs, -grouped, grouped).reshape(signs.shape).astype(np.int8), thresholds

    def dot(self, count: Count, frame: int) -> Array:
        key = count, frame
        if key not in self.dots:
            weights, thresholds = self.signs(count)
            bits = self.values(count.slopes.view, frame) >= thresholds[:, None, None]
            w, activations = count.window, np.where(bits, np.float32(1), np.float32(-1))[None]  # exact below 2**24
            dot = convolve(activations, weights.astype(np.float32), w.strides, w.pads, w.dilations, count.group, 0.0)
            self.dots[key] = dot[0].astype(np.int32)
        return self.dots[key]


def read_by(m: Map) -> list[Map]:
    """The maps that a map is computed from."""
    return [source for view in m.views for source, _, _ in view.parts]


def byte_thresholds(slopes: Slope, sigma: F64, threshold: F64) -> tuple[Array, Array]:
    """int16 [C] and bool [C]: the bytes from which on the real value is at least a threshold [C] (128 where none is),
    and where it is below from there on instead."""
    u = np.arange(-128, 128)
    x = sigma[:, None] * (u + 0.5)
    above = x * np.where(x < 0, slopes.negative[:, None], slopes.positive[:, None]) >= threshold[:, None]
    flipped = above[:, 0] & ~above[:, -1]
    rising = above ^ flipped[:, None]
    first = np.where(rising.any(1), rising.argmax(1) - 128, 128)
    if not (rising == (u >= first[:, None])).all():
        raise AssertionError("a map that bends back has no threshold")
    return first.astype(np.int16), flipped
