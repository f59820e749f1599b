# SPDX-License-Identifier: Apache-2.0
"""Missed rewrites: why a rule that met its pattern did not fire. `--dump` shows them beside the pass's result."""

from __future__ import annotations


class Missed(str):
    """The reason, as a clause that follows a layer's name."""

    __slots__ = ()
