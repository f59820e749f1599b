# SPDX-License-Identifier: Apache-2.0
"""Cases that are measured: a network at a size, and the frame that every engine is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from biisnet.compile.verification.scene import scene

if TYPE_CHECKING:
    from biisnet.compile.frontend import OnnxModel

F32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Case:
    """A preset at a size; `peers`: whether other engines run it too."""

    network: str
    height: int
    width: int
    peers: bool = True

    @property
    def size(self) -> str:
        """As the command line writes it."""
        return f"{self.height}x{self.width}"

    @property
    def pixels(self) -> int:
        """Pixels of the frame."""
        return self.height * self.width

    def model(self) -> OnnxModel:
        """The shipped ONNX file. Raises CompileError for a network that is not shipped."""
        from biisnet.tools.models import resolve_model  # imports TVM, which no peer's process shall have

        return resolve_model(self.network)

    def integers(self) -> OnnxModel:
        """The shipped integer network. Raises CompileError for a network that has none."""
        from biisnet.compile.errors import CompileError
        from biisnet.tools.models import shipped_in_integers

        model = shipped_in_integers(self.network)
        if model is None:
            raise CompileError(f"{self.network}: is not shipped in integers")
        return model

    def frame(self) -> F32:
        """Grey levels 0..255, float32 [H, W]."""
        return scene(self.height, self.width).astype(np.float32)


CASES = (Case("biisnet", 256, 256), Case("biisnet", 512, 512, peers=False), Case("biisnet-lite", 256, 256))
