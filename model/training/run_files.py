# SPDX-License-Identifier: Apache-2.0
"""Files of a run's folder, by name. No torch here."""

from __future__ import annotations

LAST = "last.safetensors"
"""All that the rest of the run depends on, between two epochs."""
BEST = "best.safetensors"
"""The network that did best in validation."""
RECIPE_FILE = "recipe.json"
