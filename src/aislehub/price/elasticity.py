"""Elasticity: how demand for each item answers to its own price and to its neighbours', and when nobody can tell.

    price history → orthogonal estimate of each item → shrinkage over category, department, chain → table

Learned every four weeks, for prices move slowly and old weeks stay true; the steps write what was learned for every
day. An item whose own data cannot tell (one price ever, prices that only move with promotions, too few weeks) carries
the value of the smallest part of the chain that can, with an interval that says how far items of it differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from statistics import NormalDist
from typing import Annotated, Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import typer
from ibis import _
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.hub import Hub, open_hub
from aislehub.core.output import print_json, write_table
from aislehub.core.settings import Settings, field
from aislehub.core.step import learn, step
from aislehub.core.text import say
from aislehub.price.cross import cross_elasticities_of
from aislehub.price.orthogonal import Estimates, estimate
from aislehub.price.price_history import History, read_history
from aislehub.price.shrinkage import shrink
from aislehub.schema.elasticities import CROSS_ELASTICITIES, PRICE_ELASTICITIES

__all__ = [
    "Elasticities",
    "Policy",
    "cross_elasticities",
    "elasticities_of",
    "elasticity_command",
    "known_elasticities",
    "learn_elasticity",
    "price_elasticities",
    "sentences_of",
]

FloatArray = NDArray[Any]
Z = NormalDist().inv_cdf(0.95)
METHOD = "double machine learning, Poisson score, shrunk"
PUBLISHED = (-2.6, 2.2)
"""Mean and standard deviation of 1,851 elasticities of shops and brands: Bijmolt, van Heerde & Pieters 2005,
https://doi.org/10.1509/jmkr.42.2.141.62296."""
CHANGE = 0.01  # a price that moves by less, as a share, stays
PROMOTION_MOVES = 0.05  # share of a week's days by which a promotion begins or ends
SMALLEST_MOVE = 0.005  # standard deviation of a price's unexplained part below which it says nothing
SOLD_DAYS = 91
UNMODELLED = 0.2
"""Standard deviation of what no log-linear model of weeks gets right of an elasticity, however long the history. Items
of a category share it, so that leaning on each other does not lessen it. Chosen on draws of the benchmark's chains that
are not scored."""
OWN, CROSS, PARTS = "own.parquet", "cross.parquet", "parts.parquet"


class Policy(Settings, section="elasticity"):
    """How the answer of demand to prices is estimated."""

    history_weeks: int = field(104, "Weeks of sales and prices that are read", ge=8, le=260)
    most_items: int = field(600, "Items estimated by their own data: those with the largest sales", ge=1, le=20000)
    min_rows: int = field(26, "Weeks of stores that an item needs to be estimated by its own data", ge=8)
    min_units: float = field(100.0, "Units sold in them that it needs", ge=1)
    min_changes: int = field(4, "Weeks with a change of its price beyond promotions that it needs", ge=2)
    neighbours: int = field(8, "Other items of its category whose prices are looked at", ge=0, le=50)


@learn(reads="sales_lines items prices promotions stock competitor_prices", model="elasticity", every_days=28)
def learn_elasticity(
    sales_lines: ir.Table, items: ir.Table, prices: ir.Table, promotions: ir.Table, stock: ir.Table,
    competitor_prices: ir.Table, *, day: date, policy: Policy, folder: Path, seed: int = 0,
) -> Mapping[str, Any]:  # fmt: skip
    """Estimate all elasticities; the metrics say how many items could be told."""
    history = read_history(
        sales_lines, items, prices, promotions, stock, competitor_prices, day=day, most_weeks=policy.history_weeks,
        most_items=policy.most_items,
    )  # fmt: skip
    found = elasticities_of(history, policy, seed=seed) if len(history.item) else _published()
    thin = _sold_lately(sales_lines, items, day)
    own = _together(found.own, _of_parts(thin[~thin["item"].isin(found.own["item"])], found.parts))
    own.to_parquet(folder / OWN, index=False)
    found.cross.to_parquet(folder / CROSS, index=False)
    found.parts.to_parquet(folder / PARTS, index=False)
    told = found.own.loc[found.own["identified"], "elasticity"]
    return {
        "items": len(own), "identified": len(told), "mean": float(told.mean()) if len(told) else None,
        "pairs": len(found.cross), "left_out_prices": int(history.left_out.sum()),
        "left_out_competitor_prices": history.left_out_asked,
    }  # fmt: skip


@step(reads="items", writes=PRICE_ELASTICITIES, model="elasticity")
def price_elasticities(items: ir.Table, *, day: date, model: Path) -> pd.DataFrame:
    """The elasticities learned last; for items listed since, those of their part of the chain."""
    own = pd.read_parquet(model / OWN)
    since = ibis.literal(day - timedelta(days=SOLD_DAYS))
    fresh = _goods(items.filter(items.listed_from > since, items.listed_from <= ibis.literal(day)))
    fresh = fresh[~fresh["item"].isin(own["item"])]
    return _together(own, _of_parts(fresh, pd.read_parquet(model / PARTS)))


@step(reads="items", writes=CROSS_ELASTICITIES, model="elasticity")
def cross_elasticities(items: ir.Table, *, model: Path) -> pd.DataFrame:
    """The cross-elasticities learned last, of items that there are."""
    cross = pd.read_parquet(model / CROSS)
    return cross[cross["item"].isin(items.select("item").to_pandas()["item"])]


@dataclass(frozen=True)
class Elasticities:
    """What was learned.

    Attributes:
        own, cross: rows of `price_elasticities` and `cross_elasticities`, without `day`.
        parts: department, category, elasticity, low, high, level: what an item without data of its own carries there;
            an empty category or department stands for those that nobody has seen.
    """

    own: pd.DataFrame
    cross: pd.DataFrame
    parts: pd.DataFrame


def elasticities_of(history: History, policy: Policy, *, seed: int = 0) -> Elasticities:
    """Estimate, tell what can be told, and shrink."""
    found = estimate(history, seed=seed)
    changes = _weeks_with_changes(history)
    reason = _reasons(history, found, changes, policy)
    told = reason == ""
    tree = _Tree(history)
    estimates = np.r_[np.where(told, found.mean, np.nan), tree.unknown]
    shrunk = shrink(estimates, np.r_[found.sd, tree.unknown], tree.parents, PUBLISHED)
    pairs = cross_elasticities_of(history, found, told, most=policy.neighbours, min_rows=policy.min_rows)
    sure = np.hypot(shrunk.sd, UNMODELLED)
    own = _with_interval(history.goods, shrunk.mean[: len(told)], sure[: len(told)]).assign(
        identified=told,
        level=np.where(told, "item", tree.levels(told)[: len(told)]),
        reason=pd.Series(reason).where(~told, None),
        own=np.where(told, found.mean, np.nan),
        own_sd=np.where(told, np.hypot(found.sd, UNMODELLED), np.nan),
        weight=shrunk.weight[: len(told)],
        rows=np.bincount(history.item, minlength=len(told)),
        price_changes=changes[:, 1],
        price_source=np.where(history.observed, "observed", "list"),
        method=METHOD,
        source=_source(history.simulated),
    )
    parts = _with_interval(tree.goods, shrunk.mean[len(told) :], sure[len(told) :])
    return Elasticities(own, _cross_rows(history, pairs), parts.assign(level=tree.levels(told)[len(told) :]))


# What can be told


def _weeks_with_changes(history: History) -> NDArray[np.intp]:
    """Of each item the weeks in which its price changed anywhere, and those without a promotion that began or ended
    there, (I, 2)."""
    follows = np.r_[False, (np.diff(history.series) == 0) & (np.diff(history.week) == 1)]
    moved = follows & (np.abs(np.diff(history.price, prepend=0.0)) > CHANGE)
    promotion = np.abs(np.diff(history.promoted, prepend=0.0)) > PROMOTION_MOVES
    weeks = int(history.week.max(initial=0)) + 1
    made = []
    for rows in (moved, moved & ~promotion):
        cells = np.unique(history.item[rows] * weeks + history.week[rows])
        made.append(np.bincount(cells // weeks, minlength=len(history.goods)))
    return np.stack(made, axis=1)


def _reasons(history: History, found: Estimates, changes: NDArray[np.intp], policy: Policy) -> NDArray[np.str_]:
    """Why an item's own data cannot tell, (I,); empty where they can. The first that applies."""
    items = len(history.goods)
    rows, units = np.bincount(history.item, minlength=items), np.bincount(history.item, history.units, items)
    largest = np.zeros(items)
    np.maximum.at(largest, history.item, np.abs(history.price))
    promoted = np.bincount(history.item, history.promoted, items) > 0
    still = found.moved < SMALLEST_MOVE
    cases = {
        "few_rows": rows < policy.min_rows,
        "few_units": units < policy.min_units,
        "one_price": largest < CHANGE,
        "few_changes": changes[:, 0] < policy.min_changes,
        "only_promoted": promoted & (still | (changes[:, 1] < policy.min_changes)),
    }
    last = np.where(
        still | (changes[:, 1] < policy.min_changes) | (found.weeks < policy.min_changes), "few_changes", ""
    )
    return np.select(list(cases.values()), list(cases), last)


class _Tree:
    """Items, categories, departments and the chain; with a place beside the items of each category, one for new
    categories of each department, and one for new departments, where nothing is known of their own."""

    def __init__(self, history: History) -> None:
        categories, departments = len(history.department), int(history.department.max(initial=-1)) + 1
        self.category = np.r_[history.category, np.arange(categories + departments + 1)]
        self.department = np.r_[history.department, np.arange(departments + 1)]
        self.parents = (self.category, self.department, np.zeros(departments + 1, dtype=np.intp))
        self.unknown = np.full(categories + departments + 1, np.nan)
        of = pd.Series(history.category).drop_duplicates().index.to_numpy()
        named = history.goods.iloc[of][["category", "department"]]
        above = named.drop_duplicates("department")[["department"]]
        self.goods = pd.concat([named, above, pd.DataFrame({"department": [None]})], ignore_index=True)

    def levels(self, told: NDArray[np.bool_]) -> NDArray[np.str_]:
        """The smallest part of the chain with an item that can be told, for each item and place."""
        known = np.r_[told, np.zeros(len(self.unknown), dtype=bool)]
        of_category = np.bincount(self.category, known)[self.category] > 0
        above = self.department[self.category]
        of_department = np.bincount(above, known)[above] > 0
        chain = "chain" if told.any() else "published"
        return np.select([of_category, of_department], ["category", "department"], chain)


# Rows


def _with_interval(goods: pd.DataFrame, mean: FloatArray, sd: FloatArray) -> pd.DataFrame:
    return goods.assign(elasticity=mean, low=mean - Z * sd, high=mean + Z * sd)


def _source(simulated: NDArray[np.bool_]) -> NDArray[Any]:
    made = np.full(len(simulated), None, dtype=object)
    made[simulated] = "simulated"
    return made


def _published() -> Elasticities:
    """What is known where no sale was ever seen."""
    nobody = pd.DataFrame({"item": [None], "category": [None], "department": [None]})
    carried = _with_interval(nobody, np.array([PUBLISHED[0]]), np.array([PUBLISHED[1]])).assign(level="published")
    own, cross = (
        contract.empty().drop_columns("day").to_pandas().astype({"identified": bool})
        for contract in (PRICE_ELASTICITIES, CROSS_ELASTICITIES)
    )
    return Elasticities(own, cross, carried)


def _of_parts(goods: pd.DataFrame, parts: pd.DataFrame) -> pd.DataFrame:
    """Rows of items without data of their own: what their category carries, else their department, else the chain."""
    keyed = {
        (row.department, row.category): row for row in parts.astype(object).where(parts.notna(), None).itertuples()
    }
    rest = keyed[None, None]
    of = [
        keyed.get((one.department, one.category)) or keyed.get((one.department, None), rest)
        for one in goods.astype(object).where(goods.notna(), None).itertuples()
    ]
    carried = {name: [getattr(row, name) for row in of] for name in ("elasticity", "low", "high", "level")}
    return goods[["item", "category", "department"]].assign(
        **carried, identified=False, reason="few_rows", own=np.nan, own_sd=np.nan, weight=0.0, rows=0, price_changes=0,
        price_source=None, method=METHOD, source=_source(goods["simulated"].to_numpy(bool)),
    )  # fmt: skip


def _together(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Both, an empty one having no say in the types of columns."""
    return pd.concat([one, other], ignore_index=True) if len(one) and len(other) else (one if len(one) else other)


def _cross_rows(history: History, pairs: pd.DataFrame) -> pd.DataFrame:
    at, other = pairs["item"].to_numpy(np.intp), pairs["other"].to_numpy(np.intp)
    goods = history.goods
    rows = pd.DataFrame(
        {
            "item": goods["item"].to_numpy()[at],
            "other": goods["item"].to_numpy()[other],
            "category": goods["category"].to_numpy()[at],
        }
    )
    mean, sd = pairs["elasticity"].to_numpy(float), pairs["sd"].to_numpy(float)
    return _with_interval(rows, mean, sd).assign(
        identified=pairs["identified"].to_numpy(bool),
        weight=pairs["weight"].to_numpy(float),
        rows=pairs["rows"].to_numpy(np.int64),
        source=_source(history.simulated[at] | history.simulated[other]),
    )


def _sold_lately(sales_lines: ir.Table, items: ir.Table, day: date) -> pd.DataFrame:
    """Items sold in the last weeks: item, category, department, simulated."""
    since = ibis.literal(day - timedelta(days=SOLD_DAYS))
    lines = sales_lines.filter(_.day > since, _.day <= ibis.literal(day), _.quantity > 0)
    return _goods(items.semi_join(lines, "item"))


def _goods(items: ir.Table) -> pd.DataFrame:
    """Items that are for sale, with their place, and whether they are simulated."""
    kept = items.filter(items.is_sellable.fill_null(True))
    return kept.select("item", "category", "department", simulated=_.source.fill_null("") == "simulated").to_pandas()


# The command


def known_elasticities(hub: Hub, item: str | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The newest rows of `price_elasticities` and `cross_elasticities`, of all items or one.

    Raises:
        HubError: `elasticity.none` before the first day was run, `elasticity.unknown_item`.
    """
    own, cross = hub.tables.read("price_elasticities"), hub.tables.read("cross_elasticities")
    last = own.day.max().to_pyarrow().as_py()
    if last is None:
        raise HubError("elasticity.none")
    own, cross = (rows.filter(rows.day == ibis.literal(last)) for rows in (own, cross))
    if item is not None:
        known = own.select("item").to_pandas()["item"]
        if item not in set(known):
            raise HubError("elasticity.unknown_item", item=item, day=last, suggestion=did_you_mean(item, known))
        own, cross = own.filter(own.item == item), cross.filter(cross.item == item)
    return own.order_by("elasticity").to_pandas(), cross.order_by(ibis.desc("elasticity")).to_pandas()


def elasticity_command(
    item: Annotated[str | None, typer.Option(help="One item, with what its neighbours' prices do to it")] = None,
    top: Annotated[int, typer.Option(help="Items to show, those that answer most", min=1)] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
    out: Annotated[Path | None, typer.Option(help="Write all rows to .parquet, .csv, .json or .xlsx")] = None,
) -> None:
    """How demand answers to prices: each item's elasticity with its 90 % interval, and whose data it rests on.

    Example: aislehub elasticity --item 1029743
    """
    with open_hub() as hub:
        own, cross = known_elasticities(hub, item)
    if out:
        write_table(own, out)
    if as_json:
        print_json({"own": own.to_dict("records"), "cross": cross.to_dict("records")})
    elif item is not None:
        for sentence in sentences_of(own.iloc[0], cross):
            print(sentence)
    elif not out:
        _print(own, top)


def sentences_of(row: pd.Series, cross: pd.DataFrame) -> list[str]:
    """What is known of one item, in words: its elasticity, why it is this one, and its neighbours that matter."""
    numbers = {name: f"{row[name]:.2f}" for name in ("elasticity", "low", "high")}
    told = [say("elasticity.value", item=row["item"], **numbers)]
    if row["identified"]:
        facts = {"rows": row["rows"], "changes": row["price_changes"], "own": f"{row['own']:.2f}",
                 "weight": f"{row['weight']:.0%}"}  # fmt: skip
        told.append(say("elasticity.identified", **facts))
    else:
        told += [say(f"elasticity.reason_{row['reason']}"), say(f"elasticity.level_{row['level']}")]
    if row["price_source"] == "observed":
        told.append(say("elasticity.observed"))
    if row["source"] == "simulated":
        told.append(say("elasticity.simulated"))
    for other in cross[cross["identified"] & (cross["low"] * cross["high"] > 0)].itertuples():
        numbers = {name: f"{getattr(other, name):.2f}" for name in ("elasticity", "low", "high")}
        told.append(say("elasticity.cross", other=other.other, **numbers))
    return told


def _print(own: pd.DataFrame, top: int) -> None:
    shares = own.groupby("level").size()
    shown = own[own["identified"]].head(top)
    counts = {"items": len(own), "identified": int(shares.get("item", 0))}
    table = Table(title=say("elasticity.title", day=f"{own['day'].iloc[0]:%Y-%m-%d}", **counts))
    for name in ("item", "category", "elasticity", "interval", "own", "weight"):
        table.add_column(say(f"elasticity.column.{name}"), justify="left" if name in ("item", "category") else "right")
    for row in shown.itertuples():
        interval = f"{row.low:.2f} … {row.high:.2f}"
        table.add_row(
            row.item, row.category or "", f"{row.elasticity:.2f}", interval, f"{row.own:.2f}", f"{row.weight:.0%}"
        )
    Console().print(table)


elasticity_command.__name__ = "elasticity"

commands = (elasticity_command,)
