# SPDX-License-Identifier: Apache-2.0
"""Schedules: a kernel's kind is its main leaf; results do not depend on what is chosen."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

import numpy as np
import pytest

from biisnet.compile import schedules
from biisnet.compile.ir.buffers import Buffer
from biisnet.compile.ir.expressions import KINDS
from biisnet.compile.ir.schedule import Schedule, choice
from biisnet.compile.ir.stages import Stage
from biisnet.compile.kernels import Add, Load, ScaleShift, Upsample
from biisnet.compile.kernels.row_kernel import build
from biisnet.compile.schedules import (
    DEFAULT,
    Schedules,
    choices,
    default_of,
    main_leaf,
    outside_space,
    parse_schedule,
    schedules_for,
    space_of,
)
from biisnet.compile.storage import Planes
from biisnet.compile.tuning.trials import Trial, read_line, to_line
from biisnet.targets import TARGETS, resolve
from biisnet.targets.cores import GENERIC

LEADING = [name for name, kind in KINDS.items() if kind.leads is not None]
"""The kinds of kernels."""
COUNTING = ("BinaryDot", "IntegerDot")
"""Those that count bits."""
SPACES = {"BinaryDot": 4 * 3 * 3 * 2, "IntegerDot": 4 * 3 * 3 * 2 * 2, "IntegerUpsample": 4 * 2}
"""Schedules of those that have more to choose than the channels of an epilogue."""


def stage() -> Stage:
    """An interpolation and a plain map."""
    low, high = Buffer("low", "low", 8, 4, 20, layout=Planes("edge")), Buffer("high", "high", 8, 8, 40)
    shift = np.arange(8, dtype=np.float32)
    e = Add(8, ScaleShift(8, Load(8, high), shift, shift), Upsample(8, low, "linear"))
    return Stage.of("sum", (), (e,), [Buffer("out", "out", 8, 8, 40)])


def test_main_leaf() -> None:
    """Fails where a kernel is called after its cheapest part."""
    assert main_leaf(stage()) == "Upsample"


def test_kinds_do_not_tie() -> None:
    leading = [kind.leads for kind in KINDS.values() if kind.leads is not None]
    assert len(set(leading)) == len(leading)


def test_targets() -> None:
    """Fails where a target's core does not reach its schedules."""
    of = {name: schedules_for(resolve(name).core) for name in TARGETS}
    assert of["rpi4"] == DEFAULT
    assert of["rpi3"].group_bytes == of["rpi-zero2w"].group_bytes < DEFAULT.group_bytes
    assert all(chosen.group_bytes == resolve(name).core.group_bytes for name, chosen in of.items())
    assert not any(chosen.records for chosen in of.values())


@pytest.mark.parametrize("channels", [1, 2, 4, 8])
def test_a_schedule_changes_code_and_not_constants(channels: int) -> None:
    """Fails where blocking is ignored, or moves a constant."""
    default, changed = (build(stage(), "kernel", GENERIC, s) for s in (DEFAULT.of(stage()), Schedule(channels)))
    assert changed.parameters.to_bytes() == default.parameters.to_bytes()
    assert (str(changed.func) == str(default.func)) == (channels == DEFAULT.of(stage()).channels)


SPACES = {
    "BinaryDot": 4 * 3 * 3 * 2 * 2 * 4,
    "Upsample": 4 * 2 * 4 * 2,
    "IntegerDot": 4 * 3 * 3 * 2 * 2 * 4,
    "IntegerUpsample": 4 * 2 * 2 * 4,
    **dict.fromkeys(("ChannelDot", "ChannelConvolution", "ChannelPooledDepthwise"), 4 * 5),
    **dict.fromkeys(("ChannelDepthwise", "ChannelLoad", "ChannelMaxPool", "ChannelPoolSum"), 5),
    **dict.fromkeys(("IntegerConvolution", "IntegerPool", "IntegerMix"), 4 * 4),
}
"""Schedules of a kind, by its choices; of the others 4 numbers of channels."""


@pytest.mark.parametrize("kind", LEADING)
def test_the_space(kind: str) -> None:
    """Every schedule once, the default one first, and what is outside is found."""
    space = space_of(kind)
    assert len(space) == len(set(space)) == SPACES.get(kind, 4)
    assert space[0] == default_of(kind)
    assert all(outside_space(kind, s) is None for s in space)
    assert outside_space(kind, Schedule(3)) == "channels 3"
    assert outside_space(kind, Schedule(True)) == "channels True"
    other = replace(default_of(kind), counted=4 if kind in COUNTING else 2)
    assert outside_space(kind, other) == (None if kind in COUNTING else "counted 2")


def test_choices_are_sound() -> None:
    """Fails where a field is for a kind that there is not, or a default is none of its values."""
    for c in choices().values():
        assert {*(c.kinds or ()), *c.defaults} <= set(LEADING)
        assert set(c.defaults.values()) <= set(c.values)
        assert len(set(c.values)) == len(c.values) > 1


def test_the_defaults() -> None:
    """Fails where one changes without being asked to: a kernel's key is of its code in the default schedule."""
    assert {kind: default_of(kind) for kind in LEADING} == {
        "BinaryDot": Schedule(2, 8, 1),
        "ChannelDot": Schedule(1, 8, 1, band=2, pixels=8),
        **dict.fromkeys(
            (
                "ChannelConvolution",
                "ChannelPooledDepthwise",
                "ChannelDepthwise",
                "ChannelLoad",
                "ChannelMaxPool",
                "ChannelPoolSum",
            ),
            Schedule(1, 8, 1),
        ),
        "Convolution": Schedule(2, 8, 1),
        "Upsample": Schedule(1, 8, 1),
        "MaxPool": Schedule(1, 8, 1),
        "PoolSum": Schedule(1, 8, 1),
        **dict.fromkeys(
            ("DepthToSpace", "Interpolate", "ReduceChannels", "ShuffleChannels", "Spread"), Schedule(1, 8, 1)
        ),
        "Load": Schedule(2, 8, 1),
        "IntegerDot": Schedule(2, 4, 1, 2, "channels", 4),
        "IntegerConvolution": Schedule(2, 8, 1, band=2),
        "IntegerUpsample": Schedule(2, 8, 1, 2, "channels", 2),
        "IntegerPool": Schedule(2, 8, 1, band=2),
        "IntegerMix": Schedule(1, 8, 1, band=4),
    }


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ([], "'schedule' is no JSON object"),
        ({"channels": 3}, "'channels' is 3, not one of 1, 2, 4, 8"),
        ({"channels": True}, "'channels' is True"),
        ({"channels": 2.0}, "'channels' is 2.0"),
        ({"channels": [2]}, "'channels' is "),
        ({"channels": 2, "layout": "pixels"}, "'schedule' has a field 'layout', which this version does not know"),
    ],
)
def test_no_schedules(entry: object, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("[", r"\[")):
        parse_schedule(entry)


def test_a_field_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, and the space, the defaults, the check and the records have it."""
    before = {kind: space_of(kind) for kind in LEADING}

    @dataclass(frozen=True)
    class Wider(Schedule):
        layout: str = choice("planes", "pixels", kinds=("BinaryDot", "Load"), defaults={"Load": "pixels"})

    monkeypatch.setattr(schedules, "Schedule", Wider)
    for kind in LEADING:
        grown = space_of(kind)
        assert len(grown) == len(before[kind]) * (2 if kind in ("BinaryDot", "Load") else 1)
        assert grown[0] == Wider(**asdict(before[kind][0]), layout="pixels" if kind == "Load" else "planes")
        assert default_of(kind) == grown[0]
        assert all(outside_space(kind, s) is None for s in grown)
    assert Schedules().of(stage()) == Wider(1, layout="planes")
    assert outside_space("Load", Wider(2, layout="planes")) is None
    assert outside_space("PoolSum", Wider(2, layout="pixels")) == "layout pixels"
    assert outside_space("BinaryDot", Wider(2, layout="rows")) == "layout rows"
    trial = Trial("ab" * 32, "kernel", Wider(2, layout="pixels"), 1.0)
    assert b'"layout": "pixels"' in to_line(trial)
    assert read_line(to_line(trial)) == trial
    # what was measured before there was the field
    old = json.loads(to_line(trial)) | {"schedule": asdict(Schedule(4, 2, 1))}
    assert read_line(json.dumps(old).encode()).schedule == Wider(4, 2, 1, layout="planes")
