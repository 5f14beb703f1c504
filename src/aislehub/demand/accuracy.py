"""How good the forecasts have been: a row a day for every part of the chain, and for items by class of demand.

Weekly totals, for a daily error rewards forecasting 0. Single items of single stores are too many and too noisy to be
watched one by one; they are added up by class of demand.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aislehub.core.settings import Settings, field
from aislehub.core.step import step
from aislehub.demand.classes import CLASSES
from aislehub.demand.deviation import WINDOWS, Limits, Outcomes, first_known
from aislehub.demand.outcomes import ItemWeeks, Nodes, item_weeks, nodes_of
from aislehub.demand.panel import FloatArray
from aislehub.schema.demand import FORECAST_ACCURACY

__all__ = ["Policy", "forecast_accuracy"]

BIAS_WEEKS = 4


class Policy(Settings, section="monitor"):
    """When a forecast that goes wrong is worth a person's attention."""

    weeks: int = field(52, "Weeks of forecasts and outcomes that are compared", ge=8, le=260)
    false_alerts: float = field(1.0, "Chance alerts aimed at per 1,000 series-weeks", gt=0, le=50)
    rule_percent: float = field(5.0, "The plain rule: deviation of a week or of 4 weeks that is told, in percent", gt=0)
    rule_share: float = field(
        0.05, "Share of earlier weeks beyond the plain rule up to which the rule carries information", ge=0, le=1
    )
    margin_share: float = field(0.25, "Share of sales taken as contribution where costs are unknown", ge=0, le=1)
    least_money: float = field(1.0, "Least contribution at risk of an alert, in money", ge=0)
    most: int = field(50, "Alerts a day at most, the most money at risk first", ge=1)
    drift: float = field(6.0, "Change of the data, in usual weekly changes, that is told", gt=0)
    max_age_days: int = field(28, "Age at which the forecasting model is learnt anew without being asked", ge=1)


@step(reads="demand_forecast sales_lines items stores", writes=FORECAST_ACCURACY, model="demand")
def forecast_accuracy(
    demand_forecast: ir.Table, sales_lines: ir.Table, items: ir.Table, stores: ir.Table, *,
    day: date, policy: Policy, model: Path,
) -> pd.DataFrame:  # fmt: skip
    """Compare past forecasts with what was sold up to the last complete week."""
    goods = sales_lines.anti_join(items.filter(items.is_sellable == ibis.literal(False)), "item")
    since = day - timedelta(days=7 * policy.weeks + 7)
    goods = goods.filter(goods.quantity > 0, goods.day <= ibis.literal(day), goods.day > ibis.literal(since))
    sales = goods.group_by("store", "item", "day").agg(y=goods.quantity.sum(), amount=goods.amount.sum())
    weeks = item_weeks(demand_forecast, sales, day=day, weeks=policy.weeks, model=model)
    if weeks.series.empty:
        return pd.DataFrame({name: [] for name in FORECAST_ACCURACY.schema.names if name != "day"})
    levels = items.select("item", "department", "category").to_pandas()
    nodes = nodes_of(weeks, levels, stores.select("store", "region").to_pandas())
    table = nodes.table.assign(
        week=weeks.weeks[-1],
        series=np.bincount(nodes.members[1], minlength=len(nodes.table)),
        **_scores(nodes.outcomes, policy),
        **_signals(nodes.outcomes, policy),
        unit_margin=_unit_margin(nodes, weeks, _margins(sales, items, weeks, policy)),
    )
    return pd.concat([table, _by_class(weeks)], ignore_index=True)


def _margins(sales: ir.Table, items: ir.Table, weeks: ItemWeeks, policy: Policy) -> FloatArray:
    """Contribution of a unit of each series, (n,)."""
    found = sales.group_by("store", "item").agg(units=sales.y.sum(), amount=sales.amount.sum()).to_pandas()
    cost = items.select("item", "cost", "tax_rate").to_pandas()
    facts = weeks.series.merge(found, on=["store", "item"], how="left").merge(cost, on="item", how="left")
    price = (facts["amount"] / facts["units"]).to_numpy(float)
    earned = price / (1 + facts["tax_rate"].fillna(0).to_numpy(float)) - facts["cost"].to_numpy(float)
    return np.maximum(np.nan_to_num(np.where(np.isfinite(earned), earned, policy.margin_share * price)), 0)


def _scores(outcomes: Outcomes, policy: Policy) -> dict[str, FloatArray]:
    """Weekly accuracy of each node by the latest forecast of each week."""
    sold, expected = outcomes.weekly
    rule = policy.rule_percent / 100
    off = _ratio(sold - expected, expected)
    month = _ratio(*(_moving(part, BIAS_WEEKS) for part in (sold - expected, expected)))
    return {
        "weeks": np.isfinite(off).sum(axis=1), "units": sold[:, -1], "forecast": expected[:, -1],
        **_errors(sold, expected),
        "beyond_rule": _share(np.abs(off[:, :-1]) > rule, off[:, :-1]),
        "bias_4w": month[:, -1],
        "bias_beyond_rule": _share(np.abs(month[:, :-1]) > rule, month[:, :-1]),
    }  # fmt: skip


def _errors(sold: FloatArray, expected: FloatArray) -> dict[str, FloatArray]:
    """Units sold, WAPE, RMSSE and bias of each row, (n, weeks) → (n,); NaN where nothing is known."""
    error = expected - sold
    volume = np.nansum(np.where(np.isfinite(error), sold, 0), axis=1)
    naive = _mean(np.diff(sold, axis=1) ** 2)
    return {
        "sold": volume,
        "wape": _ratio(np.nansum(np.abs(error), axis=1), volume),
        "rmsse": np.sqrt(_ratio(_mean(error**2), naive)),
        "bias": _ratio(np.nansum(error, axis=1), volume),
    }


def _signals(outcomes: Outcomes, policy: Policy) -> dict[str, object]:
    """Band of the last week, tracking signal and state; limits are learnt on the weeks before those it looks at."""
    nodes, weeks = outcomes.sold.shape[:2]
    limits = Limits.learn(outcomes.weeks(0, weeks - max(WINDOWS)), rate=policy.false_alerts / 1000)
    if limits is None:
        names = ("low", "high", "coverage", "signal", "span_units", "span_forecast", "span_limit", "rest")
        return {"state": "unknown", "span": pd.array([pd.NA] * nodes, "Int64"), **dict.fromkeys(names, np.nan)}
    last, at = weeks - 1, np.arange(nodes)
    signals = limits.signals(outcomes)[:, :, last]
    best = np.where(np.isfinite(signals), np.abs(signals), -1.0).argmax(axis=0)
    signal = signals[best, at]
    known = np.isfinite(signal)
    sold, expected = (np.stack(parts)[best, at, last] for parts in zip(*map(outcomes.over, WINDOWS), strict=True))
    reach, rest = (np.stack(parts)[best, at] for parts in (
        [limits.reach(outcomes, window)[:, last] for window in WINDOWS],
        [limits.foreseen(outcomes, window)[:, last] for window in WINDOWS],
    ))  # fmt: skip
    middle, low, high = limits.expectation(outcomes)
    state = np.select([~known, np.abs(signal) > 1], ["unknown", "explained"], "quiet").astype(object)
    state[[cause.node for cause in limits.causes(outcomes, last)]] = "cause"
    shown = np.where(known, 1.0, np.nan)
    weekly = outcomes.weekly[0]
    return {
        "low": low[:, last], "high": high[:, last],
        "coverage": _share((weekly >= low) & (weekly <= high), middle),
        "signal": signal, "span": pd.array(np.array(WINDOWS)[best], "Int64"),
        "span_units": sold * shown, "span_forecast": expected * shown,
        "span_limit": np.abs(np.expm1(np.sign(signal) * reach)), "rest": np.expm1(rest) * shown, "state": state,
    }  # fmt: skip


def _unit_margin(nodes: Nodes, weeks: ItemWeeks, margin: FloatArray) -> FloatArray:
    """Contribution of a unit of each node, by the units of its items."""
    units = np.nan_to_num(np.nansum(weeks.sold, axis=(1, 2)))
    return np.nan_to_num(_ratio(nodes.sum(units * margin), nodes.sum(units)))


def _by_class(weeks: ItemWeeks) -> pd.DataFrame:
    """Accuracy of single store-items, one row per class of demand."""
    classes = weeks.series["demand_class"].to_numpy()
    sold, expected = first_known(weeks.sold), first_known(weeks.expected)
    rows = []
    for name in CLASSES:
        member = classes == name
        if not member.any():
            continue
        whole = _errors(sold[member].reshape(1, -1), expected[member].reshape(1, -1))
        rows.append(
            {
                "level": "item_store", "store": "", "subject": name, "week": weeks.weeks[-1],
                "weeks": int(np.isfinite(sold[member]).any(axis=0).sum()), "series": int(member.sum()),
                "units": _sum(sold[member, -1]), "forecast": _sum(expected[member, -1]),
                "sold": whole["sold"][0], "wape": whole["wape"][0], "bias": whole["bias"][0],
                "rmsse": float(_mean(_errors(sold[member], expected[member])["rmsse"][None])[0]),
                "state": "unknown",
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def _moving(values: FloatArray, span: int) -> FloatArray:
    """Sum of the `span` weeks up to each; NaN where one is unknown."""
    total = np.full(values.shape, np.nan)
    if values.shape[1] >= span:
        total[:, span - 1 :] = np.lib.stride_tricks.sliding_window_view(values, span, axis=1).sum(axis=2)
    return total


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=np.asarray(below) > 0)


def _mean(values: FloatArray) -> FloatArray:
    """Mean of each row's known values, NaN where there is none."""
    known = np.isfinite(values)
    return _ratio(np.where(known, values, 0).sum(axis=1), known.sum(axis=1))


def _share(yes: NDArray[np.bool_], known: FloatArray) -> FloatArray:
    """Share of each row's known values for which it holds."""
    return _mean(np.where(np.isfinite(known), yes, np.nan))


def _sum(values: FloatArray) -> float:
    return float(np.nansum(values)) if np.isfinite(values).any() else float("nan")
