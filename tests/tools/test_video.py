# SPDX-License-Identifier: Apache-2.0
"""Videos that are damaged and cameras that go away are errors; cameras by number, device and URL."""

from __future__ import annotations

import functools
import http.server
import threading
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from biisnet.compile.errors import CompileError
from biisnet.compile.verification.scene import scene
from biisnet.runtime.levels import Levels
from biisnet.tools.frames import Picture, Reading, find_sources, is_series, read_frames, stem_of
from biisnet.tools.video import is_live, live_stem, shown, video_frames

SCENES = [scene(64, 80, seed) for seed in range(20)]
CONTAINERS = {"avi": "FFV1", "mkv": "FFV1", "mp4": "mp4v", "mov": "mp4v"}


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """`write("a.avi")`: the scenes as a video."""
    cv2 = pytest.importorskip("cv2")

    def get(name: str) -> Path:
        path = tmp_path / name
        video = cv2.VideoWriter(
            str(path), cv2.VideoWriter.fourcc(*CONTAINERS[path.suffix[1:]]), 25, (80, 64), isColor=True
        )
        assert video.isOpened()
        for picture in SCENES:
            video.write(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR))
        video.release()
        return path

    return get


def read(source: str | Path) -> tuple[int, str]:
    """How many frames there are, and how they end."""
    count = 0
    try:
        for _ in video_frames(str(source), counts=False):
            count += 1
    except CompileError as e:
        return count, str(e)
    return count, ""


@pytest.mark.parametrize("container", CONTAINERS)
def test_damaged_videos(write: Any, container: str) -> None:
    """Cut off, and with a hole: what could be read is given, and what is missing is said."""
    path = write(f"a.{container}")
    assert read(path) == (20, "")
    data = path.read_bytes()
    hole = bytearray(data)
    hole[len(data) // 2 : len(data) * 7 // 10] = bytes(len(data) * 7 // 10 - len(data) // 2)
    for damaged in (data[: len(data) // 2], bytes(hole)):
        path.write_bytes(damaged)
        count, said = read(path)
        assert 0 <= count < 20
        if count or "opened" not in said:
            assert said == f"{path}: {count} of 20 frames could be read; the rest is damaged or missing"


def frames_of(source: str, reading: Reading) -> tuple[list[Picture], str]:
    """The frames of a source, and the error that ends them."""
    frames: list[Picture] = []
    try:
        frames.extend(read_frames([source], reading))  # keeps those before the error
    except CompileError as e:
        return frames, str(e)
    return frames, ""


class Camera:
    """What cv2.VideoCapture is to a camera of 14-bit counts that goes away after three frames."""

    opened: ClassVar[list[Any]] = []
    offers_counts = True

    def __init__(self, source: Any) -> None:
        self.opened.append(source)
        self.frames, self.properties = 0, {}

    def isOpened(self) -> bool:  # noqa: N802
        return True

    def set(self, key: int, value: float) -> bool:
        if key == FOURCC and not self.offers_counts:
            return False
        self.properties[key] = value
        return True

    def get(self, key: int) -> float:
        return self.properties.get(key, -1.0)

    def read(self) -> tuple[bool, Any]:
        self.frames += 1
        if self.frames > 3:
            return False, None
        counts = 7000 + 8 * SCENES[0].astype(np.uint16)
        if self.properties.get(CONVERT) == 0:
            return True, counts
        return True, np.stack([(counts >> 8).astype(np.uint8)] * 3, -1)

    def release(self) -> None:
        pass


FOURCC, CONVERT = 6, 16


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> type[Camera]:
    cv2 = pytest.importorskip("cv2")
    assert (cv2.CAP_PROP_FOURCC, cv2.CAP_PROP_CONVERT_RGB) == (FOURCC, CONVERT)
    fake = type("Fake", (Camera,), {"opened": []})
    monkeypatch.setattr(cv2, "VideoCapture", fake)
    return fake


@pytest.mark.parametrize(
    ("source", "opened", "stem"),
    [
        ("camera:0", 0, "camera0"),
        ("/dev/video12", 12, "video12"),
        ("rtsp://user:secret@host:8554/a/b?token=x", "rtsp://user:secret@host:8554/a/b?token=x", "rtsp-host-8554-a-b"),
    ],
)
def test_a_camera_that_goes_away(camera: type[Camera], source: str, opened: Any, stem: str) -> None:
    """Fails where the end of a camera is the end of a good run; no message has a password."""
    assert is_live(source)
    assert is_series(source)
    assert find_sources([source]) == [source]
    assert live_stem(source) == stem_of(source) == stem
    frames, said = frames_of(source, Reading())
    assert [f.name for f in frames] == [f"{stem}-{n:06}" for n in (1, 2, 3)]
    assert said == f"{shown(source)}: ended after 3 frames; check the camera, its cable or its network"
    assert camera.opened == [opened]
    assert "secret" not in said


@pytest.mark.parametrize("offers", [True, False])
def test_a_thermal_camera_needs_one_option(camera: type[Camera], offers: bool) -> None:
    """With --levels it is asked for its counts; one that has none is read as any other."""
    camera.offers_counts = offers  # type: ignore[misc]
    said: list[str] = []
    levels = Levels.parse("7000:9040" if offers else "0:255")
    frames, _ = frames_of("camera:0", Reading(levels, None, said.append))
    assert [f.name for f in frames] == [f"camera0-{n:06}" for n in (1, 2, 3)]
    if offers:
        np.testing.assert_array_equal(frames[0].image, SCENES[0].astype(np.float32))
    else:
        assert "of which --levels 0:255 make " in said[0]


def test_a_video_by_its_url(write: Any, tmp_path: Path) -> None:
    """A file on a server has an end that is none of a camera's."""
    write("a.avi")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        found = read(f"{url}/a.avi")
        missing = read(f"{url}/none.avi")
        server.shutdown()
    assert found == (20, "")
    assert missing == (0, f"{url}/none.avi: cannot be opened as a video")


def test_notes_are_said_once(camera: type[Camera]) -> None:
    said: list[str] = []
    frames_of("camera:0", Reading(None, None, said.append))
    assert len(said) == 1
    assert said[0].startswith("note: all 3 frames have samples from ")


def test_pages_are_a_series(tmp_path: Path) -> None:
    """Page by page, each with a name of its own; a file of one page keeps its name."""
    from PIL import Image

    pages = [Image.fromarray(s) for s in SCENES[:3]]
    pages[0].save(tmp_path / "p.tif", save_all=True, append_images=pages[1:])
    pages[0].save(tmp_path / "one.tif")
    frames = list(read_frames(find_sources([str(tmp_path)]), Reading()))
    assert [f.name for f in frames] == [str(tmp_path / "one.tif"), "p-000001", "p-000002", "p-000003"]
    for frame, expected in zip(frames, [SCENES[0], *SCENES[:3]], strict=True):
        np.testing.assert_array_equal(frame.image, expected)
