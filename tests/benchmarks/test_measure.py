# SPDX-License-Identifier: Apache-2.0
"""Published figures: a run of a part leaves the others."""

from __future__ import annotations

import pytest

from benchmarks.measure import Extent, with_recorded
from benchmarks.results import DeviceRow, HostRow, Results, ThreadRow

OLD = Results(
    {"cpu": "old"},
    {"onnxruntime": "1", "torch": "2"},
    "cortex-a72",
    (HostRow("u", "8x8", "biisnet", 1, 5.0), HostRow("u", "8x8", "tvm", 1, 9.0)),
    (DeviceRow("u", "8x8", "biisnet", 50), DeviceRow("u", "8x8", "tvm", 90)),
    (
        ThreadRow("u", "8x8", "biisnet", 1, (1.0,), 1.0, 50.0, 9),
        ThreadRow("v", "8x8", "biisnet", 1, (1.0,), 1.0, 5.0, 9),
    ),
)


@pytest.mark.parametrize("host", [False, True])
def test_rows_that_were_not_measured_stay(host: bool) -> None:
    """Fails where ours measured alone take the other engines' rows with them, or no row at all takes all."""
    rows = (HostRow("u", "8x8", "biisnet", 1, 4.0),) if host else ()
    new = Results(
        {"cpu": "new"},
        {"torch": "3"},
        "cortex-a72",
        rows,
        (DeviceRow("u", "8x8", "biisnet", 40),),
        (ThreadRow("u", "8x8", "biisnet", 1, (1.0,), 1.0, 40.0, 9),),
    )
    found = with_recorded(new, OLD, Extent((), (), None, host, True, True, 1, 1.0))
    assert [(r.engine, r.cycles) for r in found.device] == [("biisnet", 40), ("tvm", 90)]
    assert found.host == (rows if host else OLD.host)
    assert found.machine == {"cpu": "new" if host else "old"}
    assert [(r.network, r.microseconds) for r in found.threads] == [("u", 40.0), ("v", 5.0)]
    assert found.versions == {"onnxruntime": "1", "torch": "3"}


def test_nothing_measured() -> None:
    found = with_recorded(Results(), OLD, Extent((), (), None, False, False, True, 1, 1.0))
    assert found == OLD
