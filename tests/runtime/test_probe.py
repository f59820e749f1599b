# SPDX-License-Identifier: Apache-2.0
"""Stage by stage through biisnet-run --probe, here and on the emulated device."""

import os
import signal
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from biisnet.runtime.probe import Probe, ProbeError

from .cbuild import (
    BLUR,
    BLUR_CONSTANTS,
    BLUR_FLOATS,
    BOX,
    BOX_BYTES,
    BOX_CONSTANTS,
    BOX_FLOATS,
    BOX_WORDS,
    HALF,
    HEIGHT,
    JOIN_CONSTANTS,
    JOIN_FLOATS,
    MAPS_BYTES,
    MEAN,
    MOST,
    TOTAL,
    TOTAL_CONSTANTS,
    TOTAL_FLOATS,
    UP,
    WIDTH,
    Floats,
    reference,
)


@pytest.fixture
def grey() -> Floats:
    return np.random.default_rng(5).integers(0, 256, (1, 1, HEIGHT, WIDTH)).astype(np.float32)


def spread(array: npt.NDArray[Any], copies: int) -> bytes:
    """A section of constants as kernels read it."""
    data = np.repeat(array, copies).tobytes()
    return data + bytes(-len(data) % 64)


SPREAD_BOX = spread(BOX_FLOATS, 4) + spread(BOX_WORDS, 1) + spread(BOX_BYTES, 16)


@pytest.mark.parametrize("threads", [1, 3])
def test_stages_one_by_one(runner: list[str], grey: Floats, threads: int) -> None:
    expected = reference(grey[0, 0])
    with Probe(runner, threads) as probe:
        source, result = (probe.info[key][0]["offset"] for key in ("inputs", "outputs"))
        probe.write(source, grey)

        def check(stage: str, **maps: tuple[int, tuple[int, ...]]) -> None:
            probe.run_stage(probe.stage_index(stage))
            for name, (offset, shape) in maps.items():
                np.testing.assert_allclose(probe.read_array(offset, np.float32, shape), expected[name], rtol=1e-6)

        check("blur", blur=(BLUR, (HEIGHT, WIDTH)))
        check("box", box=(BOX, (HEIGHT, 2, WIDTH)))
        check("half", mean=(MEAN, (HALF, WIDTH)), most=(MOST, (HALF, WIDTH)))
        check("total", total=(TOTAL, (WIDTH,)))
        check("up", up=(UP, (HEIGHT, WIDTH)))
        probe.run_stage(probe.stage_index("join"))
        stepped = probe.read_array(result, np.float32, (HEIGHT, WIDTH))
        np.testing.assert_allclose(stepped, expected["probability"], atol=1e-6)
        whole = probe.run(grey)[0]
        np.testing.assert_array_equal(whole[0, 0], stepped)


def test_constants_are_spread(runner: list[str]) -> None:
    with Probe(runner) as probe:
        assert probe.read(BLUR_CONSTANTS, 64) == spread(BLUR_FLOATS, 4)
        assert probe.read(BOX_CONSTANTS, len(SPREAD_BOX)) == SPREAD_BOX
        assert probe.read(JOIN_CONSTANTS, 64) == spread(JOIN_FLOATS, 4)
        assert probe.read(TOTAL_CONSTANTS, 64) == spread(TOTAL_FLOATS, 4)


def test_other_constants_and_other_maps(runner: list[str], grey: Floats) -> None:
    """Teacher forcing: a stage gets the reference's input, and constants that are not its own, for once."""
    expected = reference(grey[0, 0])
    sections = np.array([2, 3], np.float32), np.array([5, 6, -8, 0], np.int16), np.array([16, *[0] * 7], np.uint8)
    with Probe(runner) as probe:
        probe.write(BLUR, expected["blur"])
        probe.run_stage(1, b"".join(section.tobytes() for section in sections))
        box = probe.read_array(BOX, np.float32, (HEIGHT, 2, WIDTH))
        sums = (expected["box"][:, 0] - BOX_WORDS.sum()) / BOX_FLOATS[0]
        np.testing.assert_allclose(box[:, 0], sums * 2 + 3, rtol=1e-6)
        np.testing.assert_array_equal(box[:, 1], expected["blur"] * 3 + 1)
        assert probe.read(BOX_CONSTANTS, len(SPREAD_BOX)) == SPREAD_BOX
        probe.run_stage(1)
        own = probe.read_array(BOX, np.float32, (HEIGHT, 2, WIDTH))
        np.testing.assert_allclose(own, expected["box"], rtol=1e-6)
        forced = np.random.default_rng(1).random((HEIGHT, 2, WIDTH), np.float32)
        probe.write(BOX, forced)
        probe.run_stage(2, b"")
        upper, lower = forced[: 2 * HALF : 2, 1], forced[1 : 2 * HALF : 2, 1]
        np.testing.assert_array_equal(probe.read_array(MOST, np.float32, (HALF, WIDTH)), np.maximum(upper, lower))


def test_thread_counts_agree(runner: list[str], grey: Floats) -> None:
    results = []
    for threads in (1, 2, 3, 4, 7):
        with Probe(runner, threads) as probe:
            results.append(probe.run(grey)[0])
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])


def test_refusals_are_exceptions(host_runner: Path) -> None:
    with Probe([host_runner]) as probe:
        end = probe.info["outputs"][0]["offset"] + -(-HEIGHT * WIDTH * 4 // 64) * 64
        probe.write(end - 4, bytes(4))
        probe.write(MAPS_BYTES - 4, bytes(4))
    commands: list[tuple[Callable[[Probe], object], str]] = [
        (lambda p: p.write(end - 4, bytes(5)), "range"),
        (lambda p: p.read(2**64 - 1, 2), "range"),
        (lambda p: p.read(0, 2**64 - 1), "range"),
        (lambda p: p.write(MAPS_BYTES - 4, bytes(8)), "range"),  # the instance itself lies behind the maps
        (lambda p: p.read(MAPS_BYTES, 1), "range"),
        (lambda p: p.read(p.info["inputs"][0]["offset"] - 1, 2), "range"),
        (lambda p: p.run_stage(6), "no such stage"),
        (lambda p: p.run_stage(0, bytes(5)), "another size"),
        (lambda p: p._command(b"X"), "unknown command"),
    ]
    for command, message in commands:
        with Probe([host_runner]) as probe:
            with pytest.raises(ProbeError, match=message):
                command(probe)
            with pytest.raises(ProbeError, match="closed"):
                probe.run_stage(0)
    with Probe([host_runner]) as probe, pytest.raises(ValueError, match="shapes"):
        probe.run(np.zeros((2, 2)))
    with pytest.raises(ProbeError, match="--info failed"):
        Probe(["/nonexistent/runner"])


def test_protocol_on_the_wire(host_runner: Path) -> None:
    def talk(data: bytes) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run([host_runner, "--probe"], input=data, capture_output=True)

    done = talk(struct.pack("<cQQ", b"R", 0, 8) + b"Q")
    assert (done.returncode, done.stdout) == (0, bytes(4) + bytes(8) + bytes(4))
    done = talk(b"")
    assert (done.returncode, done.stdout) == (0, b"")
    done = talk(struct.pack("<cQQ", b"W", 0, 8) + b"1234")  # cut short
    status, length = struct.unpack("<II", done.stdout[:8])
    assert (done.returncode, status, length) == (2, 1, len(done.stdout) - 8)
    assert done.stderr.decode() == f"biisnet-run: --probe: {done.stdout[8:].decode()}\n"


def test_an_interrupt_is_no_error_of_the_runner(runner: list[str]) -> None:
    """Ctrl-C goes to the runner too; fails where the end of the runner replaces the interrupt."""
    # a shell's background jobs ignore it, and so would their children
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupt() -> None:
        with Probe(runner) as probe:
            process = probe._process
            assert process is not None
            os.kill(process.pid, signal.SIGINT)
            process.wait()
            raise KeyboardInterrupt

    try:
        with pytest.raises(KeyboardInterrupt):
            interrupt()
    finally:
        signal.signal(signal.SIGINT, before)
