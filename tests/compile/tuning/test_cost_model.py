# SPDX-License-Identifier: Apache-2.0
"""The cost model: effects of decisions add up, and nothing measured says nothing."""

import itertools

import numpy as np

from biisnet.compile.ir.schedule import Schedule
from biisnet.compile.tuning.cost_model import predict_scores


def seconds(schedule: Schedule) -> float:
    """A time whose logarithm is a sum of effects."""
    effects = {1: 0.3, 2: 0.0, 4: 0.2, 8: 0.5}
    return float(np.exp(effects[schedule.channels] + 0.1 * schedule.counted - 0.05 * schedule.unrolled))


def test_what_was_not_measured_is_ranked() -> None:
    space = [Schedule(*values) for values in itertools.product((1, 2, 4, 8), (2, 4, 8), (1, 2, 4))]
    order = np.random.default_rng(0).permutation(len(space))
    measured = [(space[n], seconds(space[n])) for n in order[:18]]
    rest = [space[n] for n in order[18:]]
    scores = predict_scores(measured, rest)
    times = np.array([seconds(s) for s in rest])
    assert np.corrcoef(scores, -np.log(times))[0, 1] > 0.98
    assert seconds(rest[int(np.argmax(scores))]) == times.min()


def test_nothing_is_known() -> None:
    assert predict_scores([], [Schedule(1), Schedule(2)]).tolist() == [0, 0]
    # of a value that was never tried nothing is expected
    (score,) = predict_scores([(Schedule(1), 1.0), (Schedule(2), 1.0)], [Schedule(4)])
    assert abs(score) < 1e-12
