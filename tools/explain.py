# SPDX-License-Identifier: Apache-2.0
"""Kinds of refusals -> pages: for the terminal, and as docs/obstacles.md (`python -m biisnet.tools.explain`)."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from ..compile.errors import CompileError
from ..compile.refusals import GROUPS, REFUSALS, Refusal, layers

WIDTH = 100
"""Columns of a page on the terminal."""
DOCUMENT = re.compile(r"docs/([\w-]+\.md)")
EXAMPLES = "; ".join(f"{r.example.removeprefix('net.onnx: ')} [{r.code}]" for r in (layers.OPERATOR, layers.RESIZE))
HEAD = f"""# Obstacles

A network that cannot be compiled is refused in one line, which names the file, the layer and its operator, and what \
is supported; of several layers all are named at once. Where the obstacle has a page here, the line ends in its code:

```text
error: net.onnx: 2 layers cannot be compiled: {EXAMPLES}
```

`biisnet explain` lists the codes, `biisnet explain CODE` prints a page; both need neither network nor compiler:

```sh
biisnet explain
biisnet explain BN328
```

A code keeps its meaning; messages may get better words. What is no matter of the network (options, boards, bundles) \
is in [troubleshooting](troubleshooting.md).
"""


def find_refusal(code: str) -> Refusal:
    """The kind of a code, as a line has it or only its digits. Raises CompileError where there is none."""
    written = code.strip().strip("[]").upper()
    found = REFUSALS.get(written if written.startswith("BN") else f"BN{written}")
    if found is None:
        raise CompileError(f"explain {code}: no such code; biisnet explain lists them")
    return found


def page(refusal: Refusal) -> Iterator[str]:
    """A kind's page for a terminal, line by line."""
    yield f"{refusal.code}  {refusal.title}"
    for title, texts in (
        ("What it means", (refusal.means,)),
        ("What is supported", (refusal.supported,)),
        ("Ways out", tuple(f"- {way}" for way in refusal.ways)),
    ):
        yield from ("", title)
        for text in texts:
            indent = "    " if text.startswith("- ") else "  "
            yield from textwrap.wrap(
                text,
                WIDTH,
                initial_indent="  ",
                subsequent_indent=indent,
                break_long_words=False,
                break_on_hyphens=False,
            )
    yield from ("", "Example", f"  error: {refusal.example} [{refusal.code}]")


def list_of_all() -> Iterator[str]:
    """The codes and their titles, by groups."""
    for title, refusals in GROUPS.items():
        yield title
        for refusal in refusals:
            yield f"  {refusal.code}  {refusal.title}"


def document() -> str:
    """The text of docs/obstacles.md."""
    rows = "\n".join(f"| [{r.code}](#{r.code.lower()}) | {r.title} |" for r in REFUSALS.values())
    parts = [HEAD, f"| code | obstacle |\n|---|---|\n{rows}\n"]
    for title, refusals in GROUPS.items():
        parts += [f"## {title}\n", *map(section, refusals)]
    return "\n".join(parts)


def section(refusal: Refusal) -> str:
    """A kind's section of the document."""

    def linked(text: str) -> str:
        return DOCUMENT.sub(r"[\1](\1)", text)

    ways = "\n".join(f"- {linked(way)}" for way in refusal.ways)
    return (
        f"### {refusal.code}\n\n**{refusal.title[:1].upper()}{refusal.title[1:]}.** {linked(refusal.means)}\n\n"
        f"*Supported:* {linked(refusal.supported)}\n\n*Ways out:*\n\n{ways}\n\n"
        f"```text\nerror: {refusal.example} [{refusal.code}]\n```\n"
    )


if __name__ == "__main__":
    print(document(), end="")
