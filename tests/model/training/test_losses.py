# SPDX-License-Identifier: Apache-2.0
"""Losses against their formulas in numpy."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from biisnet.model.training.losses import LOSSES, loss_of  # noqa: E402
from biisnet.model.training.recipe import LOSS_NAMES  # noqa: E402


def case() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.standard_normal((2, 1, 5, 6)), (rng.uniform(size=(2, 1, 5, 6)) > 0.7).astype(float)


def sls(p: np.ndarray, t: np.ndarray) -> float:
    """Of one crop."""
    both, apart = (p * t).sum(), ((p.sum() - t.sum()) / 2) ** 2
    weight = (min(p.sum(), t.sum()) + apart + 1) / (max(p.sum(), t.sum()) + apart + 1)
    centres = []
    for mask in (p, t):
        rows, columns = (np.arange(n) + 0.5 for n in mask.shape)
        y = (mask.sum(1) * rows).sum() / mask.sum() / len(rows)
        x = (mask.sum(0) * columns).sum() / mask.sum() / len(columns)
        centres.append((np.hypot(x, y), np.arctan2(y, x)))
    (r, a), (true_r, true_a) = centres
    location = 1 - min(r, true_r) / max(r, true_r) + 4 / np.pi**2 * (a - true_a) ** 2
    return float(1 - weight * (both + 1) / (p.sum() + t.sum() - both + 1) + location)


def test_formulas() -> None:
    logits, target = case()
    p = 1 / (1 + np.exp(-logits))
    both = (p * target).sum()
    wanted = {
        "softiou": 1 - (both + 1) / (p.sum() + target.sum() - both + 1),
        "dice": 1 - (2 * both + 1) / (p.sum() + target.sum() + 1),
        "bce": -(target * np.log(p) + (1 - target) * np.log(1 - p)).mean(),
        "focal": -(target * (1 - p) ** 2 * np.log(p) + (1 - target) * p**2 * np.log(1 - p)).sum() / (target.sum() + 1),
        "sls": np.mean([sls(a, b) for a, b in zip(p[:, 0], target[:, 0], strict=True)]),
    }
    assert set(wanted) == set(LOSS_NAMES) == set(LOSSES)
    arguments = torch.from_numpy(logits), torch.from_numpy(target)
    for name, value in wanted.items():
        assert float(loss_of(name)(*arguments)) == pytest.approx(value, rel=1e-5)
    assert float(loss_of("softiou+bce")(*arguments)) == pytest.approx(wanted["softiou"] + wanted["bce"], rel=1e-6)


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_better_logits_lose_less(name: str) -> None:
    target = torch.from_numpy(case()[1])
    right, wrong = (4 * (2 * target - 1) * sign for sign in (1, -1))
    assert float(loss_of(name)(right, target)) < 0.2 < float(loss_of(name)(wrong, target))


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_no_targets_at_all(name: str) -> None:
    logits = torch.full((1, 1, 4, 4), -3.0, requires_grad=True)
    loss_of(name)(logits, torch.zeros(1, 1, 4, 4)).backward()
    assert torch.isfinite(logits.grad).all()
    assert (logits.grad > 0).all()  # downwards is away from targets
