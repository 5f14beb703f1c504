"""The three shapes of a capability's functions: `@step` table → table, `@learn` tables → model, and their wiring.

A decorated function stays a plain function; what it reads and writes is written on it once and is all
the wiring there is. (`@answer`, the millisecond shape, is in `answers.py`.)
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa

from aislehub.core.contract import Contract
from aislehub.core.settings import Settings

__all__ = ["Learn", "Step", "as_arrow", "learn", "policy_of", "step"]


@dataclass(frozen=True)
class Step:
    """A pure function from tables to one table, with its wiring."""

    function: Callable[..., Any]
    reads: tuple[str, ...]
    writes: Contract
    model: str | None
    per: str | None
    policy: type[Settings] | None

    @property
    def name(self) -> str:
        return self.function.__name__

    def __call__(self, *tables: Any, **keywords: Any) -> Any:
        return self.function(*tables, **keywords)

    def asks_for(self, name: str) -> bool:
        """Whether the function takes this keyword."""
        return name in inspect.signature(self.function).parameters

    def run(
        self,
        tables: Any,
        *,
        day: date,
        policy: Settings | None,
        only: Sequence[str] | None = None,
        **more: Any,
    ) -> pa.Table:
        """Read as of `day`, compute, and return rows with the `day` column filled.

        Args:
            only: of a step that works per store (say), the stores to work on; None = all.
        """
        inputs = [tables.read(name, as_of=day) for name in self.reads]
        if only is not None and self.per:
            inputs = [rows.filter(rows[self.per].isin(only)) if self.per in rows.columns else rows for rows in inputs]
        offered = {"day": day, "policy": policy, "timezone": tables.timezone, **more}
        rows = as_arrow(self.function(*inputs, **_wanted(self.function, offered)), tables)
        if "day" not in rows.column_names:
            rows = rows.append_column("day", pa.array([day] * rows.num_rows, pa.date32()))
        return _steady(rows)


@dataclass(frozen=True)
class Learn:
    """A pure function from tables to a model's files: `(…tables, *, folder, day, policy) -> metrics`."""

    function: Callable[..., Mapping[str, Any]]
    reads: tuple[str, ...]
    model: str
    policy: type[Settings] | None
    every_days: int
    due: Callable[..., str] | None = None

    @property
    def name(self) -> str:
        return self.function.__name__

    def __call__(self, *tables: Any, **keywords: Any) -> Mapping[str, Any]:
        return self.function(*tables, **keywords)

    def run(self, tables: Any, *, day: date, policy: Settings | None, folder: Path, **more: Any) -> Mapping[str, Any]:
        inputs = [tables.read(name, as_of=day) for name in self.reads]
        offered = {"day": day, "policy": policy, "timezone": tables.timezone, "folder": folder, **more}
        return self.function(*inputs, **_wanted(self.function, offered))


def step(
    reads: str, writes: Contract, model: str | None = None, per: str | None = None
) -> Callable[[Callable[..., Any]], Step]:
    """Declare a step.

    The function takes one lazy table per name in `reads`, then, by keyword, whichever it asks for of
    `day`, `policy`, `model` (the folder of the learned artifact), `seed`, `timezone` and `currency` (the chain's), and
    `trials` (the day's experiments; not in a step that works per store). It returns an Ibis expression, an Arrow table
    or a pandas frame.

    Args:
        per: column whose values are worked on independently ("store"), so that `run_day` may fan them out.
    """

    def decorate(function: Callable[..., Any]) -> Step:
        return Step(function, tuple(reads.split()), writes, model, per, policy_of(function))

    return decorate


def learn(
    reads: str, model: str, every_days: int = 7, due: Callable[..., str] | None = None
) -> Callable[[Callable[..., Mapping[str, Any]]], Learn]:
    """Declare how a model is learned; the function writes its files into `folder` and returns metrics.

    Args:
        every_days: age at which the model is learned anew.
        due: asked from that age on, `due(tables, day, *, age, policy) -> str`: why it is to be learned anew, as a word
            for its card, or nothing to let it stay. `tables` are those of the house, `age` is in days.
    """

    def decorate(function: Callable[..., Mapping[str, Any]]) -> Learn:
        return Learn(function, tuple(reads.split()), model, policy_of(function), every_days, due)

    return decorate


def code_digest(function: Callable[..., Any]) -> str:
    """A hash of the code of the function's room (its package, or its module where it has none).

    Other code there means that the step has to run again; what this process has loaded does not change, so a room
    is read once.
    """
    module = inspect.getmodule(function)
    file = getattr(module, "__file__", None)
    if module is None or file is None:  # typed in at a prompt
        return hashlib.sha256(b"").hexdigest()[:12]
    return _files_digest(Path(file).parent if module.__package__ else Path(file))


@cache
def _files_digest(place: Path) -> str:
    """A hash of one file, or of the names and texts of all Python files of a folder and those below it."""
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place]
    texts = {str(file.relative_to(place)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:12]


def as_arrow(result: Any, tables: Any = None) -> pa.Table:
    """Whatever a step returned, as an Arrow table."""
    if isinstance(result, ir.Table):
        return tables.run(lambda _: result) if tables is not None else result.to_pyarrow()
    if isinstance(result, pd.DataFrame):
        return pa.Table.from_pandas(result, preserve_index=False)
    if isinstance(result, pa.Table):
        return result
    raise TypeError(f"a step returns an Ibis expression, an Arrow table or a pandas frame, not {type(result).__name__}")


def _steady(rows: pa.Table) -> pa.Table:
    """Numbers to 12 significant digits. The last bits of a sum depend on the order in which threads add, and a step
    that runs again on the same inputs shall write the same bytes."""
    for place, column in enumerate(rows.schema):
        if pa.types.is_floating(column.type):
            values = rows.column(place).to_numpy()
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                scale = 10.0 ** (11 - np.floor(np.log10(np.abs(values))))
                rounded = np.round(values * scale) / scale
            kept = np.where(np.isfinite(rounded), rounded, values)
            steady = pa.array(kept, column.type, mask=np.asarray(rows.column(place).is_null()))
            rows = rows.set_column(place, column, steady)
    return rows


def _wanted(function: Callable[..., Any], offered: Mapping[str, Any]) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters
    return {name: value for name, value in offered.items() if name in parameters}


def policy_of(function: Callable[..., Any]) -> type[Settings] | None:
    """The section of settings that a function asks for by the annotation of its `policy`."""
    return get_type_hints(function).get("policy")
