# SPDX-License-Identifier: Apache-2.0
"""The tables, and that nothing but them is rewritten."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.pages import PAGES, Page
from benchmarks.results import DeviceRow, HostRow, Results, ThreadRow, read, write
from benchmarks.table import BEGIN, END, markdown, rewrite, share
from biisnet.compile.errors import CompileError

RESULTS = Results(
    {"cpu": "a CPU", "arch": "x86_64", "threads": 2},
    {"tvm": "1.0"},
    "cortex-a72",
    (
        HostRow("net", "8x8", "biisnet", 1, 2.0, 1.5, 9, 1.0),
        HostRow("net", "8x8", "biisnet", 2, 1.25, 1.0, 9, 1.0),
        HostRow("net", "8x8", "tvm", 1, reason="no compiler"),
        HostRow("net", "8x8", "tvm", 2, reason="no compiler"),
    ),
    (
        DeviceRow("net", "8x8", "biisnet", 64_000, 3_200, 640, 63.96),
        DeviceRow("net", "4x4", "onnxruntime", 160_000, equal_pixels=0.99999),
    ),
    (ThreadRow("net", "8x8", "biisnet", 2, (0.5, 0.5), 2.0, 32.0, 4096),),
)


def test_tables() -> None:
    text = markdown(RESULTS)
    assert "| net | 8x8 | biisnet, float32 | 2.0 | 1.2 | 9/9 | 100 % |" in text
    assert "| net | 8x8 | biisnet, float32 | 1 000.0 | 50.0 | 10 | 0.1 | 1.0 | - |" in text
    assert "| net | 8x8 | biisnet, float32 | 2 | 2.00 | 50.0 50.0 | 0.0 | 0.0 |" in text
    assert "| net | 4x4 | ONNX Runtime | 10 000.0 | - | - | - | 10.0 | 99.999 % |" in text


def test_who_cannot_run_is_not_hidden() -> None:
    text = markdown(RESULTS)
    assert "| net | 8x8 | TVM | - | - | 0/0 | - |" in text
    assert text.count("- TVM, net 8x8: no compiler") == 1


def test_share_is_only_whole_where_all_are_equal() -> None:
    assert (share(1.0), share(0.9999999), share(None)) == ("100 %", "99.999 %", "-")


def test_only_what_is_between_the_markers_changes(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text(f"# By hand\n\n{BEGIN}\nold\n{END}\n\nby hand too\n")
    rewrite(document, "new")
    rewrite(document, "newer")
    assert document.read_text() == f"# By hand\n\n{BEGIN}\nnewer\n{END}\n\nby hand too\n"


def test_a_document_without_markers_is_left_alone(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text("# By hand\n")
    with pytest.raises(CompileError, match="put them back"):
        rewrite(document, "new")
    assert document.read_text() == "# By hand\n"


def test_figures_survive_their_file(tmp_path: Path) -> None:
    write(RESULTS, tmp_path / "performance.json")
    assert read(tmp_path / "performance.json") == RESULTS


@pytest.mark.parametrize("text", ["", "[]", '{"schema": 9}', '{"schema": 1}'])
def test_a_file_of_another_kind_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "performance.json").write_text(text)
    with pytest.raises(CompileError, match="python -m benchmarks"):
        read(tmp_path / "performance.json")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_the_documents_figures_are_those_of_the_file(page: Page) -> None:
    docs = Path(__file__).parents[2] / "docs"
    between = (docs / page.document).read_text("utf-8").partition(BEGIN)[2].partition(END)[0]
    assert between.strip() == page.markdown(read(docs / page.figures)).strip()
