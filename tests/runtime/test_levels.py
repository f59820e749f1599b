# SPDX-License-Identifier: Apache-2.0
"""The rule of grey levels against its formula, and against the runner's, bit for bit."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biisnet.runtime.levels import Bound, GreyLevelsWarning, Levels, Samples, Watch, as_levels, grey_levels
from biisnet.runtime.model import to_levels

from . import pngs
from .cbuild import Floats, refused, run

COUNTS = np.random.default_rng(3).integers(0, 65536, (9, 14)).astype(np.uint16)


@pytest.mark.parametrize("full", [1, 3, 15, 255, 1023, 4095, 65535])
def test_integers_are_scaled_by_their_full_scale(full: int) -> None:
    counts = np.linspace(0, full, 50).astype(np.uint16)[None]
    grey = grey_levels(Samples(counts, float(full)))
    np.testing.assert_array_equal(grey, (counts.astype(np.float64) * 255 / full).astype(np.float32))
    assert (grey.min(), grey.max(), grey.dtype) == (0, 255, np.float32)
    np.testing.assert_allclose(grey_levels(Samples(counts, float(full), True)), 255 - grey, atol=1e-4)


def test_sixteen_bits_are_divided_by_257() -> None:
    every = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    np.testing.assert_array_equal(to_levels(every), every.astype(np.float32) / np.float32(257))
    np.testing.assert_array_equal(to_levels(every.astype(">u2")), to_levels(every))


def test_floats_are_grey_levels_exactly() -> None:
    image = np.random.default_rng(0).uniform(0, 255, (20, 30)).astype(np.float32)
    np.testing.assert_array_equal(to_levels(image), image)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda i: i + 293.15, "has samples of no known scale, from 293.15 to "),
        (lambda i: i - 1, "from -1 to "),
        (lambda i: i * 257, "from 0 to 65535"),
        (lambda i: np.where(i > 3, np.nan, i), "is not finite"),
        (lambda i: np.where(i > 3, np.inf, i), "is not finite"),
    ],
)
def test_floats_of_another_scale_are_refused(change: object, said: str) -> None:
    image = np.arange(256, dtype=np.float32).reshape(16, 16)
    with pytest.raises(ValueError, match=said):
        to_levels(change(image).astype(np.float32))  # type: ignore[operator]


@settings(deadline=None)
@given(st.integers(0, 16000), st.integers(1, 16000))
def test_counts_between_levels(low: int, span: int) -> None:
    grey = grey_levels(Samples.of_array(COUNTS), Levels.of(Bound(low), Bound(low + span)))
    expected = np.interp(COUNTS.astype(np.float64), [low, low + span], [0, 255])
    np.testing.assert_allclose(grey, expected, atol=1e-4)


@settings(deadline=None)
@given(st.floats(0, 49), st.floats(51, 100))
def test_percentiles_are_ranks(low: float, high: float) -> None:
    grey = grey_levels(Samples.of_array(COUNTS), Levels.of(Bound(low, True), Bound(high, True)))
    order = np.sort(COUNTS, axis=None).astype(np.float64)
    ends = [order[int(p / 100 * (COUNTS.size - 1) + 0.5)] for p in (low, high)]
    np.testing.assert_allclose(grey, np.interp(COUNTS.astype(np.float64), ends, [0, 255]), atol=1e-4)
    assert Levels.of(Bound(low, True), Bound(high, True)).per_frame


def test_a_frame_whose_percentiles_are_one_count() -> None:
    """A target in a blank sky is white, and not lost in a division by zero."""
    counts = np.full((20, 20), 8000, np.uint16)
    counts[3, 4] = 8100
    assert np.argwhere(to_levels(counts, "1%:99%") == 255).tolist() == [[3, 4]]
    assert to_levels(counts, "1%:99%").sum() == 255


@pytest.mark.parametrize(
    "dtype", [np.uint8, np.uint16, np.int16, np.int32, np.uint32, np.float32, np.float64, ">u2", "<i4"]
)
def test_levels_take_any_real_dtype(dtype: str) -> None:
    counts = np.arange(100).reshape(10, 10).astype(dtype)
    expected = np.interp(np.arange(100), [20, 80], [0, 255]).reshape(10, 10).astype(np.float32)
    for levels in ((20, 80), "20:80", Levels.parse("2e1:80.0")):
        np.testing.assert_allclose(to_levels(counts, levels), expected, atol=1e-4)


def test_levels_that_reach_no_sample_are_refused() -> None:
    with pytest.raises(ValueError, match="has samples from 0 to 255, and levels 7000:9000 leave none of them"):
        to_levels(COUNTS.astype(np.uint8), (7000, 9000))
    with pytest.raises(ValueError, match="leave none of them"):
        to_levels(COUNTS, (-20, 0))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7",
        "7:",
        ":7",
        "1:2:3",
        "a:b",
        "9:7",
        "7:7",
        "5%:5%",
        "1%:101%",
        "-1%:9%",
        "nan:1",
        "0:inf",
        "0x1:9",
        " 1:2",
    ],
)
def test_levels_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=f"levels {text}"):
        Levels.parse(text)


def test_pairs_that_are_no_levels() -> None:
    for given_ in ((1,), (1, 2, 3), 5, ("a", "b")):
        with pytest.raises(TypeError, match=r"give a pair \(low, high\)"):
            as_levels(given_)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="LOW must be below HIGH"):
        as_levels((9000, 7000))


def test_a_scale_that_looks_wrong_is_warned_of() -> None:
    scene = np.random.default_rng(1).uniform(0, 1, (16, 16)).astype(np.float32)
    with pytest.warns(GreyLevelsWarning, match="if 1 is white, say --levels 0:1"):
        to_levels(scene)
    with pytest.warns(GreyLevelsWarning, match="if that is the sensor's range, say --levels 8000:"):
        to_levels((8000 + 100 * scene).astype(np.uint16))


def test_the_note_is_on_all_frames_together() -> None:
    """A blank frame among others is no reason for it."""
    watch = Watch()
    for high in (100, 101, 200):
        samples = Samples.of_array(np.linspace(100, high, 64).astype(np.uint8).reshape(8, 8))
        watch.see(samples, grey_levels(samples))
        assert (watch.note() is None) == (high in (100, 200))


BEYOND_8_BITS = ("7000:9000", "3000:99%")
LEVELS = ["0:65535", "7000:9000", "-5:300.5", "1%:99%", "0%:100%", "2.5%:50%", "3000:99%", "0.1%:65000"]


@pytest.mark.parametrize("levels", LEVELS)
@pytest.mark.parametrize("depth", [8, 16])
def test_the_runner_has_the_same_rule(decoder: Path, tmp_path: Path, levels: str, depth: int) -> None:
    """Bit for bit, in percentiles of repeated counts too."""
    for seed, spread in ((0, 2**depth), (1, 40), (2, 3)):
        samples = np.random.default_rng(seed).integers(0, spread, (33, 41, 1)) + (200 if spread < 99 else 0)
        (tmp_path / "x.png").write_bytes(pngs.encode(samples, 0, depth))
        counts = samples[..., 0].astype(np.uint8 if depth == 8 else np.uint16)
        done = run(decoder, tmp_path / "x.png", "0", "0", levels)
        if depth == 8 and levels in BEYOND_8_BITS:
            with pytest.raises(ValueError, match="leave none of them") as refusal:
                grey_levels(Samples.of_array(counts), Levels.parse(levels))
            assert str(refusal.value).replace("levels", "--levels") in refused(done)
            continue
        expected = grey_levels(Samples.of_array(counts), Levels.parse(levels))
        got: Floats = np.frombuffer(done.stdout.split(b"\n", 1)[1], np.float32).reshape(33, 41)
        np.testing.assert_array_equal(got, expected)
