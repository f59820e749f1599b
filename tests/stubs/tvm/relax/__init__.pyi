# SPDX-License-Identifier: Apache-2.0
from collections.abc import Sequence
from typing import Any

from ..ir import Expr, Type
from ..ir import Var as Var

class TensorType(Type):
    shape: Any
    dtype: Any
    def __init__(self, shape: Sequence[Expr | int] | Expr | None = None, dtype: Any = "float32") -> None: ...

class Call(Expr):
    op: Expr
    args: Sequence[Expr]
    attrs: Any
    def __init__(self, op: Expr, args: Sequence[Expr], attrs: Any = None, *rest: Any, **more: Any) -> None: ...

class BlockBuilder:
    def emit(self, expr: Expr, name_hint: str = "") -> Var: ...
    def emit_output(self, output: Expr, name_hint: str = "") -> Var: ...
    def __getattr__(self, name: str) -> Any: ...

def const(value: Any, dtype: str | None = None) -> Expr: ...
def __getattr__(name: str) -> Any: ...
