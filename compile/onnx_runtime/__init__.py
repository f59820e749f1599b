# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime, which networks are compared with: sessions, whole and cut."""

from .cut import Cut as Cut
from .session import session as session
