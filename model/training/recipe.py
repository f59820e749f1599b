# SPDX-License-Identifier: Apache-2.0
"""How a network is trained, as data: everything but the network and the images. No torch here."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from ..fields import check_types, from_json, require

LOSS_NAMES = ("softiou", "dice", "bce", "focal", "sls")
WHAT = "recipe"
INT8 = "int8"
"""The precision of a run through the roundings of the integer network."""
SEEDS = 2**32
"""Seeds, from 0: as many as tell the scenes and the shuffles of two runs apart."""


def _require(holds: bool, field: str, value: Any, expected: str) -> None:
    require(holds, WHAT, field, value, expected)


@dataclass(frozen=True)
class Phase:
    """From `begin` (a share of the epochs) on, batches of `batch` crops of `crop` x `crop` pixels, of each process."""

    begin: float
    crop: int
    batch: int

    def __post_init__(self) -> None:
        check_types(self, f"{WHAT}: phases")
        _require(0 <= self.begin < 1, "phases: begin", self.begin, "from 0 to below 1")
        _require(self.crop >= 1, "phases: crop", self.crop, "at least 1")
        _require(self.batch >= 1, "phases: batch", self.batch, "at least 1")


@dataclass(frozen=True)
class Recipe:
    """The paper's section 4.2 (400 epochs, AdamW, cosine annealing, SoftIoU), and what it leaves open.

    Raises InputError, naming the field, for values that mean nothing.
    """

    epochs: int = 400
    phases: tuple[Phase, ...] = (Phase(0, 96, 4), Phase(0.6, 128, 8), Phase(0.8, 192, 8))
    """The network underfits, so steps count: small batches of small crops are fast. In the end it sees more of a frame
    at once, as it will in use, and more frames a batch: mIoU is over all of them."""
    loss: str = "softiou+bce"
    """Of LOSS_NAMES, added up. SoftIoU alone has no gradient where nothing is found, so its start is a lottery."""
    distill: float = 1.0
    """Times the loss against a teacher, where a run has one."""
    learning_rate: float = 3e-3
    """AdamW's, after warm-up."""
    k_rate: float = 1.0
    """Times the learning rate: for the k of DySoftSign alone."""
    warmup_epochs: float = 5
    real_weights: float = 0.0
    """Share of the epochs, the first, in which the weights of binary convolutions are not binarized yet, activations
    are (two-step training: Martinez et al. 2020). What is validated and kept is binarized all the time."""
    weight_decay: float = 1e-2
    """Of convolution weights alone."""
    clip: float = 1.0
    """Largest norm of the gradient."""
    average: float = 0.998
    """Of the moving average of the weights (EMA) a step, which is what is validated and kept; 0 for none."""
    near_target: float = 0.4
    """Share of the crops that are around a target."""
    paste: float = 0.0
    """Share of the crops that come of a frame to which targets of other frames were added."""
    scenes: float = 0.0
    """Share of the crops that come of a made-up scene instead, another one each time."""
    hard: float = 0.0
    """Share of the crops that are around a false alarm, in whatever frame, once there are any (hard negatives)."""
    hard_every: int = 20
    """Epochs between two looks for them in all frames; a look takes about as long as two epochs."""
    scale: tuple[float, float] = (0.78, 1.28)
    """Smallest and largest size of a crop's pixels, the frame's being 1."""
    contrast: float = 0.2
    brightness: float = 12.0
    """Of a crop, at most, in grey levels, as `contrast` is: (grey - mean) * (1 +- contrast) + mean +- brightness."""
    validate_every: int = 5
    """Epochs."""
    size: tuple[int, int] = (256, 256)
    """Height and width that images are resized to, as the field does with SIRST."""
    seed: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.phases, list):
            phases = [from_json(Phase, json.dumps(p), f"{WHAT}: phases") for p in self.phases]
            object.__setattr__(self, "phases", tuple(phases))
        check_types(self, WHAT)
        _require(self.epochs >= 1, "epochs", self.epochs, "at least 1")
        begins = [p.begin for p in self.phases]
        _require(begins[:1] == [0], "phases", begins, "a list of which the first begins at 0")
        _require(begins == sorted(set(begins)), "phases", begins, "each begun later than the one before")
        _require(
            set(self.loss.split("+")) <= set(LOSS_NAMES), "loss", self.loss, f"of {', '.join(LOSS_NAMES)}, joined by +"
        )
        for field in ("learning_rate", "clip"):
            _require(getattr(self, field) > 0, field, getattr(self, field), "above 0")
        for field in ("distill", "k_rate", "warmup_epochs", "weight_decay", "brightness", "seed"):
            _require(getattr(self, field) >= 0, field, getattr(self, field), "not negative")
        _require(self.seed < SEEDS, "seed", self.seed, f"below {SEEDS}")
        for field in ("near_target", "paste", "scenes", "hard", "real_weights"):
            _require(0 <= getattr(self, field) <= 1, field, getattr(self, field), "from 0 to 1")
        _require(0 <= self.contrast < 1, "contrast", self.contrast, "from 0 to below 1")
        _require(min(self.size) >= 1, "size", self.size, "at least 1")
        _require(0 <= self.average < 1, "average", self.average, "from 0 to below 1")
        for field in ("validate_every", "hard_every"):
            _require(getattr(self, field) >= 1, field, getattr(self, field), "at least 1")
        _require(0 < self.scale[0] <= self.scale[1], "scale", self.scale, "above 0, in order")

    def phase(self, epoch: int) -> Phase:
        """The phase that an epoch, from 0, belongs to."""
        return [p for p in self.phases if epoch / self.epochs >= p.begin][-1]

    def to_json(self) -> str:
        """One line of JSON with every field, sorted."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str, base: Recipe | None = None) -> Recipe:
        """Undo `to_json`; absent fields are those of `base`, by default the defaults. Raises InputError."""
        return from_json(cls, text, WHAT, base)


FINE_TUNING = Recipe(
    epochs=10, phases=(Phase(0, 192, 4),), learning_rate=2e-4, warmup_epochs=1, average=0.99, validate_every=1
)
"""Of a network that is trained already, in integers: short, at a low rate, of crops as large as in the end."""
