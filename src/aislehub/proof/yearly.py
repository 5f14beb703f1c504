"""Money a year of one kind of decisions: as an experiment found it, or as measured decisions add up to it.

A store-randomised experiment comes first: it compares whole lives of stores. What decisions were measured to have
brought, each by itself, is the next best; days on which several decisions of a line would count the same money are
shared among them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from ibis import _
from numpy.typing import NDArray

from aislehub.core.experiments import Trial
from aislehub.core.tables import Tables
from aislehub.proof.goods import goods_lines
from aislehub.proof.judge import worth

__all__ = ["YEAR", "Yearly", "by_decisions", "by_experiment", "sales_a_year"]

YEAR = 364
"""Days: whole weeks, so that no weekday counts more than the others."""
MONEY = ("margin_after_shrink", "margin")
"""Metrics of experiments that are money, the better first."""
MEASURED = ("money", "low", "high", "chance")
"""Fields of a measurement that are money; the first houses wrote none of chance."""


@dataclass(frozen=True)
class Yearly:
    """Money a year over today's rule.

    Attributes:
        money, low, high: estimate and its interval.
        basis: `experiment`, `decisions` or `twin`.
        facts: what the sentence `priorities.basis_BASIS` states.
    """

    money: float
    low: float
    high: float
    basis: str
    facts: Mapping[str, Any]


def by_experiment(trials: Sequence[Trial], results: Sequence[Mapping[str, Any]], kind: str) -> Yearly | None:
    """What the last experiment on a kind of decisions says, for the stores that were in it.

    Args:
        trials: all experiments.
        results: rows of `experiment_results`.
        kind: of the decisions.

    Returns:
        Treatment − control of the margin per store and day, in all its stores for a year; None where no experiment by
        stores has told it, or where its split was not the planned one.
    """
    named = {trial.name: trial for trial in trials if trial.kind == kind and trial.unit == "store"}
    told = [
        row
        for row in results
        if row["experiment"] in named and row["unit"] == "store" and row["metric"] in MONEY
        and row["estimate"] is not None and row["verdict"] not in ("too_few", "withheld")
    ]  # fmt: skip
    if not told:
        return None
    row = max(told, key=lambda row: (row["day"], -MONEY.index(row["metric"])))
    stores = row["n_control"] + row["n_treatment"]
    money, low, high = (stores * YEAR * row[name] for name in ("estimate", "low", "high"))
    return Yearly(money, low, high, "experiment", {"name": row["experiment"], "stores": stores, "days": row["days"]})


def by_decisions(rows: Sequence[Mapping[str, Any]], *, least_days: int) -> Yearly | None:
    """What measured decisions bring a year, at the rate of the days from the first to the last of them.

    A decision made at the close of a day counts on the following `horizon_days`, evenly. Where several decisions of a
    line (store and subject) count on one day, each counts there with its share, so that no day of a line counts twice.

    Args:
        rows: decisions of the ledger with `measured`, of one kind and currency.
        least_days: days with decisions below which nothing is said.
    """
    days = {row["day"] for row in rows}
    if len(days) < least_days:
        return None
    share = _shares(rows, min(days), max(days))
    scaled = [
        dict(row) | {"measured": {name: part * row["measured"].get(name, 0.0) for name in MEASURED}}
        for row, part in zip(rows, share, strict=True)
    ]
    total, span = worth(scaled)[0], (max(days) - min(days)).days + 1
    money, low, high = (YEAR / span * value for value in (total.measured, total.low, total.high))
    return Yearly(money, low, high, "decisions", {"count": len(rows), "days": span})


def sales_a_year(tables: Tables, last: date, *, stores: Sequence[str], items: Sequence[str]) -> tuple[float, float]:
    """Sales of goods a year, from the last 364 days or as many as there are, and the share of some stores' items."""
    goods = goods_lines(tables.read("sales_lines"), tables.read("items"))
    goods = goods.filter(_.day > last - timedelta(days=YEAR), _.day <= last)
    sampled = goods["store"].isin(stores) & goods["item"].isin(items)
    found = goods.aggregate(
        sales=_.amount.sum(), sampled=goods["amount"].sum(where=sampled), first=_.day.min()
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    days = (last - found["first"]).days + 1
    return found["sales"] * YEAR / days, (found["sampled"] or 0.0) / found["sales"]


def _shares(rows: Sequence[Mapping[str, Any]], first: date, last: date) -> NDArray[np.float64]:
    """Of each decision, the share of its money that falls on the days from `first` + 1 to `last` + 1 alone, (n,)."""
    line = pd.factorize(np.array([f"{row['store']}\n{row['subject']}" for row in rows], dtype=object))[0]
    day = np.array([row["day"].toordinal() for row in rows]) - first.toordinal()
    horizon = np.array([row["horizon_days"] for row in rows])
    span = (last - first).days + 1
    counted = np.minimum(horizon, span - day)
    row = np.repeat(np.arange(len(rows)), counted)
    within = np.arange(len(row)) - np.repeat(np.cumsum(counted) - counted, counted)
    cell = line[row] * span + day[row] + within
    at_once = np.bincount(cell)[cell]
    return np.bincount(row, 1 / at_once, len(rows)) / horizon
