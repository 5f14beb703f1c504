"""Alerts of monitoring: data first, then shifts, then the plain rule, each cause once; and when to learn anew."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from aislehub.core.tables import Tables
from aislehub.core.text import LANGUAGES, say
from aislehub.demand.accuracy import Policy
from aislehub.demand.drift import changes
from aislehub.demand.monitor import DEMAND_ALERTS, demand_alerts, worth_learning
from aislehub.schema import CALENDAR, FORECAST_ACCURACY, ITEMS, SALES_LINES, STORES

DAY = date(2024, 6, 30)
FIRST = DAY - timedelta(days=7 * 20 - 1)
STORE_NAMES = [f"S{number}" for number in range(6)]


def sales_of(**change: Any) -> pd.DataFrame:
    """Six stores with 12 receipts of two items a day at a price of 2, and what a test changes about it."""
    days = pd.date_range(FIRST, DAY)
    frame = pd.MultiIndex.from_product([STORE_NAMES, days, range(12), ["milk", "tea"]]).to_frame(index=False)
    frame.columns = ["store", "ds", "number", "item"]
    frame = frame.assign(receipt=frame["number"].astype(str) + frame["ds"].dt.strftime("-%j"), quantity=1.0, amount=2.0)
    return frame.assign(**change)


def house(sales: pd.DataFrame, accuracy: list[dict[str, Any]] | None = None, **more: Any) -> Tables:
    """Tables as of `DAY`."""
    contracts = (STORES, ITEMS, SALES_LINES, CALENDAR, FORECAST_ACCURACY, DEMAND_ALERTS)
    tables = Tables(None, {c.name: c for c in contracts})
    always = pd.Timestamp(FIRST, tz="UTC")
    stores = pd.DataFrame({"store": STORE_NAMES, "region": "north", "known_at": always})
    items = pd.DataFrame({"item": more.get("items", ["milk", "tea"]), "known_at": always})
    calendar = pd.DataFrame(more.get("calendar", []), columns=["day", "region", "event", "kind", "known_at"])
    for contract, rows in ((STORES, stores), (ITEMS, items), (CALENDAR, calendar)):
        checked = contract.check(pa.Table.from_pandas(rows, preserve_index=False))
        assert checked.rejected.num_rows == 0
        tables.append(contract.name, checked.good)
    load(tables, sales)
    given = {row["store"] for row in accuracy or [] if row["level"] == "store"}
    plain = [node("store", store=store) for store in STORE_NAMES if store not in given]
    rows = pa.Table.from_pylist([*plain, *(accuracy or [])], schema=FORECAST_ACCURACY.schema)
    tables.write("forecast_accuracy", rows, DAY)
    return tables


def load(tables: Tables, sales: pd.DataFrame) -> None:
    """Sales lines as they come in."""
    lines = sales.assign(day=sales["ds"].dt.date, sold_at=sales["ds"].dt.tz_localize("UTC"), line=sales["item"])
    checked = SALES_LINES.check(pa.Table.from_pandas(lines.drop(columns=["ds", "number"]), preserve_index=False))
    assert checked.rejected.num_rows == 0
    tables.append("sales_lines", checked.good)


def node(level: str, **facts: Any) -> dict[str, Any]:
    """A row of the accuracy table that is quiet, and what a test changes about it."""
    quiet = {
        "day": DAY, "level": level, "store": "", "subject": "", "week": DAY, "weeks": 30, "series": 9,
        "units": 100.0, "forecast": 100.0, "beyond_rule": 0.4, "bias_4w": 0.0, "bias_beyond_rule": 0.4,
        "signal": 0.2, "span": 3, "span_units": 300.0, "span_forecast": 300.0, "span_limit": 0.15, "rest": 0.01,
        "unit_margin": 0.5, "state": "quiet",
    }  # fmt: skip
    return quiet | facts


def told(tables: Tables, policy: Policy | None = None) -> list[dict[str, Any]]:
    """The step's alerts, after their contract, with every sentence complete in both languages."""
    made = DEMAND_ALERTS.require(demand_alerts.run(tables, day=DAY, policy=policy or Policy())).to_pylist()
    for alert in made:
        alert["facts"] = json.loads(alert["facts"])
        for language in LANGUAGES:
            sentence = say(alert["cause"], language, **alert["facts"])
            assert sentence != alert["cause"]
            assert "{" not in sentence
    return made


def test_a_quiet_day_has_no_alert() -> None:
    """Steady sales and quiet forecasts raise nothing."""
    assert told(house(sales_of())) == []


def test_a_cause_is_an_alert_with_the_contribution_of_the_units_off() -> None:
    """A cause is told to the planner: 60 units below forecast at a contribution of 0.5 are 30 at risk."""
    fall = node("store_category", store="S1", subject="dairy", signal=-1.8, span_units=240.0, state="cause")
    rise = node("category", subject="tea", signal=1.2, span_units=400.0, state="cause")
    explained = node("store_category", store="S2", subject="tea", signal=1.1, state="explained")
    second, first = told(house(sales_of(), [fall, rise, explained]))[::-1]
    assert (first["cause"], first["subject"], first["money_at_risk"]) == ("demand.alert_goods_above", "tea", 50.0)
    assert (second["cause"], second["store"], second["owner"]) == ("demand.alert_store_goods_below", "S1", "planner")
    assert second["money_at_risk"] == 30.0
    assert second["facts"]["deviation"] == "−20"
    assert "S1" in say(second["cause"], "en", **second["facts"])


@pytest.mark.parametrize("level", ["chain", "region", "department", "store"])
@pytest.mark.parametrize("signal", [-1.5, 1.5])
def test_every_level_has_its_sentence(level: str, signal: float) -> None:
    """A cause on any level and of either sign reads well in both languages."""
    place = {"store": "S3"} if level == "store" else {"subject": "" if level == "chain" else "north"}
    (alert,) = told(house(sales_of(), [node(level, signal=signal, span_units=200.0, state="cause", **place)]))
    assert alert["cause"].endswith("below" if signal < 0 else "above")


def test_the_plain_rule_speaks_only_where_it_seldom_spoke_before() -> None:
    """6 % off is an alert of a total that was off by 5 % in 2 % of earlier weeks, not of one that often was."""
    noisy = node("department", subject="dry", units=106.0, beyond_rule=0.3)
    steady = node("department", subject="fresh", units=106.0, beyond_rule=0.02)
    small = node("store", store="S0x", units=106.0, beyond_rule=0.02)
    (alert,) = told(house(sales_of(), [noisy, steady, small]))
    assert (alert["cause"], alert["subject"]) == ("demand.alert_rule_week_part", "fresh")
    assert alert["facts"]["share"] == 2.0


def test_a_leaning_forecast_is_told_by_its_sum() -> None:
    """Four weeks 6 % above forecast are an alert of the chain, once, and not again of its departments."""
    chain = node("chain", bias_4w=0.06, bias_beyond_rule=0.0)
    part = node("department", subject="fresh", bias_4w=0.07, bias_beyond_rule=0.0)
    (alert,) = told(house(sales_of(), [chain, part]))
    assert (alert["cause"], alert["subject"]) == ("demand.alert_rule_bias_chain", "chain")


def test_a_store_without_sales_is_told_once_to_it() -> None:
    """A store silent for two days is one alert for IT; what its forecasts make of that is not told."""
    sales = sales_of()
    sales = sales[~((sales["store"] == "S2") & (sales["ds"] > pd.Timestamp(DAY) - pd.Timedelta(days=2)))]
    consequence = node("store_category", store="S2", subject="dairy", signal=-3.0, span_units=200.0, state="cause")
    (alert,) = told(house(sales, [consequence]))
    assert (alert["cause"], alert["store"], alert["owner"]) == ("demand.alert_silent_store", "S2", "it")
    assert alert["facts"]["days"] == 2
    assert alert["money_at_risk"] == pytest.approx(0.25 * 2 * 12 * 2 * 2)


def test_a_missing_feed_is_one_alert_not_one_a_store() -> None:
    """No sales of any store today: one alert, for the chain."""
    sales = sales_of()
    sales = sales[sales["ds"] < pd.Timestamp(DAY)]
    (alert,) = told(house(sales, [node("chain", signal=-2.0, span_units=200.0, state="cause")]))
    assert (alert["cause"], alert["facts"]["stores"]) == ("demand.alert_feed", 6)


def test_a_closing_day_is_no_missing_feed() -> None:
    """What the calendar says is closed is not missed."""
    sales = sales_of()
    sales = sales[sales["ds"] < pd.Timestamp(DAY)]
    closed = [(DAY, "all", "inventory", "closed", pd.Timestamp(FIRST, tz="UTC"))]
    assert told(house(sales, calendar=closed)) == []


def test_an_alert_is_gone_when_the_sales_have_come_in() -> None:
    """Once the missing file has been loaded, the same day tells nothing."""
    sales = sales_of()
    missing = (sales["store"] == "S2") & (sales["ds"] == pd.Timestamp(DAY))
    tables = house(sales[~missing])
    assert len(told(tables)) == 1
    load(tables, sales[missing])
    assert told(tables) == []


@pytest.mark.parametrize(
    ("figure", "change"),
    [
        ("price_level", lambda frame, late: {"amount": np.where(late, 20.0, 2.0)}),
        ("new_items", lambda frame, late: {"item": np.where(late & (frame["item"] == "tea"), "tea2", frame["item"])}),
        ("basket_size", lambda frame, late: {"receipt": frame["receipt"] + np.where(late, frame["item"], "")}),
    ],
)
def test_data_that_have_changed_are_told_to_it(figure: str, change: Any) -> None:
    """A decimal point, a renumbered item, a split receipt: each is one alert that names what to look at."""
    frame = sales_of()
    late = (frame["ds"] > pd.Timestamp(DAY) - pd.Timedelta(days=7)).to_numpy()
    tables = house(frame.assign(**change(frame, late)), items=["milk", "tea", "tea2"])
    alerts = told(tables)
    assert f"demand.alert_drift_{figure}" in [alert["cause"] for alert in alerts]
    assert {alert["owner"] for alert in alerts} == {"it"}


def test_items_that_nobody_listed_are_told() -> None:
    """Sales of an item that the item table lacks are an alert once they are more than usual."""
    frame = sales_of()
    late = (frame["ds"] > pd.Timestamp(DAY) - pd.Timedelta(days=7)).to_numpy()
    frame["item"] = np.where(late & (frame["number"] == 0) & (frame["item"] == "tea"), "ghost", frame["item"])
    assert "demand.alert_drift_unknown_items" in [alert["cause"] for alert in told(house(frame))]


def test_noise_of_the_data_is_no_drift() -> None:
    """Figures that scatter as they always did raise at most one alert in 300 weeks."""
    random = np.random.default_rng(0)
    columns = ("price_level", "basket_size", "unknown_items", "new_items", "silent_items")
    raised = [
        change
        for _ in range(300)
        for change in changes(pd.DataFrame({name: random.normal(0.1, 0.02, 27) for name in columns}), limit=6.0)
    ]
    assert len(raised) <= 1


def test_short_history_of_data_is_not_judged() -> None:
    """With fewer than 8 weeks before it, a figure has no usual value."""
    assert list(changes(pd.DataFrame({"price_level": [0.0] * 7 + [9.0]}), limit=6.0)) == []


def test_small_money_is_left_out_but_never_a_fault_of_the_data() -> None:
    """The policy's least money holds for planners' alerts only."""
    fall = node("store", store="S1", signal=-1.5, span_units=290.0, state="cause")
    assert told(house(sales_of(), [fall]), Policy(least_money=6.0)) == []
    sales = sales_of()
    sales = sales[~((sales["store"] == "S2") & (sales["ds"] == pd.Timestamp(DAY)))]
    assert len(told(house(sales), Policy(least_money=1e6))) == 1


def test_the_model_is_learnt_anew_when_monitoring_asks_or_it_is_old() -> None:
    """A shift told in the last week asks for it, a missing file does not; after 28 days nobody has to ask."""
    tables = house(sales_of(), [node("store", store="S1", signal=-1.5, span_units=200.0, state="cause")])
    nothing = house(sales_of())
    for one in (tables, nothing):
        one.write("demand_alerts", demand_alerts.run(one, day=DAY, policy=Policy()), DAY)
    assert worth_learning(nothing, DAY + timedelta(days=1), age=8, policy=Policy()) == ""
    assert worth_learning(nothing, DAY + timedelta(days=1), age=28, policy=Policy()) == "age"
    assert worth_learning(tables, DAY + timedelta(days=1), age=8, policy=Policy()) == "shift"
    assert worth_learning(tables, DAY, age=8, policy=Policy()) == ""  # today's alerts come after today's forecast
    assert worth_learning(tables, DAY + timedelta(days=9), age=9, policy=Policy()) == ""
