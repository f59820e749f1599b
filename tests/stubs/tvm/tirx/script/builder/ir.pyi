# SPDX-License-Identifier: Apache-2.0
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from ....ir import Expr, Type
from ... import Var

def Bind(value: Expr, type_annotation: Type | None = None, *, var: Var | None = None) -> Var: ...  # noqa: N802
def buffer_store(buffer: Expr, value: Expr, indices: Sequence[Expr | int | slice]) -> None: ...
def alloc_buffer(
    shape: Sequence[Expr | int] | Expr | int, dtype: str = "float32", *, scope: str = "global", align: int = -1
) -> Expr: ...
def decl_buffer(
    shape: Sequence[Expr | int] | Expr | int, dtype: str = "float32", data: Var | None = None, **rest: Any
) -> Expr: ...
def serial(
    start: Expr | int,
    stop: Expr | int | None = None,
    *,
    annotations: dict[str, Any] | None = None,
    step: Expr | int | None = None,
    unroll: bool | int | None = None,
    dtype: str | None = None,
) -> AbstractContextManager[Var]: ...
def __getattr__(name: str) -> Any: ...
