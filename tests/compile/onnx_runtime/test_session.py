# SPDX-License-Identifier: Apache-2.0
"""Sessions of the reference."""

import onnxruntime
import pytest

from biisnet.compile.frontend import OnnxModel
from biisnet.compile.onnx_runtime import session


def test_no_telemetry(tiny: OnnxModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where a session is made before telemetry is off, or where a build without the switch is refused."""
    calls: list[str] = []
    make = onnxruntime.InferenceSession
    monkeypatch.setattr(onnxruntime, "disable_telemetry_events", lambda: calls.append("off"), raising=False)
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *a, **k: (calls.append("made"), make(*a, **k))[1])
    session(tiny.proto)
    assert calls == ["off", "made"]
    monkeypatch.delattr(onnxruntime, "disable_telemetry_events")
    session(tiny.proto)
    assert calls == ["off", "made", "made"]
