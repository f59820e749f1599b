# SPDX-License-Identifier: Apache-2.0
from typing import Any

from . import ir as ir
from . import relax as relax
from . import tirx as tirx

def __getattr__(name: str) -> Any: ...
