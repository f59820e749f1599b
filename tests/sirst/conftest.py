# SPDX-License-Identifier: Apache-2.0
"""SIRST, where its images are: `../shared/data/sirst` from the repository's root, which holds none of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from biisnet.compile.frontend import OnnxModel
from biisnet.compile.onnx_runtime import session
from biisnet.model.images import read_image
from biisnet.runtime.resize import resize_bilinear

FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "sirst" / "images"
SIZE = (256, 256)
SHARE = 0.9999
"""Of the mask's pixels that must equal ONNX Runtime's."""


@dataclass
class Agreement:
    """How many pixels of how many masks differ."""

    images: int = 0
    pixels: int = 0
    differing: int = 0
    worst: tuple[float, str] = (0.0, "none")

    def add(self, name: str, found: npt.NDArray[np.bool_], expected: npt.NDArray[np.bool_]) -> None:
        """Count one image's masks."""
        differing = int((found != expected).sum())
        self.images += 1
        self.pixels += expected.size
        self.differing += differing
        self.worst = max(self.worst, (differing / expected.size, name))

    def __str__(self) -> str:
        return (
            f"{self.images} images: {self.differing} of {self.pixels} mask pixels differ; "
            f"the worst is {self.worst[1]} with {self.worst[0]:.4%}"
        )

    def check(self) -> None:
        """The criterion; the figures are printed either way."""
        print(self)
        assert self.differing <= (1 - SHARE) * self.pixels, str(self)


@pytest.fixture(scope="session")
def images() -> list[Path]:
    """All 341 images, sorted by name."""
    found = sorted(FOLDER.glob("*.png"))
    if not found:
        pytest.skip("SIRST is not here (../shared/data/sirst from the repository's root)")
    assert len(found) == 341
    return found


@pytest.fixture(scope="session")
def twenty(images: list[Path]) -> list[Path]:
    """Twenty of them, evenly spread."""
    return images[:: len(images) // 20][:20]


@pytest.fixture
def agreement() -> Agreement:
    """Nothing counted yet."""
    return Agreement()


@pytest.fixture(scope="session")
def reference(shipped: OnnxModel) -> Callable[[Path], npt.NDArray[np.float32]]:
    """`reference(path)`: ONNX Runtime's probability map in the image's own size, resized as the bundle does."""
    run = session(shipped.proto).run

    def probability(path: Path) -> npt.NDArray[np.float32]:
        image = read_image(path)
        (result,) = run(None, {"image": resize_bilinear(image, *SIZE)[None, None]})
        return resize_bilinear(result[0, 0], *image.shape)

    return probability
