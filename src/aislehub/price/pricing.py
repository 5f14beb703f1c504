"""Pricing: which shelf prices to change tomorrow, each beside leaving it alone.

For every item of a store whose elasticity is known, the price on the currency's ladder that earns most over the days
until the order after the next one, on average over what is not known; for goods that expire soon, the first price of
the best plan of markdowns. Guard-rails and law stand above both, and what bound a price is named.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd

from aislehub.core.contract import Column, Contract
from aislehub.core.reasons import Reason, to_json
from aislehub.core.settings import field
from aislehub.core.step import step
from aislehub.law import NewPrice, PriceHistory, check, packs_of, prior_price
from aislehub.law.rules import CENT
from aislehub.price.asked import asked_prices
from aislehub.price.batches import Expiry, first_expiry
from aislehub.price.decide import Proposals, Situation, propose
from aislehub.price.guardrails import GuardRails, Lines, within_budget
from aislehub.price.ladder import FloatArray, ladder
from aislehub.price.response import Response
from aislehub.price.rivals import latest, lowest
from aislehub.price.steady import Outlook, Terms

__all__ = ["PRICE_CHANGES", "Policy", "checks", "explain", "price_changes", "priced_lines", "situation"]

logger = logging.getLogger(__name__)

_SEEN_DAYS = 365  # of prices asked, for the guard-rail

PRICE_CHANGES = Contract(
    "price_changes",
    "A shelf price to change from tomorrow on, beside leaving it alone",
    (
        Column("price", "float", "Price to ask", "money per unit", low=0.01),
        Column("regular", "float", "Price that holds now", "money per unit", low=0),
        Column("was", "float", "Former price that may be shown beside it to announce a reduction; empty = none may",
               "money per unit", required=False, low=0),
        Column("begins", "date", "First business day of the price"),
        Column("kind", "text", "regular, or clearance of goods that expire", values=("regular", "clearance")),
        Column("cost", "float", "Purchase cost of a unit, without tax", "money per unit", low=0),
        Column("elasticity", "float", "Own-price elasticity that it rests on", "% units per % price"),
        Column("elasticity_low", "float", "5 % quantile of it", "% units per % price"),
        Column("elasticity_high", "float", "95 % quantile of it", "% units per % price"),
        Column("units", "float", "Units expected to sell in `horizon_days` at the price", "item's unit", low=0),
        Column("units_nothing", "float", "Units expected to sell in them if nothing is changed", "item's unit", low=0),
        Column("stock", "float", "Units that can be sold in them", "item's unit", low=0),
        Column("expires", "date", "Last business day of the units that expire first; empty = not short-dated",
               required=False),
        Column("expiring", "float", "Units that expire on it", "item's unit", required=False, low=0),
        Column("competitor", "text", "Competitor with the lowest price that is believed", required=False),
        Column("competitor_price", "float", "That price", "money per unit", required=False, low=0),
        Column("least", "float", "Lowest price within the guard-rails", "money per unit", low=0),
        Column("most", "float", "Highest price within the guard-rails", "money per unit", low=0),
    ),
    key="day store subject",
    decision=True,
)  # fmt: skip


class Policy(GuardRails, section="price"):
    """What a price may never do, and when a change is worth making."""

    change_cost: float = field(0.10, "Money that one change of a price costs: label, work", ge=0)
    least_money: float = field(0.50, "Expected money, after that, below which a price is left alone", ge=0)
    certainty: float = field(0.75, "Share of the elasticity's distribution in which a change has to pay", ge=0, le=1)
    levels: list[str] = field(["item"], "Whose data may carry an elasticity that moves the price of goods that keep")
    clearance_levels: list[str] = field(
        ["item", "category", "department", "chain"], "The same for short-dated goods, where waiting costs their value"
    )
    longest_days: int = field(14, "Days over which a price is chosen at most", ge=1, le=28)
    rungs: int = field(11, "Prices that are tried for an item beside the one that holds", ge=1, le=60)
    endings: list[float] = field([], "Endings of the chain's own prices, e.g. [0.49, 0.99]; empty = the currency's")
    competitor_days: int = field(14, "Days after which a competitor's price is forgotten", ge=1, le=365)
    competitor_far: float = field(
        3.0, "Factor above or below one's own price beyond which a competitor's is not believed", gt=1, le=100
    )
    announce: bool = field(True, "Whether a reduction shows the former price where the law allows it")
    law: list[str] = field([], 'Packs of law that hold in every store, e.g. ["eu"]; empty = by each store\'s country')

    @property
    def terms(self) -> Terms:
        return Terms(self.change_cost, self.least_money, self.certainty)


@step(
    reads="supply_state demand_forecast price_elasticities cross_elasticities prices promotions competitor_prices "
    "items stores stock_ages sold_prices",
    writes=PRICE_CHANGES,
)
def price_changes(
    supply_state: Any, demand_forecast: Any, price_elasticities: Any, cross_elasticities: Any, prices: Any,
    promotions: Any, competitor_prices: Any, items: Any, stores: Any, stock_ages: Any, sold_prices: Any, *,
    day: date, policy: Policy, currency: str = "USD",
) -> pd.DataFrame:  # fmt: skip
    """Prices to change from `day + 1` on: allowed, lawful, worth their cost, within each store's budget."""
    lines = priced_lines(supply_state, price_elasticities, prices, items, stores, stock_ages, day=day, policy=policy)
    lines = lines[lines["moves"]].reset_index(drop=True)
    if lines.empty:
        return _empty()
    lines, found = situation(
        lines, supply_state, demand_forecast, cross_elasticities, promotions, competitor_prices, day=day, policy=policy
    )
    steps = ladder(currency, tuple(policy.endings))
    chosen = propose(found, steps, policy, policy.terms, rungs=policy.rungs, seed=day.toordinal())
    rows = _rows(lines, found.expiry, chosen, day)
    rows = _lawful(rows, prices, sold_prices, day, policy)
    if rows.empty:
        return _empty()
    kept = within_budget(pd.factorize(rows["store"])[0], rows["money"].to_numpy(), policy.changes_per_day)
    return _decisions(rows[kept].reset_index(drop=True))


def priced_lines(
    supply_state: Any, price_elasticities: Any, prices: Any, items: Any, stores: Any, stock_ages: Any, *, day: date,
    policy: Policy,
) -> pd.DataFrame:  # fmt: skip
    """Lines that have an elasticity and a price, with their first units to expire.

    Returns:
        State, elasticity, tax, place, price and expiry of each; `short_dated`: whether it may be cleared; `moves`:
        whether there is something to sell and enough is known to move its price.
    """
    lines = _lines(supply_state, price_elasticities, items, stores, day)
    lines = lines.merge(_asked(prices, lines, day, policy), on=["store", "item"]).reset_index(drop=True)
    expiry = first_expiry(lines, stock_ages, day)
    short_dated = (expiry.days > 0) & (expiry.days <= policy.clearance_days)
    known = lines["level"].isin(policy.levels) & (lines["elasticity_high"] < 0)
    known |= short_dated & lines["level"].isin(policy.clearance_levels)
    return lines.assign(
        days_left=expiry.days, expiring=expiry.units, later=expiry.later, short_dated=short_dated,
        moves=known & (lines["on_hand"] + lines["on_order"] > 0),
    )  # fmt: skip


def situation(
    lines: pd.DataFrame, supply_state: Any, demand_forecast: Any, cross_elasticities: Any, promotions: Any,
    competitor_prices: Any, *, day: date, policy: Policy,
) -> tuple[pd.DataFrame, Situation]:  # fmt: skip
    """What the decision is made from: the lines with competitors and horizon, and their numbers, in the same order.

    Args:
        lines: as from `priced_lines`, not empty.
    """
    lines = lines.join(lowest(latest(competitor_prices, day, policy.competitor_days), lines, policy.competitor_far))
    expiry = Expiry(*(lines[name].to_numpy() for name in ("days_left", "expiring", "later")))
    keeps = np.clip(lines["cover_days"], 1, policy.longest_days)
    lines = lines.assign(
        promoted=lines["promoted"] | _promoted(promotions, lines, day, policy),
        horizon=np.where(lines["short_dated"], expiry.days, keeps),
    )
    daily = _daily(demand_forecast, lines, day, int(lines["horizon"].max()))
    within = np.arange(daily.shape[1]) < lines["horizon"].to_numpy()[:, None]
    lines = lines.assign(demand=np.where(within, daily, 0).sum(axis=1))
    lines = lines.assign(beside=_beside(cross_elasticities, supply_state, lines, day))
    return lines, _situation(lines, expiry, daily)


def explain(row: Mapping[str, Any]) -> list[Reason]:
    """Why this price: what the money consists of, what it rests on, what bound it.

    The money is the sum of terms, which are the weights of the first reasons: what the units that sell anyway earn more
    or less, what the units won or lost earn, and what is saved from expiring or earned by other items.
    """
    cost, net, now = row["cost"], row["price"] / (1 + row["tax_rate"]), row["regular"] / (1 + row["tax_rate"])
    won = row["units"] - row["units_nothing"]
    volume = (net - cost) * won
    margin = (net - now) * row["units_nothing"]
    units = {"days": row["horizon_days"], "units": _round(row["units"]), "nothing": _round(row["units_nothing"]),
             "price": row["price"], "regular": row["regular"]}  # fmt: skip
    rests = {"elasticity": _round(row["elasticity"]), "low": _round(row["elasticity_low"]),
             "high": _round(row["elasticity_high"])}  # fmt: skip
    reasons = [
        Reason("price.because_units", units, volume),
        Reason("price.because_margin", {"net": _round(net - cost), "now": _round(now - cost)}, margin),
        Reason("price.because_elasticity", rests, 0.0),
    ]
    if pd.notna(row["expires"]):
        facts = {"units": _round(row["expiring"]), "expires": str(row["expires"])}
        reasons.append(Reason("price.because_expiry", facts, cost * won))
    if abs(row["beside"]) > CENT:
        reasons.append(Reason("price.because_beside", {"money": _round(row["beside"])}, row["beside"]))
    if pd.notna(row["competitor"]):
        facts = {"competitor": row["competitor"], "price": _round(row["competitor_price"])}
        reasons.append(Reason("price.because_competitor", facts, 0.0))
    if pd.notna(row["ignored_by"]):
        facts = {"competitor": row["ignored_by"], "price": _round(row["ignored"]), "regular": row["regular"]}
        reasons.append(Reason("price.because_ignored", facts, 0.0))
    if row["bound"] != "none":
        reasons.append(Reason(f"price.because_{row['bound']}", {"price": row["price"]}, 0.0))
    if row["price"] < row["regular"] - CENT:
        shown = {"was": _round(row["was"])} if pd.notna(row["was"]) else {}
        reasons.append(Reason("price.because_was" if shown else "price.because_no_was", shown, 0.0))
    return reasons


def _check_elasticity(tables: Any, decision: Mapping[str, Any]) -> Mapping[str, Any]:
    """The elasticity as the table has it."""
    rows = tables.read("price_elasticities", as_of=decision["day"])
    mine = rows.filter((rows.day == decision["day"]) & (rows.item == decision["subject"]))
    found = mine.select("elasticity", "low", "high").to_pyarrow().to_pylist()
    return {name: _round(value) for name, value in found[0].items()} if found else {"elasticity": None}


checks = {"price.because_elasticity": _check_elasticity}


def _lines(supply_state: Any, price_elasticities: Any, items: Any, stores: Any, day: date) -> pd.DataFrame:
    """State, elasticity, tax and place of every line that has an elasticity and something to sell."""
    state = supply_state.filter(supply_state.day == ibis.literal(day)).select(
        "store",
        "item",
        "on_hand",
        "on_order",
        "cover_days",
        "shelf_life_days",
        "cost",
        "own_mean",
        "variance_ratio",
        state_source="source",
    )
    learned = price_elasticities.filter(price_elasticities.day == ibis.literal(day)).select(
        "item", "elasticity", "level", elasticity_low="low", elasticity_high="high"
    )
    lines = state.inner_join(learned, "item").left_join(items.select("item", "tax_rate"), "item")
    lines = lines.left_join(stores.select("store", "region", "country"), "store")
    lines = lines.drop([name for name in lines.columns if name.endswith("_right")])
    frame = lines.order_by(["store", "item"]).to_pandas()
    return frame.assign(tax_rate=frame["tax_rate"].astype(float).fillna(0.0), region=frame["region"].fillna(""))


def _asked(prices: Any, lines: pd.DataFrame, day: date, policy: Policy) -> pd.DataFrame:
    """The price that will hold tomorrow if nothing is done, by store and item.

    Returns:
        Columns store, item, price, held (business days by tomorrow's opening), taken (a price begins tomorrow),
        promoted (a sale price holds in the coming days), lowest and highest (asked in a year).
    """
    tomorrow, last = day + timedelta(days=1), day + timedelta(days=policy.longest_days)
    wanted = lines[["store", "item"]].drop_duplicates()
    asked = prices.filter(
        prices.kind.isin(["regular", "clearance", "sale"]) & (prices.valid_from <= ibis.literal(last))
    )
    asked = asked.filter(asked.valid_to.isnull() | (asked.valid_to >= ibis.literal(tomorrow)))
    asked = asked.semi_join(ibis.memtable(wanted), ["store", "item"])
    begun = (asked.valid_from <= ibis.literal(tomorrow)) & (asked.kind != "sale")
    clearance = begun & (asked.kind == "clearance")
    rows = asked.group_by(["store", "item"]).aggregate(
        regular=asked.price.argmax(asked.valid_from, where=begun & (asked.kind == "regular")),
        cleared=asked.price.argmax(asked.valid_from, where=clearance),
        since=asked.valid_from.max(where=begun),
        promoted=(asked.kind == "sale").any(),
    )
    year = prices.filter(
        prices.kind.isin(["regular", "sale"])
        & (prices.valid_from <= ibis.literal(day))
        & (prices.valid_to.isnull() | (prices.valid_to > ibis.literal(day - timedelta(days=_SEEN_DAYS))))
    ).semi_join(ibis.memtable(wanted), ["store", "item"])
    seen = year.group_by(["store", "item"]).aggregate(lowest=year.price.min(), highest=year.price.max())
    frame = rows.to_pandas().merge(seen.to_pandas(), on=["store", "item"], how="left")
    frame["price"] = frame["cleared"].astype(float).fillna(frame["regular"].astype(float))
    since = pd.to_datetime(frame["since"])
    frame["held"] = (pd.Timestamp(tomorrow) - since).dt.days
    return frame.assign(taken=since == pd.Timestamp(tomorrow))[
        ["store", "item", "price", "held", "taken", "promoted", "lowest", "highest"]
    ].dropna(subset=["price"])


def _promoted(promotions: Any, lines: pd.DataFrame, day: date, policy: Policy) -> pd.Series:
    """Lines whose price belongs to a promotion of the coming days; shown without a cut, it does not."""
    first, last = day + timedelta(days=1), day + timedelta(days=policy.longest_days)
    coming = promotions.filter((promotions.starts <= ibis.literal(last)) & (promotions.ends >= ibis.literal(first)))
    cut = (coming.discount.fill_null(0.0) > 0) | ~coming.mechanic.fill_null("none").isin(["none", "shown"])
    rows = coming.filter(cut).select("store", "item").distinct().to_pandas()
    pairs = pd.MultiIndex.from_frame(lines[["store", "item"]])
    return pd.Series(pairs.isin(pd.MultiIndex.from_frame(rows)), index=lines.index)


def _daily(demand_forecast: Any, lines: pd.DataFrame, day: date, days: int) -> FloatArray:
    """Units wanted on each of the coming `days`, (n, days); items too slow for a forecast go by their own sales."""
    today = demand_forecast.filter(demand_forecast.day == ibis.literal(day))
    today = today.mutate(ahead=today.ds.delta(ibis.literal(day), unit="day"))
    today = today.filter(today.ahead <= days).select("store", "item", "ahead", "mean")
    today = today.semi_join(ibis.memtable(lines[["store", "item"]]), ["store", "item"]).to_pandas()
    wide = today.pivot(index=["store", "item"], columns="ahead", values="mean")
    own = (lines["own_mean"] / lines["cover_days"]).to_numpy(float)
    rows = wide.reindex(index=pd.MultiIndex.from_frame(lines[["store", "item"]]), columns=range(1, days + 1))
    forecast = rows.astype(float).ffill(axis=1).to_numpy()
    return np.where(np.isnan(forecast), own[:, None], forecast)


def _beside(cross_elasticities: Any, supply_state: Any, lines: pd.DataFrame, day: date) -> FloatArray:
    """Money that other items of the store gain, over the horizon, from a price higher by one log unit, (n,)."""
    cross = cross_elasticities.filter(cross_elasticities.day == ibis.literal(day)).select("item", "other", "elasticity")
    state = supply_state.filter(supply_state.day == ibis.literal(day))
    earns = state.select("store", "item", daily=(state.price - state.cost) * state.own_mean / state.cover_days)
    moved = earns.inner_join(cross, "item")
    sums = moved.group_by(["store", "other"]).aggregate(beside=(moved.daily * moved.elasticity).sum()).to_pandas()
    found = lines[["store", "item"]].merge(sums.rename(columns={"other": "item"}), on=["store", "item"], how="left")
    return found["beside"].astype(float).fillna(0.0).to_numpy() * lines["horizon"].to_numpy(float)


def _situation(lines: pd.DataFrame, expiry: Expiry, daily: FloatArray) -> Situation:
    numbers = {name: lines[name].to_numpy(float) for name in (
        "price", "cost", "tax_rate", "rival", "held", "demand", "variance_ratio", "on_hand", "on_order", "cover_days",
        "horizon", "elasticity", "elasticity_low", "elasticity_high", "beside", "lowest", "highest",
    )}  # fmt: skip
    # What is on hand and on its way has to last until the order after the next; later days are supplied at that rate.
    supplied = np.maximum(numbers["horizon"] / numbers["cover_days"], 1)
    stock = (np.maximum(numbers["on_hand"], 0) + numbers["on_order"]) * supplied
    return Situation(
        Lines(
            numbers["price"], numbers["cost"], numbers["tax_rate"], lines["short_dated"].to_numpy(bool),
            numbers["rival"], numbers["held"], lines["promoted"].to_numpy(bool), lines["taken"].to_numpy(bool),
            numbers["lowest"], numbers["highest"], np.full(len(lines), np.nan),
        ),
        Outlook(numbers["demand"], numbers["variance_ratio"], stock, numbers["beside"]),
        daily,
        np.maximum(numbers["variance_ratio"], 1.0),
        Response.within(numbers["elasticity"], numbers["elasticity_low"], numbers["elasticity_high"]),
        expiry,
    )  # fmt: skip


def _rows(lines: pd.DataFrame, expiry: Expiry, chosen: Proposals, day: date) -> pd.DataFrame:
    """The lines whose price is to change, with what is proposed."""
    short_dated = lines["short_dated"].to_numpy(bool)
    stock = np.where(short_dated, expiry.units + expiry.later, np.maximum(lines["on_hand"], 0) + lines["on_order"])
    expires = [day + timedelta(days=int(days)) if soon else None for days, soon in
               zip(expiry.days, short_dated, strict=True)]  # fmt: skip
    rows = lines.rename(columns={"price": "regular", "rival": "competitor_price"}).assign(
        subject=lines["item"], price=chosen.price, begins=day + timedelta(days=1),
        kind=np.where(short_dated, "clearance", "regular"), units=chosen.units, units_nothing=chosen.units_nothing,
        stock=stock, expires=expires, expiring=np.where(short_dated, expiry.units, np.nan), bound=chosen.bound,
        money=chosen.money, money_low=np.minimum(chosen.low, chosen.money),
        money_high=np.maximum(chosen.high, chosen.money), beside=chosen.beside, least=chosen.least, most=chosen.most,
        horizon_days=lines["horizon"].astype(int), source=lines["state_source"],
    )  # fmt: skip
    return rows[chosen.changed].reset_index(drop=True)


def _lawful(rows: pd.DataFrame, prices: Any, sold_prices: Any, day: date, policy: Policy) -> pd.DataFrame:
    """The rows with the former price that may be shown; a price that the law forbids is left out, and logged."""
    histories = _histories(rows, prices, sold_prices, day)
    was, kept = [], []
    for row in rows.itertuples():
        history, packs = histories[row.store, row.item], packs_of(row.country, policy.law)
        cut = policy.announce and row.price < row.regular - CENT
        prior = prior_price(history, row.begins, packs) if cut else np.nan
        shown = float(prior) if prior > row.price + CENT else None
        breaches = check("price", NewPrice(row.price, row.begins, shown), history, packs)
        for breach in breaches:
            logger.warning("unlawful price", extra={"store": row.store, "item": row.item, "why": breach.sentence("en")})
        was.append(shown)
        kept.append(not breaches)
    rows = rows.assign(was=pd.Series(was, dtype=float))
    return rows[np.array(kept, dtype=bool)].reset_index(drop=True)


def _histories(rows: pd.DataFrame, prices: Any, sold_prices: Any, day: date) -> dict[tuple[str, str], PriceHistory]:
    """What each line cost until now, by store and item."""
    wanted = rows[["store", "item"]].drop_duplicates()
    shelf = asked_prices(wanted, prices, day)
    today = sold_prices.filter(sold_prices.day == ibis.literal(day))
    paid: dict[tuple[str, str], list[tuple[date, float]]] = {}
    for row in today.semi_join(ibis.memtable(wanted), ["store", "item"]).to_pyarrow().to_pylist():
        paid.setdefault((row["store"], row["item"]), []).append((row["sold_on"], row["price"]))
    keys = wanted.itertuples(index=False, name=None)
    return {key: PriceHistory(shelf.get(key, ()), sorted(paid.get(key, ())), today=day) for key in keys}


def _decisions(rows: pd.DataFrame) -> pd.DataFrame:
    records = rows.to_dict("records")
    actions = [_action(row) for row in records]
    return rows.assign(
        action=[json.dumps(action) for action in actions],
        baseline=[json.dumps(_unchanged(action)) for action in actions],
        reasons=[to_json(explain(row)) for row in records],
        outlay=np.nan,
    )[[column.name for column in PRICE_CHANGES.columns if column.name != "day"]]


def _action(row: Mapping[str, Any]) -> dict[str, Any]:
    """What is to be done: the price, from when, which one ends, and between which it may be overridden."""
    action = {"price": row["price"], "price_kind": row["kind"], "begins": str(row["begins"])}
    if pd.notna(row["expires"]):
        action["ends"] = str(row["expires"])
    if pd.notna(row["was"]):
        action["was"] = row["was"]
    limits = {"least": min(row["least"], row["regular"]), "most": max(row["most"], row["regular"])}
    return action | {"instead_of": row["regular"]} | limits


def _unchanged(action: Mapping[str, Any]) -> dict[str, Any]:
    """Leaving the price alone, as an action that the control arm of an experiment can carry out."""
    kept = {name: action[name] for name in ("price_kind", "begins", "ends", "instead_of") if name in action}
    return {"name": "unchanged", "price": action["instead_of"], **kept}


def _empty() -> pd.DataFrame:
    return PRICE_CHANGES.empty().drop_columns(["day"]).to_pandas()


def _round(value: float) -> float:
    return round(float(value), 2)
