# SPDX-License-Identifier: Apache-2.0
"""An error is one printable line, whatever a file calls its layers."""

from biisnet.compile.errors import CompileError


def test_names_are_text() -> None:
    """Fails where a layer's name moves the terminal's cursor."""
    said = str(CompileError("net.onnx: layer 'a\nb\x1b[2Jc\x07' (é) \udcff"))
    assert said == "net.onnx: layer 'a b\\x1b[2Jc\\x07' (é) \\udcff"
    assert said.isprintable()
