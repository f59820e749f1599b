# SPDX-License-Identifier: Apache-2.0
"""Tables of networks that are not shipped."""

from __future__ import annotations

from benchmarks.network_table import network_markdown
from benchmarks.quoted import QUOTED
from benchmarks.results import DeviceRow, HostRow, Results, ThreadRow

RESULTS = Results(
    {"cpu": "a CPU", "threads": 2},
    {"tvm": "1.0"},
    "cortex-a72",
    device=(
        DeviceRow(
            "quicknet", "224x224", "onnxruntime", 565_000_000, 37_540_000, 225_400_000, 680_800.0, None, None, 2e-7
        ),
        DeviceRow("quicknet", "224x224", "tvm", reason="no kernel"),
        DeviceRow("quicknet", "224x224", "biisnet", 33_100_000, 480_000, 7_100_000, 27_000.0, 6_000_000, None, 3.6e-7),
    ),
    threads=(ThreadRow("quicknet", "224x224", "biisnet", 2, (0.588, 0.412), 1.7, 16_700.0, 6_300_000),),
)


def test_whole_frames_ours_first() -> None:
    lines = [line for line in network_markdown(RESULTS).splitlines() if line.startswith("| quicknet | 224x224 |")]
    assert lines == [
        "| quicknet | 224x224 | biisnet, float32 | 33.1 | 0.48 | 7.1 | 27.0 | 6.0 | 1.0 | 3.6e-07 |",
        "| quicknet | 224x224 | ONNX Runtime | 565.0 | 37.54 | 225.4 | 680.8 | - | 17.1 | 2.0e-07 |",
        "| quicknet | 224x224 | TVM | - | - | - | - | - | - | - |",
        "| quicknet | 224x224 | biisnet, float32 | 2 | 1.70 | 58.8 41.2 | 16.7 | 6.3 |",
    ]
    assert "- TVM, quicknet 224x224: no kernel" in network_markdown(RESULTS)


def test_quoted_figures_stand_apart() -> None:
    """Fails where a figure that nobody measured here could be taken for one that was, or has no source."""
    measured, _, quoted = network_markdown(RESULTS).partition("Quoted, not measured here")
    assert "Larq" not in measured
    (line,) = [line for line in quoted.splitlines() if "45.0" in line]
    assert line.startswith("| quicknet (quoted) | Larq Compute Engine | Raspberry Pi 4 B, 1.5 GHz, 2022-04-20 | README")
    assert line.endswith("github.com/larq/compute-engine, Performance | 45.0 | 20.8 |")
    assert "quicknet-large" not in quoted  # which was not measured


def test_quoted_networks_are_ours() -> None:
    from examples.networks import NETWORKS

    assert {q.network for q in QUOTED} <= set(NETWORKS)


def test_host() -> None:
    """Fails where the host's table says nothing of the numbers."""
    host = (HostRow("net", "8x8", "biisnet", 1, 2.0, 1.5, 9, None, 1e-6),)
    assert "| net | 8x8 | biisnet, float32 | 2.0 | 9 | 1.0e-06 |" in network_markdown(Results(host=host))
