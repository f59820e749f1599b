# SPDX-License-Identifier: Apache-2.0
"""Why networks are refused, as data: every kind of obstacle has a code, and a page that `biisnet explain` prints.

BN0xx files, BN1xx inputs and outputs, BN2xx the network when it is recognised, BN3xx layers, BN4xx the network when it
is compiled, BN5xx integer networks.
"""

from . import files, images, integers, layers, recognition, whole
from .refusal import Refusal

__all__ = ["GROUPS", "REFUSALS", "Refusal"]

GROUPS: dict[str, tuple[Refusal, ...]] = {
    title: tuple(v for v in vars(module).values() if isinstance(v, Refusal))
    for title, module in (
        ("Files", files),
        ("Inputs and outputs", images),
        ("Recognising", recognition),
        ("Layers", layers),
        ("The whole network", whole),
        ("Integers", integers),
    )
}
"""Title -> its kinds, in the order of their codes."""
REFUSALS: dict[str, Refusal] = {refusal.code: refusal for group in GROUPS.values() for refusal in group}
"""Code -> kind."""
