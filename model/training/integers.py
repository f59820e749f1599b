# SPDX-License-Identifier: Apache-2.0
"""Training in integers: the network that is trained is the one that calibration makes of it, epoch by epoch.

Each epoch begins with a calibration of the averaged weights, whose steps and corrections hold for that epoch. The
network that is validated is calibrated too, and so is what a user gets who calibrates it.
"""

from __future__ import annotations

from collections.abc import Callable

from ..errors import InputError
from ..integer import IntegerNetwork, MapConstants, refuse_scheme
from ..network import BiisNet
from .recipe import Recipe

Calibrate = Callable[[BiisNet], list[MapConstants]]
"""The compiler's calibration of a network, on frames of the run's."""


class Integers:
    """Integer networks of a run: the one that is trained, and those that are validated."""

    def __init__(self, network: BiisNet, recipe: Recipe, calibrate: Calibrate) -> None:
        """Raises InputError where a network or a recipe is none for it."""
        refuse_scheme(network.config)
        if recipe.real_weights:
            raise InputError(
                f"recipe: real_weights is {recipe.real_weights}; in integers weights are binarized all the time, leave "
                "it out"
            )
        self.trained, self.calibrate = IntegerNetwork(network), calibrate
        self.known: tuple[int, IntegerNetwork] | None = None

    def of(self, kept: BiisNet, epoch: int) -> IntegerNetwork:
        """The integer network of the weights that are kept after `epoch` epochs. Raises InputError, and what
        calibration does."""
        if self.known is None or self.known[0] != epoch:
            found = IntegerNetwork(kept)
            found.anchor(self.calibrate(kept))
            self.known = epoch, found
        return self.known[1]

    def begin_epoch(self, kept: BiisNet, epoch: int) -> IntegerNetwork:
        """The same; the next epoch trains by its scales."""
        in_use = self.of(kept, epoch)
        self.trained.scales = in_use.scales
        return in_use
