# SPDX-License-Identifier: Apache-2.0
"""What a user says of a network that its file leaves open."""

import pytest

from biisnet.compile.errors import CompileError
from biisnet.compile.frontend import OnnxModel
from biisnet.compile.frontend.prepare import Normalisation
from biisnet.tools.said import Said


def test_nothing_said_changes_nothing(tiny: OnnxModel) -> None:
    lines: list[str] = []
    assert Said().prepare(tiny, lines.append) is tiny
    assert not lines


def test_all_is_in_the_model(tiny: OnnxModel) -> None:
    lines: list[str] = []
    said = Said("detection", 0.25, "0.5,-1", Normalisation.of([10], [20]))
    told = said.prepare(tiny, lines.append)
    assert lines == ["normalised in the network: (level - 10) / 20, of levels 0 to 255"]
    assert (told.task, told.threshold, str(told.scores)) == ("detection", 0.25, "0.5,-1.0")
    assert told.metadata["normalisation_mean"] == "10"


def test_a_sign_of_what_has_none(tiny: OnnxModel) -> None:
    with pytest.raises(CompileError, match=r"has no Sign, whose 0 --sign-of-zero is of; leave it out$"):
        Said(sign_of_zero=1).prepare(tiny, lambda _: None)
