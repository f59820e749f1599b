# SPDX-License-Identifier: Apache-2.0
"""docs/obstacles.md is what the code says, and what other documents link to is there."""

from __future__ import annotations

import re

from biisnet.compile.refusals import REFUSALS
from biisnet.tools.explain import document

from .snippets import ROOT, documents


def test_the_page_is_the_table() -> None:
    """Fails where a kind was changed and the page was not written anew: python -m biisnet.tools.explain."""
    assert (ROOT / "docs" / "obstacles.md").read_text("utf-8") == document()


def test_codes_in_documents() -> None:
    """Fails where a document speaks of a code that there is not, or links to none."""
    for path in documents():
        text = path.read_text("utf-8")
        assert set(re.findall(r"\bBN\d{3}\b", text)) <= set(REFUSALS), path.name
        for code in re.findall(r"#(bn\d{3})", text):
            assert code.upper() in REFUSALS, path.name
