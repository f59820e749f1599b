# SPDX-License-Identifier: Apache-2.0
"""The figures as Markdown, between two markers of a document that is otherwise written by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from biisnet.compile.errors import CompileError
from biisnet.model.training.folds import Spread

from .engines import ENGINES, OURS
from .results import DeviceRow, HostRow, Results, ThreadRow

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
NONE = "-"


@dataclass(frozen=True)
class AgreementColumn:
    """The column that says how well an engine's result is ONNX Runtime's."""

    title: str
    of: Callable[[HostRow | DeviceRow], str]


EQUAL_PIXELS = AgreementColumn("equal pixels", lambda row: share(row.equal_pixels))
DIFFERENCE = AgreementColumn("difference", lambda row: NONE if row.difference is None else f"{row.difference:.1e}")


def markdown(results: Results) -> str:
    """Both tables, and what they were measured with."""
    parts = host_part(results, EQUAL_PIXELS)
    if results.device:
        parts += [f"On an emulated {results.target}, one thread:", device_table(results.device)]
    return "\n\n".join([*parts, *thread_part(results), *reasons_of(results), versions_of(results)])


def host_part(results: Results, agreement: AgreementColumn) -> list[str]:
    """The host's table and its head, where it was measured."""
    if not results.host:
        return []
    machine = f"{results.machine.get('cpu', '?')}, {results.machine.get('threads', '?')} hardware threads"
    return [f"On the host ({machine}), median of the wall time:", host_table(results.host, agreement)]


def thread_part(results: Results) -> list[str]:
    """The threads' table and its head, where there are such figures."""
    if not results.threads:
        return []
    return [f"Several threads of an emulated {results.target}, by the model:", thread_table(results.threads)]


def reasons_of(results: Results) -> list[str]:
    """The engines without figures, each with its reason, and their head, where there are any."""
    rows: list[HostRow | DeviceRow] = [*results.host, *results.device]
    reasons = dict.fromkeys(f"- {title(r.engine)}, {r.network} {r.size}: {r.reason}" for r in rows if r.reason)
    return ["Not measured:", "\n".join(reasons)] if reasons else []


def versions_of(results: Results) -> str:
    """Versions of what was measured."""
    return "Versions: " + ", ".join(f"{name} {number}" for name, number in results.versions.items()) + "."


def title(engine: str) -> str:
    """As a reader knows it."""
    return ENGINES[engine].title if engine in ENGINES else engine


def host_table(rows: Sequence[HostRow], agreement: AgreementColumn) -> str:
    """A line for each engine, a column for each number of threads."""
    threads = sorted({r.threads for r in rows})
    columns = [f"{n} thread{'s' if n > 1 else ''}, ms" for n in threads]
    lines = []
    for network, size, engine in dict.fromkeys((r.network, r.size, r.engine) for r in rows):
        found = {r.threads: r for r in rows if (r.network, r.size, r.engine) == (network, size, engine)}
        times = [found[n].median_ms if n in found else None for n in threads]
        agrees = next((words for r in found.values() if (words := agreement.of(r)) != NONE), NONE)
        runs = "/".join(str(found[n].rounds) if n in found else NONE for n in threads)
        lines.append([network, size, title(engine), *(number(t, 1) for t in times), runs, agrees])
    return grid(["network", "size", "engine", *columns, "turns", agreement.title], lines, numbers=len(columns) + 2)


def device_table(rows: Sequence[DeviceRow]) -> str:
    """A line for each engine; `times ours` compares cycles a pixel, which all have, at our size where there is no equal
    one."""
    lines = []
    for r in rows:
        ours = [o for o in rows if o.engine == OURS and o.network == r.network and o.cycles]
        base = next((o for o in ours if o.size == r.size), ours[0] if ours else None)
        cycles = None if r.cycles is None else r.cycles / r.pixels
        misses, dram = (None if f is None else f / r.pixels for f in (r.l1d_misses, r.dram_bytes))
        milliseconds = None if r.microseconds is None else r.microseconds / 1e3
        times = None
        if cycles is not None and base is not None and base.cycles:
            times = cycles / (base.cycles / base.pixels)
        costs = [number(cycles, 1), number(misses, 1), number(dram, 0), number(milliseconds, 1)]
        lines.append([r.network, r.size, title(r.engine), *costs, number(times, 1), EQUAL_PIXELS.of(r)])
    columns = ["cycles a pixel", "L1 misses a pixel", "DRAM bytes a pixel", "ms", "times ours", EQUAL_PIXELS.title]
    return grid(["network", "size", "engine", *columns], lines, numbers=len(columns))


def thread_table(rows: Iterable[ThreadRow]) -> str:
    """A line for each number of threads."""
    lines = []
    for r in rows:
        shares = " ".join(f"{100 * part:.1f}" for part in r.shares)
        figures = [number(r.speedup, 2), shares, number(scaled(r.microseconds, 1e3), 1), number(r.arena_bytes / 1e6, 1)]
        lines.append([r.network, r.size, title(r.engine), str(r.threads), *figures])
    columns = ["threads", "kernels' speed-up", "shares, %", "ms", "arena, MB"]
    return grid(["network", "size", "engine", *columns], lines, numbers=len(columns))


def scaled(figure: float | None, unit: float) -> float | None:
    """A figure in another unit."""
    return None if figure is None else figure / unit


def number(value: float | None, digits: int) -> str:
    """With thousands set apart."""
    return NONE if value is None or math.isnan(value) else f"{value:,.{digits}f}".replace(",", " ")


def share(value: float | None) -> str:
    """Per cent; rounded down, so that 100 % is all of them."""
    return NONE if value is None else f"{int(value * 1e5) / 1e3:g} %"


def spoken(value: Spread, scale: float) -> str:
    """Mean and deviation; without the second where there is none."""
    mean = number(scale * value.mean, 1)
    return mean if math.isnan(value.deviation) else f"{mean} ± {number(scale * value.deviation, 1)}"


def grid(titles: Sequence[str], lines: Iterable[Sequence[str]], numbers: int) -> str:
    """A Markdown table whose last `numbers` columns are flush right."""
    rule = ["---"] * (len(titles) - numbers) + ["---:"] * numbers
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (titles, rule, *lines))


def rewrite(document: Path, text: str) -> None:
    """Put `text` between the document's markers, and begin one that is not there. Raises CompileError without them."""
    if not document.exists():
        document.write_text(f"{BEGIN}\n{END}\n", "utf-8")
    before, begin, rest = document.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise CompileError(f"{document}: lacks '{BEGIN}' and '{END}' around the figures; put them back")
    document.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", "utf-8")
