# SPDX-License-Identifier: Apache-2.0
"""Distillation against its formula in numpy."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from biisnet.model import NetworkConfig  # noqa: E402
from biisnet.model.network import build  # noqa: E402
from biisnet.model.training.distillation import Teacher  # noqa: E402

TINY = NetworkConfig(channels=4, encoder_blocks=(1,), bottleneck_blocks=1, decoder_blocks=(1,))


def test_the_formula() -> None:
    teacher, images = Teacher(build(TINY)), torch.rand(2, 1, 8, 8) * 255
    theirs = teacher.network(images).double()
    assert float(teacher.loss(images, theirs)) == pytest.approx(0, abs=1e-5)
    ours = (theirs + torch.randn_like(theirs)).requires_grad_()
    p, q = (torch.sigmoid(t).detach().numpy() for t in (theirs, ours))
    kl = p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))
    loss = teacher.loss(images, ours)
    assert loss.item() == pytest.approx(kl.sum() / (p.sum() + 1), rel=1e-4)
    loss.backward()
    assert torch.equal(torch.sign(ours.grad), torch.sign(ours - theirs))  # downwards is towards the teacher
    assert all(parameter.grad is None for parameter in teacher.network.parameters())
