# SPDX-License-Identifier: Apache-2.0
"""Cases that are measured: a network at a size, and the frame that every engine is given."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from biisnet.compile.verification.scene import frame

if TYPE_CHECKING:
    from biisnet.compile.frontend import OnnxModel

F32 = npt.NDArray[np.float32]
Frame = npt.NDArray[Any]
"""Levels 0..255, [1, C, H, W]."""


@dataclass(frozen=True)
class Case:
    """A network at a size; `peers`: whether other engines run it too.

    `network` is a shipped one, or the name of what is in `file`, an ONNX file of this size, which leaves open what
    Sign(0) is.
    """

    network: str
    height: int
    width: int
    peers: bool = True
    file: str | None = None
    channels: int = 1
    dtype: str = "float32"
    sign_of_zero: int | None = None

    @classmethod
    def from_json(cls, text: str) -> Case:
        """The case that `to_json` wrote."""
        return cls(**json.loads(text))

    def to_json(self) -> str:
        """All of it on one line."""
        return json.dumps(asdict(self))

    @property
    def size(self) -> str:
        """As the command line writes it."""
        return f"{self.height}x{self.width}"

    @property
    def pixels(self) -> int:
        """Pixels of the frame."""
        return self.height * self.width

    @property
    def is_shipped(self) -> bool:
        """Whether the network comes with the package."""
        return self.file is None

    def model(self) -> OnnxModel:
        """The ONNX file as every engine is given it. Raises CompileError for a name that is not shipped."""
        from biisnet.compile.frontend import load_model
        from biisnet.tools.models import resolve_model  # imports TVM, which no peer's process shall have

        return load_model(Path(self.file), self.network) if self.file else resolve_model(self.network)

    def recognised(self) -> OnnxModel:
        """The same in com.biisnet operators, proved equal where it was of others. Raises CompileError."""
        from biisnet.compile.recognise import recognise

        return recognise(self.model(), (self.height, self.width), self.sign_of_zero).model

    def integers(self) -> OnnxModel:
        """The shipped integer network. Raises CompileError for a network that has none."""
        from biisnet.compile.errors import CompileError
        from biisnet.tools.models import shipped_in_integers

        model = shipped_in_integers(self.network) if self.is_shipped else None
        if model is None:
            raise CompileError(f"{self.network}: is not shipped in integers")
        return model

    def frame(self) -> Frame:
        """Levels 0..255, [1, C, H, W], of the network's dtype."""
        return frame(self.channels, self.height, self.width)[None].astype(self.dtype)


CASES = (Case("biisnet", 256, 256), Case("biisnet", 512, 512, peers=False), Case("biisnet-lite", 256, 256))
