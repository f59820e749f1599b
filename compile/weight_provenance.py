# SPDX-License-Identifier: Apache-2.0
"""The origin of a network's weights, as far as its file says: `model.weights` of the manifest, and in words."""

from __future__ import annotations

RANDOM = "random"  # drawn from a seed, which the file gives
TRAINED = "trained"  # biisnet's exporter wrote the file, of a network that was not drawn from a seed
UNSTATED = "unstated"  # anybody else's file
WORDS = {RANDOM: "random weights, seed {seed}", TRAINED: "trained weights", UNSTATED: "the file's weights"}


def describe_weights(weights: str, seed: int | None = None) -> str:
    """For a person. Raises KeyError for what is none of `WORDS`."""
    return WORDS[weights].format(seed=seed)
