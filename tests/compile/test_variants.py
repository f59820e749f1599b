# SPDX-License-Identifier: Apache-2.0
"""Every variant of the paper compiles for the board, and computes there what ONNX Runtime does."""

from collections.abc import Callable
from pathlib import Path

import pytest

from biisnet.compile.frontend import load_model
from biisnet.compile.pipeline import compile_model
from biisnet.model.config import SCHEMES
from biisnet.model.variants import VARIANTS
from biisnet.targets import resolve


@pytest.mark.emulator
@pytest.mark.parametrize("name", VARIANTS)
def test_verified_on_the_emulated_board(
    name: str, emulated: None, variant_onnx: Callable[[str], Path], tmp_path: Path
) -> None:
    model = load_model(variant_onnx(name))
    verified = compile_model(
        model, (24, 40), resolve("rpi4"), tmp_path / name, say=lambda _: None, allow_float=True
    ).verified
    assert verified.device
    assert verified.mask_pixels_differing == 0
    config = VARIANTS[name]
    binary = SCHEMES[config.scheme].activation_levels is not None
    assert (verified.accumulators > 0) == binary
