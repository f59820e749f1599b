# SPDX-License-Identifier: Apache-2.0
"""Detections: components of a map, measured; compared with SciPy's."""

from __future__ import annotations

from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest

from biisnet.runtime import sources
from biisnet.runtime.detections import Detection, detect, detector
from biisnet.runtime.platt import UNSCALED, Platt
from biisnet.runtime.signature import Signature, Tensor

from .cbuild import HERE, PLAN, SANITIZED, compile_c, run


def test_one_target() -> None:
    probability = np.zeros((5, 6), np.float32)
    probability[1, 2], probability[2, 3], probability[2, 4] = 0.6, 0.9, 0.75
    probability[4, 0] = 0.5  # not above
    (found,) = detect(probability, 0.5)
    weight = 0.6 + 0.9 + 0.75
    assert found == Detection(
        top=1,
        left=2,
        height=2,
        width=3,
        row=pytest.approx((0.6 + 2 * 1.65) / weight),
        column=pytest.approx((2 * 0.6 + 3 * 0.9 + 4 * 0.75) / weight),
        score=pytest.approx(0.9),
        pixels=3,
    )


def test_corners_touch_and_gaps_do_not() -> None:
    mask = np.array([[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 1], [1, 0, 0, 1]], np.float32)
    assert [(d.top, d.left, d.pixels) for d in detect(mask, 0.5)] == [(0, 0, 2), (0, 3, 1), (2, 3, 2), (3, 0, 1)]
    assert detect(np.zeros((3, 3), np.float32), 0.5) == []
    (whole,) = detect(np.ones((3, 4), np.float32), 0.5)
    assert (whole.top, whole.left, whole.height, whole.width, whole.pixels) == (0, 0, 3, 4, 12)


def test_arms_that_meet_below() -> None:
    """A U, and a comb: runs that are joined only later are one target."""
    for rows in (["1.1", "1.1", "111"], ["1.1.1.1", "1.1.1.1", "1111111", "1.1.1.1"]):
        mask = np.array([[c == "1" for c in row] for row in rows], np.float32)
        (found,) = detect(mask, 0.5)
        assert found.pixels == mask.sum()


@pytest.fixture(scope="module")
def components(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runner's own detect(), with sanitizers."""
    own = tuple(sources.ROOT / "runner" / name for name in ("answer.c", "detect.c", "elementary.c", "fail.c", "file.c"))
    files = (*sources.LIBRARY_SOURCES, PLAN, *own, HERE / "components.c")
    return compile_c(tmp_path_factory.mktemp("build") / "components", files, *SANITIZED)


def drawn(rng: np.random.Generator) -> Platt:
    """A scaling, every third time none."""
    return UNSCALED if rng.random() < 1 / 3 else Platt(float(rng.uniform(0.05, 3)), float(rng.normal(0, 5)))


@pytest.mark.parametrize("seed", range(40))
def test_the_runner_finds_the_same(seed: int, components: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    height, width = (int(n) for n in rng.integers(1, 90, 2))
    probability = rng.random((height, width), np.float32)
    threshold = float(rng.choice([0.3, 0.6, 0.9]))
    probability[rng.random((height, width)) < 0.05] = 1
    probability.tofile(tmp_path / "map.f32")
    scores = drawn(rng)
    said = ("map.f32", str(height), str(width), str(threshold), repr(scores.slope), repr(scores.offset))
    done = run(components, tmp_path / said[0], *said[1:])
    assert (done.returncode, done.stderr) == (0, b"")
    found = [tuple(float(word) for word in line.split()) for line in done.stdout.decode().splitlines()]
    source, tensor = (Tensor(n, "float32", (1, 1, height, width), n) for n in ("image", "probability"))
    targets = detector(Signature("detection", (source,), (tensor,), threshold, scores), "a test").targets(probability)
    raw = detect(probability, threshold)
    assert len(found) == len(targets)
    for one, other, peak in zip(found, targets, raw, strict=True):
        assert one == pytest.approx(astuple(other), rel=1e-6)
        assert f"{one[6]:.9g}" == f"{other.score:.9g}"
        assert other == replace(peak, score=float(scores.score(peak.score)))


@pytest.mark.parametrize("seed", range(20))
def test_the_runner_finds_the_same_in_logits(seed: int, components: Path, tmp_path: Path) -> None:
    """Every digit of centroids and scores that tables have, at the thresholds of other probabilities than 0.5 too."""
    rng = np.random.default_rng(seed)
    height, width = (int(n) for n in rng.integers(1, 90, 2))
    scale, spread = float(10.0 ** -rng.uniform(1, 4)), int(rng.choice([30, 2000, 40000]))
    logits = np.clip(rng.normal(0, spread, (height, width)), -32768, 32767).astype(np.int16)
    tensor = Tensor("logit", "int16", (1, 1, height, width), "logit", scale)
    source = Tensor("image", "uint8", (1, 1, height, width), "image")
    threshold = float(rng.choice([0, 0.3, 0.5, 0.9]))
    scores = drawn(rng)
    finds = detector(Signature("detection", (source,), (tensor,), threshold, scores), "a test")
    logits.astype(np.float32).tofile(tmp_path / "map.f32")
    numbers = (repr(v) for v in (finds.threshold, scores.slope, scores.offset, scale))
    done = run(components, tmp_path / "map.f32", str(height), str(width), *numbers)
    assert (done.returncode, done.stderr) == (0, b"")
    found = [tuple(float(word) for word in line.split()) for line in done.stdout.decode().splitlines()]
    expected = [astuple(d) for d in finds.targets(logits)]
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert [f"{v:.9g}" for v in one] == [f"{v:.9g}" for v in other]
    np.testing.assert_array_equal(finds.mask(logits), finds.probability(logits) > np.float32(threshold))


@pytest.mark.parametrize("seed", range(30))
def test_against_scipy(seed: int) -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 40, 2))
    probability = rng.random(shape, np.float32)
    threshold = float(rng.choice([0.3, 0.6, 0.9]))
    labels, count = ndimage.label(probability > np.float32(threshold), np.ones((3, 3)))
    expected = []
    for n, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
        row, column = ndimage.center_of_mass(probability.astype(np.float64), labels, n)
        box = (rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start)
        score = float(ndimage.maximum(probability, labels, n))
        expected.append((*box, round(row, 9), round(column, 9), score, int((labels == n).sum())))
    found = detect(probability, threshold)
    assert len(found) == count
    as_tuples = [
        (d.top, d.left, d.height, d.width, round(d.row, 9), round(d.column, 9), d.score, d.pixels) for d in found
    ]
    assert sorted(as_tuples) == sorted(expected)
