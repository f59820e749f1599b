# SPDX-License-Identifier: Apache-2.0
"""Pages that figures are written to, as data: the shipped networks' and the others'."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .case import Case
from .network_table import network_markdown
from .results import Results
from .table import markdown


@dataclass(frozen=True)
class Page:
    """A document, its figures and its picture, all in one folder."""

    name: str
    markdown: Callable[[Results], str]
    has_picture: bool = False

    @property
    def document(self) -> str:
        """The file of the document."""
        return f"{self.name}.md"

    @property
    def figures(self) -> str:
        """The file of the figures."""
        return f"{self.name}.json"

    @property
    def picture(self) -> str | None:
        """The file of the picture, where there is one."""
        return f"{self.name}.png" if self.has_picture else None


SHIPPED = Page("performance", markdown, has_picture=True)
OTHERS = Page("performance-zoo", network_markdown)
PAGES = (SHIPPED, OTHERS)


def page_of(case: Case) -> Page:
    """The page that a case belongs to."""
    return SHIPPED if case.is_shipped else OTHERS
