# SPDX-License-Identifier: Apache-2.0
"""Sums of terms: the value of a layer as long as it is not stored."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from .terms import Hinge, Slope, Term


@dataclass(frozen=True, eq=False)
class Sum:
    """`factor` times the sum of terms and an offset, float64 [C]."""

    terms: tuple[Term, ...]
    offset: torch.Tensor
    factor: float = 1.0
    """Of an average: where all readers are two-slopes it goes into theirs, and is not in the stored map."""

    @classmethod
    def of(cls, term: Term, channels: int) -> Sum:
        """One term."""
        return cls((term,), torch.zeros(channels, dtype=torch.float64))

    @property
    def view(self) -> Slope | None:
        """The slopes of a stored map, where it is nothing else."""
        term = self.terms[0]
        alone = len(self.terms) == 1 and type(term) is Slope and self.factor == 1 and not self.offset.any()
        return term if alone and isinstance(term, Slope) else None

    @property
    def line(self) -> Hinge | None:
        """The line of a binary convolution, where it is one and an offset."""
        term = self.terms[0]
        return term if len(self.terms) == 1 and isinstance(term, Hinge) else None

    def resolved(self) -> Sum:
        """The same with a factor of 1."""
        if self.factor == 1:
            return self
        plain = replace(self, factor=1.0)
        return plain.scaled(torch.full_like(self.offset, self.factor), torch.zeros_like(self.offset))

    def scaled(self, scale: torch.Tensor, shift: torch.Tensor) -> Sum:
        """scale * it + shift."""
        own = self.resolved()
        return Sum(tuple(term.scaled(scale) for term in own.terms), own.offset * scale + shift)

    def plus(self, other: Sum) -> Sum:
        """The sum of both; slopes of the same map become one."""
        own, other = self.resolved(), other.resolved()
        terms = list(own.terms)
        for term in other.terms:
            for i, known in enumerate(terms):
                if type(term) is Slope and type(known) is Slope and term.view is known.view:
                    terms[i] = Slope(term.view, known.negative + term.negative, known.positive + term.positive)
                    break
            else:
                terms.append(term)
        return Sum(tuple(terms), own.offset + other.offset)
