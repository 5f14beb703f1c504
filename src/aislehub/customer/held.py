"""Rows that several questions are asked of, computed once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import ibis.expr.types as ir

__all__ = ["held"]


@contextmanager
def held(expression: ir.Table) -> Iterator[ir.Table]:
    """The rows of an expression as a temporary table, for the length of the block.

    Ibis' own `cache()` cannot drop its tables under the installed version of its parser, and would keep them all day.
    """
    backend = expression.get_backend()
    name = f"held_{uuid4().hex}"
    table = backend.create_table(name, expression, temp=True)
    try:
        yield table
    finally:
        backend.raw_sql(f"DROP TABLE {name}")
