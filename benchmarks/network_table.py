# SPDX-License-Identifier: Apache-2.0
"""The figures of networks that are not shipped, as Markdown: whole frames, since their images are of one size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .engines import ENGINES, OURS
from .quoted import QUOTED, Quoted
from .results import DeviceRow, Results
from .table import DIFFERENCE, grid, host_part, number, reasons_of, scaled, thread_part, title, versions_of


def network_markdown(results: Results) -> str:
    """What was measured, then, apart, what others have published of the same networks."""
    parts = host_part(results, DIFFERENCE)
    if results.device:
        parts += [f"On an emulated {results.target}, one thread:", network_table(results.device)]
    parts += [*thread_part(results), *reasons_of(results)]
    quoted = [q for q in QUOTED if q.network in {r.network for r in results.device}]
    if quoted:
        parts += ["Quoted, not measured here: what others have published of a board.", quoted_table(quoted)]
    return "\n\n".join([*parts, versions_of(results)])


def network_table(rows: Sequence[DeviceRow]) -> str:
    """A line for each engine of each network, ours first."""
    order = list(dict.fromkeys(r.network for r in rows))
    engines = list(ENGINES)
    lines = []
    for r in sorted(rows, key=lambda r: (order.index(r.network), engines.index(r.engine))):
        base = next((o.cycles for o in rows if (o.network, o.size, o.engine) == (r.network, r.size, OURS)), None)
        times = r.cycles / base if r.cycles and base else None
        figures = [
            number(scaled(r.cycles, 1e6), 1),
            number(scaled(r.l1d_misses, 1e6), 2),
            number(scaled(r.dram_bytes, 1e6), 1),
            number(scaled(r.microseconds, 1e3), 1),
            number(scaled(r.arena_bytes, 1e6), 1),
            number(times, 1),
        ]
        lines.append([r.network, r.size, title(r.engine), *figures, DIFFERENCE.of(r)])
    columns = ["M cycles", "M L1 misses", "DRAM, MB", "ms", "arena, MB", "times ours", DIFFERENCE.title]
    return grid(["network", "size", "engine", *columns], lines, numbers=len(columns))


def quoted_table(rows: Iterable[Quoted]) -> str:
    """A line a network."""
    lines = [
        [
            f"{r.network} (quoted)",
            r.engine,
            f"{r.board}, {r.day}",
            r.source,
            *(number(r.milliseconds.get(n), 1) for n in (1, 4)),
        ]
        for r in rows
    ]
    return grid(["network", "engine", "board", "source", "1 thread, ms", "4 threads, ms"], lines, numbers=2)
