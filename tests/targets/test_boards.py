# SPDX-License-Identifier: Apache-2.0
"""Every board's bundle of a tiny network, run on its own emulated CPU."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from biisnet.targets import TARGETS

BOARDS = [name for name in TARGETS if name != "host"]


@pytest.mark.emulator
@pytest.mark.parametrize("name", BOARDS)
def test_it_is_verified_on_its_cpu(
    name: str, emulated: None, tiny_bundle: Callable[[str], Path], manifest_of: Callable[[Path], dict[str, Any]]
) -> None:
    manifest = manifest_of(tiny_bundle(name))
    assert manifest["target"]["cpu"] == TARGETS[name].cpu
    verified = manifest["verification"]
    assert verified["device"] == f"an emulated {TARGETS[name].cpu}"
    assert (verified["stages"], verified["accumulators"]) == (4, 8 * 24 * 20)
    assert verified["mask_pixels_differing"] == 0
    assert verified["stage_error"] <= 1e-5


def test_boards_differ_by_data_alone(
    tiny_bundle: Callable[[str], Path], manifest_of: Callable[[Path], dict[str, Any]]
) -> None:
    """The plan is the same for all of them; two boards of one CPU have the same library."""
    bundles = [tiny_bundle(name) for name in TARGETS]
    assert len({manifest_of(bundle)["plan_sha256"] for bundle in bundles}) == 1
    library = "lib/libbiisnet_model.so"
    of = {name: manifest_of(tiny_bundle(name))["files"][library] for name in BOARDS}
    assert of["rpi3"] == of["rpi-zero2w"]
    assert len(set(of.values())) == 3
