# SPDX-License-Identifier: Apache-2.0
"""BN4xx: networks each of whose layers is supported, and which cannot be compiled all the same."""

from __future__ import annotations

from .refusal import Refusal

CHAIN = Refusal(
    code="BN401",
    title="hundreds of element-wise layers after each other",
    means="Layers that compute each pixel alone become one expression; hundreds of them are deeper than the compiler "
    "goes.",
    supported="Chains of some hundred element-wise layers between convolutions or poolings.",
    ways=("Join them: a chain of Adds is one sum, of Muls one product.",),
    example="net.onnx: hundreds of element-wise layers follow each other; join them (a chain of Adds is one sum)",
)
CONSTANTS = Refusal(
    code="BN402",
    title="constants that become infinite",
    means="Scales and shifts that follow each other become one multiply-add; of this layer their product is beyond "
    "float32, about 3.4e38.",
    supported="Products of constants that are finite in float32.",
    ways=(
        "Look for a variance near 0 in a BatchNormalization, or a scale that has run away, and train on from before.",
    ),
    example="layer 'y': its constants are too large to be folded; train with smaller ones",
)
STAGES = Refusal(
    code="BN403",
    title="too many stages",
    means="Everything between two stored maps is a stage, and a bundle's plan has room for so many.",
    supported="65535 stages.",
    ways=("Cut the network in two files, and run them one after the other.",),
    example="the network has 65536 stages, more than 65535; compile it in parts",
)
BANDS = Refusal(
    code="BN404",
    title="too many bands of rows",
    means="A stage's rows are computed in bands, and a bundle's plan has room for so many of one stage.",
    supported="65535 bands of a stage.",
    ways=("Compile for a smaller size, and run large frames in tiles: `biisnet run --tile`.",),
    example="y: 65536 bands of rows are more than 65535; compile for a smaller size",
)
NO_KERNEL = Refusal(
    code="BN405",
    title="an operator that is left without a kernel",
    means="The layer was taken, and what was made of it has no kernel: a fault of biisnet's, not of the file.",
    supported="Any layer that the importer takes: this must not happen.",
    ways=("Please report the file.",),
    example="layer 'y': no kernel for relax.sigmoid",
)
SUM_STORED = Refusal(
    code="BN406",
    title="an integer sum that is stored",
    means="In an integer network sums have 32 bits within a layer alone; what is stored has 8 or 16.",
    supported="Sums that a `com.biisnet::Requantize` follows.",
    ways=("Put a Requantize behind it; `biisnet export --precision int8` writes them.",),
    example="layer 'y': an integer sum that is not requantised (com.biisnet::Requantize) cannot be stored",
)
