# SPDX-License-Identifier: Apache-2.0
"""The ablation's tables: ours beside the paper's, with spread."""

from benchmarks.ablation_results import Budget, Measured
from benchmarks.ablation_table import lines_of, markdown
from biisnet.model.metrics import Metrics
from biisnet.model.variants import TABLE_2, TABLE_3

BLOCK = Measured("stage4-block", 0, 21424, 0.4147e9, Metrics(0.5, 0.25, 0.75, 1e-5), [])


def test_a_row_has_both_figures() -> None:
    (row,) = lines_of(TABLE_3, Budget("", {}, None, (BLOCK,)))  # those that were not trained have none
    figures = ["1", "50.0", "25.0", "75.0", "10.0", "-", "-", "-", "21.42", "0.415"]
    assert row == ["block with DB Conv", "`stage4-block`", *figures, "67.02, 88.51", "72, 0.42"]


def test_spread_over_seeds_and_frames() -> None:
    def measured(network: str, seed: int, miou: float, overlaps: list[tuple[int, int]]) -> Measured:
        return Measured(network, seed, 1, 1, Metrics(miou, 0.5, 0.5, 0), overlaps)

    two = [measured("bnn", 0, 0.25, [(1, 4), (1, 4)]), measured("bnn", 1, 0.75, [(3, 4), (3, 4)])]
    ours = measured("biisnet-lite", 0, 0.6, [(1, 1), (0, 1)])  # in a quarter of the draws the first frame alone
    rows = {row[1]: row for row in lines_of(TABLE_2, Budget("", {}, None, (*two, ours)))}
    assert rows["`bnn`"][2:4] == ["2", "50.0 ± 35.4"]
    assert rows["`bnn`"][8] == "0.0, 0.0"  # both frames have the same
    below = [int(share) for share in rows["`bnn`"][9].split(", ")]
    assert all(45 <= share <= 55 for share in below)  # ours is 1, 0.5 (twice as often; half of a win) or 0
    assert rows["`biisnet-lite`"][9] == "-"
    assert all(33 <= float(width) <= 38 for width in rows["`biisnet-lite`"][8].split(", "))


def test_the_largest_budget_is_first() -> None:
    small, large = Budget("small", {"epochs": 30}, None, ()), Budget("large", {"epochs": 10}, {"epochs": 300}, ())
    text = markdown([small, large])
    assert text.startswith("large\n\n**Table 1**")
    assert text.index("large") < text.index("small")
