# SPDX-License-Identifier: Apache-2.0
"""Pictures are the same bytes each time, and carry nobody's name."""

from __future__ import annotations

import io

import pytest
from PIL import Image

pytest.importorskip("matplotlib")


def test_figure_png() -> None:
    from matplotlib.figure import Figure

    from biisnet.model.figures import figure_png

    def drawn() -> bytes:
        figure = Figure(figsize=(2, 1))
        figure.subplots().plot([0, 1])
        return figure_png(figure)

    assert drawn() == drawn()
    with Image.open(io.BytesIO(drawn())) as picture:
        assert picture.size == (200, 100)
        assert "Software" not in picture.info
