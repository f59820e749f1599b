# SPDX-License-Identifier: Apache-2.0
"""The arithmetic that a network is trained and validated in: floats, or the integers that the compiler makes of it.

In integers each epoch begins with a calibration of the averaged weights, whose steps and corrections hold for that
epoch. A network that is validated is calibrated too, and so is what a user gets who calibrates it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from torch import nn

from ..errors import InputError
from ..integer import IntegerNetwork, MapConstants, refuse_scheme
from ..network import BiisNet
from .recipe import Recipe

Calibrate = Callable[[BiisNet], list[MapConstants]]
"""The compiler's calibration of a network, on frames of the run's."""


class Arithmetic(ABC):
    """A module to train, whose parameters are a network's, and those to validate."""

    trained: nn.Module
    from_trained: bool
    """Whether a run begins with a network that is one already."""

    @abstractmethod
    def in_use(self, kept: BiisNet, epoch: int) -> nn.Module:
        """The module that computes what a user gets of the weights that are kept after `epoch` epochs."""

    @abstractmethod
    def begin_epoch(self, kept: BiisNet, done: int, epochs: int) -> nn.Module:
        """The same; what follows trains the next epoch."""


class Floats(Arithmetic):
    """The network itself."""

    from_trained = False

    def __init__(self, network: BiisNet) -> None:
        self.trained = self.network = network

    def in_use(self, kept: BiisNet, epoch: int) -> nn.Module:
        return kept

    def begin_epoch(self, kept: BiisNet, done: int, epochs: int) -> nn.Module:
        self.network.anneal(done / epochs)
        return kept


class Integers(Arithmetic):
    """Its integer network."""

    from_trained = True

    def __init__(self, network: BiisNet, recipe: Recipe, calibrate: Calibrate) -> None:
        """Raises InputError where a network or a recipe is none for it."""
        refuse_scheme(network.config)
        if recipe.real_weights:
            raise InputError(
                f"recipe: real_weights is {recipe.real_weights}; in integers weights are binarized all the time, leave "
                "it out"
            )
        self.calibrate = calibrate
        self.trained: IntegerNetwork = IntegerNetwork(network)
        self.known: tuple[int, IntegerNetwork] | None = None

    def in_use(self, kept: BiisNet, epoch: int) -> IntegerNetwork:
        """Calibrated. Raises InputError, and what calibration does."""
        if self.known is None or self.known[0] != epoch:
            found = IntegerNetwork(kept)
            found.anchor(self.calibrate(kept))
            self.known = epoch, found
        return self.known[1]

    def begin_epoch(self, kept: BiisNet, done: int, epochs: int) -> IntegerNetwork:
        self.trained.network.anneal(1.0)
        in_use = self.in_use(kept, done)
        self.trained.scales = in_use.scales
        return in_use
