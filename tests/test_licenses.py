# SPDX-License-Identifier: Apache-2.0
"""Every source file says its licence, and the notices of others are theirs, word for word."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from pathlib import Path

import pytest

from biisnet.compile.emit.notices import LINKED, WEIGHTS

ROOT = Path(__file__).parents[1]
LICENSES = ROOT / "LICENSES"
TAG = "SPDX-License-Identifier: Apache-2.0"
OPENERS = {".py": "# ", ".sh": "# ", ".c": "/* ", ".h": "/* ", ".cpp": "/* ", ".txt": "# "}
"""How a comment begins in a source file; .txt is CMakeLists.txt."""
SCRIPTS = ("tests/run", "tests/smoke", "tests/types", ".ci/run", ".pre-commit-config.yaml")
COPIES = {
    "zig.txt": ("LICENSE",),
    "musl.txt": ("lib/libc/musl/COPYRIGHT",),
    "llvm.txt": ("lib/libunwind/LICENSE.TXT",),
    "glibc.txt": ("lib/libc/glibc/csu/elf-init-2.33.c", "lib/libc/glibc/LICENSES"),
}
"""Each notice of zig's, and the files of the package ziglang that it has in it."""


def sources() -> list[Path]:
    """Every source file of the repository."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("no clone")
    paths = [ROOT / name for name in listed.stdout.splitlines()]
    return [
        path
        for path in paths
        if path.is_file()
        and (path.suffix in OPENERS.keys() - {".txt"} or path.name == "CMakeLists.txt")
        and "corpora" not in path.parts
    ] + [ROOT / name for name in SCRIPTS]


def says_its_licence(path: Path) -> bool:
    """Whether the tag is the first line, or the second after `#!`."""
    lines = path.read_text("utf-8").splitlines()
    if lines and lines[0].startswith("#!"):
        lines = lines[1:]
    return bool(lines) and lines[0].startswith(OPENERS.get(path.suffix, "# ") + TAG)


def test_every_source_file_says_its_licence() -> None:
    found = sources()
    assert len(found) > 200
    assert [str(path.relative_to(ROOT)) for path in found if not says_its_licence(path)] == []


def test_a_file_without_its_licence_is_found(tmp_path: Path) -> None:
    """Fails where the check above could not fail."""
    (tmp_path / "a.py").write_text(f'"""A module."""\n# {TAG}\n')
    (tmp_path / "b.c").write_text(f"/* {TAG} */\n")
    assert [says_its_licence(tmp_path / name) for name in ("a.py", "b.c")] == [False, True]


def words(text: str) -> str:
    """The words of a text, whatever stands around them on a line."""
    return " ".join(re.sub(r"^\s*(/\*|\*/|\*)?", "", text, flags=re.M).replace("*/", "").split())


@pytest.mark.parametrize("notice", COPIES)
def test_notices_are_those_of_the_tool_chain(notice: str) -> None:
    """Fails where a newer zig brings other notices: copy them anew, see LICENSES/README.md."""
    spec = importlib.util.find_spec("ziglang")
    if spec is None or spec.origin is None:
        pytest.skip("ziglang is not installed")
    text = words((LICENSES / notice).read_text("utf-8"))
    for name in COPIES[notice]:
        original = (Path(spec.origin).parent / name).read_text("utf-8")
        head = original.split("*/")[0] if name.endswith(".c") else original
        assert len(words(head)) > 500
        assert words(head) in text, name


def test_our_own_licence_is_the_repositorys() -> None:
    assert (LICENSES / "Apache-2.0.txt").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_every_notice_is_listed_with_its_licence() -> None:
    """LICENSES/README.md, the files beside it and the compiler's list are one."""
    table = dict(re.findall(r"^\| `([\w.-]+)` \| .+? \| (.+?) \|", (LICENSES / "README.md").read_text("utf-8"), re.M))
    assert table == {c.notice: c.license for c in (*LINKED, WEIGHTS)}
    assert {p.name for p in LICENSES.iterdir()} == {*table, "README.md"}


def test_the_weights_statement_names_every_shipped_file() -> None:
    text = (LICENSES / "weights.md").read_text("utf-8")
    shipped = sorted((ROOT / "model" / "data").glob("*.safetensors"))
    assert len(shipped) >= 2
    assert all(f"`{path.name}`" in text for path in shipped)
    assert "SIRST" in text
