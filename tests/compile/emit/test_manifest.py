# SPDX-License-Identifier: Apache-2.0
"""What a manifest says of a bundle's kernels, read back."""

from __future__ import annotations

import pytest

from biisnet.compile.emit.manifest import kernel_entry, schedules_of
from biisnet.compile.ir.schedule import Record, Schedule
from biisnet.compile.schedules import DEFAULT
from biisnet.runtime.errors import BundleError

RECORD = Record("ab12", Schedule(4), 1e-3, "shipped")


def manifest(**kernels: object) -> dict:
    target = {"name": "rpi4", "arch": "aarch64", "cpu": "cortex-a72", "features": []}
    return {"target": target, "glibc": "2.28", "kernels": kernels}


def test_what_is_written_is_read() -> None:
    """Fails where a bundle is made anew with other schedules than its own."""
    entries = manifest(one=kernel_entry(RECORD.schedule, RECORD), two=kernel_entry(Schedule(2), None))
    schedules = schedules_of(entries)
    assert dict(schedules.records) == {"ab12": RECORD}
    assert schedules.group_bytes == DEFAULT.group_bytes
    assert not schedules_of(manifest()).records


@pytest.mark.parametrize(
    "entry",
    [
        None,
        {},
        {"schedule": [], "record": {"key": "k", "seconds": 1, "database": "d"}},
        {"schedule": {"channels": 3}, "record": {"key": "k", "seconds": 1, "database": "d"}},
        {"schedule": {"channels": "1"}, "record": {"key": "k", "seconds": 1, "database": "d"}},
        {"schedule": {"channels": 1, "colour": 2}, "record": {"key": "k", "seconds": 1, "database": "d"}},
        {"schedule": {"channels": 1}, "record": {"key": ["k"], "seconds": 1, "database": "d"}},
        {"schedule": {"channels": 1}, "record": {"key": "k"}},
        {"schedule": {"channels": 1}, "record": 3},
    ],
)
def test_a_damaged_one(entry: object) -> None:
    with pytest.raises(BundleError, match=r"^manifest.json: 'kernels' is not what a compiler writes"):
        schedules_of(manifest(one=entry))
