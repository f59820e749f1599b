# SPDX-License-Identifier: Apache-2.0
"""The table of cases: for each the right outcome, as far as to the plan of its kernels."""

from __future__ import annotations

import re

import pytest

from biisnet.compile.errors import CompileError
from biisnet.compile.pipeline import PLAN_STEPS, make_plan
from biisnet.compile.progress import Progress
from biisnet.compile.recognise import recognise
from biisnet.compile.schedules import schedules_for
from biisnet.ops import DOMAIN
from biisnet.targets import resolve

from .cases import CASES, Case
from .networks import Net

RPI4 = resolve("rpi4")


@pytest.mark.parametrize("case", CASES, ids=[c.name for c in CASES])
def test_case(case: Case) -> None:
    """Fails where a network's layers are not told rightly, or it is not compiled as far as there are kernels for it."""
    net = Net(case.shape, kind=case.kind)
    model = net.model(case.build(net), case.output_kind)
    found = recognise(model, None)  # proves what it makes
    nodes = found.model.proto.graph.node
    if case.binary is None:
        assert found.model is model
    else:
        assert (sum(row.is_binary for row in found.table), len(found.table)) == case.binary
    kernels = [n for n in nodes if (n.domain, n.op_type) == (DOMAIN, "BinaryConv2d")]
    assert len(kernels) == case.kernels
    assert not case.says or case.says in "\n".join(found.lines())
    assert "biisnet.recognise" not in {n.domain for n in nodes}

    def plan() -> None:
        make_plan(found.model, None, RPI4, Progress(PLAN_STEPS, lambda _: None), schedules_for(RPI4.core))

    if case.refused:
        with pytest.raises(CompileError, match=rf"^net\.onnx: .*{case.refused}") as refusal:
            plan()
        assert re.match(r"[^\n]+$", str(refusal.value))
    else:
        plan()


def test_every_kind_of_obstacle_is_there() -> None:
    """Fails where a part of the table is left out."""
    kinds = {c.name[0] for c in CASES}
    assert kinds == set("awqsib")
    assert len(CASES) >= 60
    assert sum(bool(c.refused) for c in CASES) <= 7
