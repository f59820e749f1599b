# SPDX-License-Identifier: Apache-2.0
"""The paper's variants as data: what Tables 1 to 3 compare, in one U, and the paper's figures of each. No torch here.

Tables 1 and 2 are in the U of three stages with one block a level, which is `biisnet-lite`: Table 1 varies what its
convolutions multiply, Table 2 takes the blocks of other binarized networks (two binary convolutions, no
ReDistribution, binary 1x1 convolutions for sampling) as far as they differ in binarizer, estimator and activation.
Table 3 begins with four stages of such blocks and ends at `biisnet-lite`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from .config import PRESETS, SHIPPED, NetworkConfig


@dataclass(frozen=True)
class Figures:
    """Figures of the paper: mIoU and Pd in percent, Params in thousands, OPs in 1e9 (512x512, three channels)."""

    miou: float
    pd: float
    params: float
    ops: float


@dataclass(frozen=True)
class PaperRow:
    """A row of one of the paper's tables, and the network that it is here."""

    title: str
    network: str  # a key of NETWORKS
    paper: Figures | None


U = PRESETS["biisnet-lite"]
PLAIN: dict[str, Any] = {
    "weight_mean": False,
    "redistribution": False,
    "block_layer": "binary",
    "sampling_layer": "binary",
}
"""Options of the networks of Table 2: none of BiisNet's own parts."""

STAGE4 = NetworkConfig(
    encoder_blocks=(1, 1, 1),
    decoder_blocks=(1, 1, 1),
    estimator="clip",
    redistribution=False,
    block_layer="binary",
    sampling_layer="binary",
)

VARIANTS: dict[str, NetworkConfig] = {
    "sibnn": replace(U, scheme="sibnn"),
    "siman": replace(U, scheme="siman"),
    "adabin": replace(U, scheme="adabin"),
    "db-conv": replace(U, scheme="db-conv"),
    "bnn": replace(U, **PLAIN, weight_scale="none", estimator="clip", activation="hardtanh"),
    "biconnect": replace(U, **PLAIN, scheme="biconnect", weight_scale="none", estimator="clip", activation="relu"),
    "bi-real": replace(U, **PLAIN, weight_scale="magnitude", estimator="quad", activation="none"),
    "reactnet": replace(U, **PLAIN, weight_scale="magnitude", estimator="quad", sign_threshold=True),
    "irnet": replace(U, **PLAIN | {"weight_mean": True}, weight_scale="power", estimator="ede", activation="hardtanh"),
    "bbcu": replace(U, **PLAIN, weight_scale="magnitude", estimator="tanh"),
    "stage4-baseline": STAGE4,
    "stage4-dysoftsign": replace(STAGE4, estimator="dysoftsign"),
    "stage4-redistribution": replace(STAGE4, estimator="dysoftsign", redistribution=True),
    "stage4-block": replace(STAGE4, estimator="dysoftsign", redistribution=True, block_layer="dot"),
    "stage4-sampling": NetworkConfig(encoder_blocks=(1, 1, 1), decoder_blocks=(1, 1, 1)),
}

NETWORKS = SHIPPED | VARIANTS
"""Every network that has a name."""

TABLE_1 = (
    PaperRow("BNN {-1, +1} x {-1, +1}", "biisnet-lite", None),
    PaperRow("SiBNN {0, 1} x {-1, +1}", "sibnn", None),
    PaperRow("SiMaN {-1, +1} x {0, 1}", "siman", None),
    PaperRow("AdaBin {a1, a2} x {w1, w2}", "adabin", None),
    PaperRow("DB Conv a x {w1, w2}", "db-conv", None),
)
"""Binarization schemes, values of activation x weight; the paper gives no figures of them."""

TABLE_2 = (
    PaperRow("BNN", "bnn", Figures(21.81, 78.63, 31, 0.91)),
    PaperRow("BiConnect", "biconnect", Figures(30.89, 61.45, 19, 0.30)),
    PaperRow("Bi-Real Net", "bi-real", Figures(34.73, 62.98, 19, 0.70)),
    PaperRow("ReActNet", "reactnet", Figures(24.80, 56.11, 20, 0.70)),
    PaperRow("IRNet", "irnet", Figures(53.04, 80.92, 24, 0.87)),
    PaperRow("BBCU", "bbcu", Figures(53.94, 78.62, 18, 0.30)),
    PaperRow("BiisNet", "biisnet-lite", Figures(66.73, 92.40, 10, 0.35)),
)
"""Binary networks on SIRST."""

TABLE_3 = (
    PaperRow("4 stages, baseline", "stage4-baseline", Figures(56.93, 86.86, 74, 0.57)),
    PaperRow("+ DySoftSign", "stage4-dysoftsign", Figures(61.11, 84.12, 74, 0.57)),
    PaperRow("+ ReDistribution", "stage4-redistribution", Figures(62.74, 86.48, 84, 0.57)),
    PaperRow("block with DB Conv", "stage4-block", Figures(67.02, 88.51, 72, 0.42)),
    PaperRow("DownSample, UpSample, Fusion with DB Conv", "stage4-sampling", Figures(67.68, 88.85, 66, 0.38)),
    PaperRow("3 stages", "biisnet-lite", Figures(68.45, 88.85, 10, 0.35)),
)
"""The ablation, in the paper on IRSTD-1K."""

TABLES = {"1": TABLE_1, "2": TABLE_2, "3": TABLE_3}


def differences(config: NetworkConfig) -> dict[str, Any]:
    """The fields in which a configuration is not the default network's."""
    default = asdict(NetworkConfig())
    return {field: value for field, value in asdict(config).items() if value != default[field]}
