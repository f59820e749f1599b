# SPDX-License-Identifier: Apache-2.0
"""`biisnet run` on real images: masks equal those of ONNX Runtime on at least 99.99 % of pixels."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from biisnet.tools.run import Wanted, run_frames

Reference = Callable[[Path], np.ndarray]
PARTS = 4


def count(bundle: Path, images: list[Path], masks: Path, reference: Reference, agreement: Any) -> None:
    """Write the bundle's masks as the command does, read them back, and compare."""
    for found, path in zip(run_frames(bundle, list(map(str, images)), 1, Wanted(masks), print), images, strict=True):
        assert found.mask is not None
        mask = np.asarray(Image.open(found.mask))
        assert set(np.unique(mask)) <= {0, 255}
        assert int((mask > 0).sum()) == found.target_pixels
        agreement.add(path.stem, mask > 0, reference(path) > 0.5)
    agreement.check()


@pytest.mark.parametrize("part", range(PARTS))
def test_every_image_on_this_machine(
    part: int,
    images: list[Path],
    shipped_bundle: Callable[[str], Path],
    reference: Reference,
    agreement: Any,
    tmp_path: Path,
) -> None:
    """All 341, in parts so that workers share them."""
    count(shipped_bundle("host"), images[part::PARTS], tmp_path, reference, agreement)


@pytest.mark.emulator
@pytest.mark.parametrize("part", range(2))
def test_twenty_images_on_the_emulated_board(
    part: int,
    emulated: None,
    twenty: list[Path],
    shipped_bundle: Callable[[str], Path],
    reference: Reference,
    agreement: Any,
    tmp_path: Path,
) -> None:
    count(shipped_bundle("rpi4"), twenty[part::2], tmp_path, reference, agreement)
