# SPDX-License-Identifier: Apache-2.0
"""Votes over a stream: by their definition, and the runner's as Python's."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biisnet.runtime import Detection, Vote, Voter, sources
from biisnet.runtime.voting import MAX_FRAMES

from .cbuild import HERE, PLAN, SANITIZED, compile_c

Box = tuple[int, int, int, int]
Stream = list[list[Box]]


def detection(box: Box) -> Detection:
    """One of a box; what else it has decides nothing."""
    top, left, height, width = box
    return Detection(top, left, height, width, row=0.0, column=0.0, score=0.9, pixels=1)


def point(row: int, column: int) -> Box:
    return (row, column, 1, 1)


def votes(vote: Vote, stream: Stream) -> list[list[bool]]:
    voter = Voter(vote)
    return [voter.see([detection(box) for box in boxes]) for boxes in stream]


def by_definition(vote: Vote, stream: Stream) -> list[list[bool]]:
    """Each frame, each detection, each frame before, each of its detections."""

    def near(one: Box, other: Box) -> bool:
        rows, columns = (one[i] + (one[i + 2] - 1) / 2 - other[i] - (other[i + 2] - 1) / 2 for i in (0, 1))
        return rows * rows + columns * columns <= vote.radius * vote.radius

    result = []
    for t, boxes in enumerate(stream):
        window = stream[max(0, t - vote.frames + 1) : t + 1]
        result.append([sum(any(near(box, b) for b in frame) for frame in window) >= vote.needed for box in boxes])
    return result


@st.composite
def rules(draw: st.DrawFn) -> Vote:
    frames = draw(st.integers(1, 6))
    return Vote(draw(st.integers(1, frames)), frames, draw(st.sampled_from([0, 0.5, 1, 2.5, 5, 7.07, 13])))


boxes = st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(1, 6), st.integers(1, 6))
streams = st.lists(st.lists(boxes, max_size=6), max_size=12)


@given(rules(), streams)
@settings(max_examples=300, deadline=None)
def test_by_definition(vote: Vote, stream: Stream) -> None:
    assert votes(vote, stream) == by_definition(vote, stream)


@given(rules(), streams, st.integers(0, 12))
def test_a_frame_depends_on_the_last_ones_alone(vote: Vote, stream: Stream, cut: int) -> None:
    """What came before the window, and what comes after, decide nothing."""
    whole = votes(vote, stream)
    first = max(0, cut - vote.frames + 1)
    assert votes(vote, stream[first : cut + 1])[cut - first :] == whole[cut : cut + 1]


@given(rules(), streams)
def test_more_votes_keep_less_and_more_reach_keeps_more(vote: Vote, stream: Stream) -> None:
    kept = votes(vote, stream)
    further = votes(Vote(vote.needed, vote.frames, vote.radius + 1), stream)
    assert all(f or not k for one, other in zip(kept, further, strict=True) for k, f in zip(one, other, strict=True))
    if vote.needed > 1:
        easier = votes(Vote(vote.needed - 1, vote.frames, vote.radius), stream)
        assert all(e or not k for one, other in zip(kept, easier, strict=True) for k, e in zip(one, other, strict=True))
    else:
        assert all(all(frame) for frame in kept)


def test_the_radius_itself_votes() -> None:
    """3, 4 and 5: at the radius, of middles that are between pixels, too; a half pixel more does not."""
    for one, other in ((point(10, 10), point(13, 14)), ((10, 10, 4, 2), (12, 13, 6, 4))):
        assert votes(Vote(2, 2, 5), [[one], [other]]) == [[False], [True]]
        assert votes(Vote(2, 2, 4.99), [[one], [other]]) == [[False], [False]]


def test_a_streams_begin() -> None:
    """M frames are needed from the first one on: what has been there all the time is reported in the third."""
    assert votes(Vote(3, 5), [[point(4, 4)]] * 6) == [[False]] * 2 + [[True]] * 4


def test_a_gap() -> None:
    """Three of five: two frames may miss it; after three it has to be confirmed again."""
    here, nothing = [point(4, 4)], list[Box]()
    assert votes(Vote(3, 5), [here, here, nothing, nothing, here, nothing, here])[4:] == [[True], [], [False]]
    assert votes(Vote(3, 5), [here, here, here, nothing, nothing, nothing, here]) == [
        [False], [False], [True], [], [], [], [False]]  # fmt: skip


def test_frames_vote_and_not_detections() -> None:
    """Two of one frame are one vote."""
    assert votes(Vote(3, 3), [[point(4, 4), point(5, 5)], [point(4, 4)]])[1] == [False]


@pytest.mark.parametrize(
    ("text", "radius"),
    [
        *((text, 5.0) for text in ("", "3", "3/", "/5", "0/5", "6/5", "3/5/7", "-3/5", "+3/5", "3 / 5", "3.0/5")),
        (f"3/{MAX_FRAMES + 1}", 5.0), ("3/5", -1.0), ("3/5", float("nan")), ("3/5", float("inf")),
    ],
)  # fmt: skip
def test_rules_that_cannot_be(text: str, radius: float) -> None:
    with pytest.raises(ValueError, match="vote"):
        Vote.parse(text, radius)


def test_a_rule_as_text() -> None:
    assert Vote.parse("3/5") == Vote(3, 5, 5.0)
    assert str(Vote.parse(f"1/{MAX_FRAMES}", 0)) == f"1/{MAX_FRAMES}"


@pytest.fixture(scope="module")
def runners(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runner's own vote.c, with sanitizers."""
    own = tuple(sources.ROOT / "runner" / name for name in ("vote.c", "fail.c", "file.c"))
    files = (*sources.LIBRARY_SOURCES, PLAN, *own, HERE / "votes.c")
    return compile_c(tmp_path_factory.mktemp("build") / "votes", files, *SANITIZED)


@pytest.mark.parametrize("seed", range(30))
def test_the_runner_votes_the_same(seed: int, runners: Path) -> None:
    """Crowded frames, empty ones, one frame alone, and distances that are the radius exactly."""
    rng = np.random.default_rng(seed)
    frames = int(rng.choice([1, 2, 5, MAX_FRAMES]))
    vote = Vote(int(rng.integers(1, min(frames, 8) + 1)), frames, float(rng.choice([0, 1, 2.5, 5, 5.000001, 60])))
    count, crowd = [(1, 4), (9, 40), (2 * MAX_FRAMES + 3, 2)][seed % 3]
    side = int(rng.choice([10, 60]))
    stream: Stream = []
    for _ in range(count):
        places = rng.integers(0, side, (rng.integers(0, crowd + 1), 2))
        stream.append([(int(r), int(c), *map(int, rng.integers(1, 4, 2))) for r, c in places])
    text = "".join(f"{len(frame)} {' '.join(str(v) for box in frame for v in box)}\n" for frame in stream)
    done = subprocess.run([runners, str(vote), repr(vote.radius)], input=text.encode(), capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    found = [[int(n) for n in line.split()] for line in done.stdout.decode().splitlines()]
    kept = votes(vote, stream)
    assert found == [[n for n, is_kept in enumerate(frame) if is_kept] for frame in kept]
    assert found == [[n for n, is_kept in enumerate(frame) if is_kept] for frame in by_definition(vote, stream)]
