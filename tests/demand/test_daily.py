"""The daily step, on tables in memory."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from aislehub.core.errors import HubError
from aislehub.core.reasons import sentence
from aislehub.core.tables import Tables
from aislehub.demand.daily import Policy, demand_forecast, demand_panel, forecast_rows, learn_demand
from aislehub.schema import CALENDAR, DEMAND_FORECAST, ITEMS, PRICES, PROMOTIONS, SALES_LINES, STOCK, STORES

FIRST, DAY = date(2024, 1, 1), date(2024, 6, 28)
POLICY = Policy(horizon_days=14)
READS = ("sales_lines", "items", "promotions", "prices", "calendar", "stock", "stores")


@pytest.fixture(scope="module")
def house() -> Tables:
    """Two stores, three items, promotions that treble demand (also one announced for the coming week)."""
    random = np.random.default_rng(0)
    tables = Tables(
        None, {c.name: c for c in (STORES, ITEMS, SALES_LINES, PROMOTIONS, PRICES, CALENDAR, STOCK, DEMAND_FORECAST)}
    )
    days = pd.date_range(FIRST, DAY)
    weeks = [(start, store, item) for start in days[::7] for store in "AB" for item in ("milk", "tea", "wine")]
    promoted = {key for key in weeks if random.random() < 0.25} | {(days[-4], "A", "milk")}
    upcoming = pd.Timestamp(DAY) + pd.Timedelta(days=1)
    promotions = pd.DataFrame(
        [
            {"store": store, "item": item, "promotion": f"{start:%j}{item}", "starts": start.date(),
             "ends": (start + pd.Timedelta(days=6)).date(), "display": "rear",
             "known_at": pd.Timestamp(FIRST, tz="UTC")}
            for start, store, item in [*sorted(promoted), (upcoming, "B", "tea")]
        ]
    )  # fmt: skip
    on = {
        (store, item, day)
        for start, store, item in promoted
        for day in pd.date_range(start, start + pd.Timedelta(days=6))
    }
    sales = pd.DataFrame(
        [
            {"store": store, "receipt": f"{day:%j}", "line": item, "sold_at": day.tz_localize("UTC"), "day": day.date(),
             "item": item, "quantity": float(random.poisson(6 * (3 if (store, item, day) in on else 1))), "amount": 1.0}
            for day in days for store in "AB" for item in ("milk", "tea", "wine")
        ]
    )  # fmt: skip
    sales.loc[len(sales)] = {**sales.iloc[-1], "line": "return", "quantity": -500.0}
    for contract, rows in ((SALES_LINES, sales), (PROMOTIONS, promotions)):
        checked = contract.check(pa.Table.from_pandas(rows, preserve_index=False))
        assert checked.rejected.num_rows == 0
        tables.append(contract.name, checked.good)
    return tables


def reason_sentences(reasons: list[dict[str, object]]) -> bool:
    """True when every reason has a sentence in both languages."""
    return all(sentence(reason, lang) != reason["code"] for reason in reasons for lang in ("en", "zh"))


def inputs(tables: Tables, day: date) -> list[object]:
    """What the step reads, as known on `day`."""
    return [tables.read(name, as_of=day) for name in READS]


def test_the_step_keeps_its_contract_and_knows_announced_promotions(house: Tables, tmp_path: Path) -> None:
    """One row per store, item and coming day; the item promoted next week is expected to sell more."""
    learn_demand(*inputs(house, DAY), day=DAY, policy=POLICY, folder=tmp_path)
    rows = demand_forecast(*inputs(house, DAY), day=DAY, policy=POLICY, model=tmp_path)
    checked = DEMAND_FORECAST.check(pa.Table.from_pandas(rows.assign(day=DAY), preserve_index=False))
    assert checked.rejected.num_rows == 0
    assert len(rows) == 2 * 3 * 14
    assert rows["ds"].min() == DAY + timedelta(days=1)
    week = rows[rows["ds"] <= DAY + timedelta(days=7)].groupby(["store", "item"])["mean"].mean()
    assert week["B", "tea"] > 1.5 * week["B", "milk"]
    assert (rows["low"] <= rows["high"]).all()
    last = rows.groupby(["store", "item"]).tail(1)
    np.testing.assert_allclose(last["total_mean"], rows.groupby(["store", "item"])["mean"].sum())
    assert (last["total_sd"] ** 2 > last["total_mean"]).all()
    promoted = json.loads(rows.loc[(rows["store"] == "B") & (rows["item"] == "tea"), "reasons"].iloc[0])
    assert "demand.because.promotion" in [reason["code"] for reason in promoted]
    assert reason_sentences(promoted)


def test_what_stopped_selling_is_learnt_from_and_not_forecast(house: Tables, tmp_path: Path) -> None:
    """An item that sold until ten weeks ago is in the panel, eligible then and not now, and gets no forecast."""
    rows = house.fetch("sales_lines").to_pandas()
    gone = rows[rows["item"] == "wine"].assign(item="cider", line="cider")
    gone = gone[gone["day"] <= DAY - timedelta(days=70)].drop(columns=["known_at"])
    tables = Tables(None, house.contracts)
    for part in (rows.drop(columns=["known_at"]), gone):
        tables.append("sales_lines", SALES_LINES.check(pa.Table.from_pandas(part, preserve_index=False)).good)
    panel = demand_panel(*inputs(tables, DAY), day=DAY, policy=POLICY)
    cider = panel.ids.str.endswith("cider")
    assert panel.eligible is not None
    assert cider.sum() == 2
    assert panel.eligible[cider, -71].all() and not panel.eligible[cider, -1].any()
    assert set(forecast_rows(panel)) == set(np.flatnonzero(~cider))
    learn_demand(*inputs(tables, DAY), day=DAY, policy=POLICY, folder=tmp_path)
    table = demand_forecast(*inputs(tables, DAY), day=DAY, policy=POLICY, model=tmp_path)
    assert set(table["item"]) == {"milk", "tea", "wine"}


def test_returns_are_not_demand(house: Tables) -> None:
    """A returned line takes nothing away from the demand of its day."""
    panel = demand_panel(*inputs(house, DAY), day=DAY, policy=POLICY)
    assert np.nanmin(panel.y) >= 0


def test_nothing_after_the_day_is_read(house: Tables) -> None:
    """The panel of an earlier day is that day's: same history as the later one up to then."""
    earlier = DAY - timedelta(days=30)
    then = demand_panel(*inputs(house, earlier), day=earlier, policy=POLICY)
    now = demand_panel(*inputs(house, DAY), day=DAY, policy=POLICY)
    assert then.periods[-POLICY.horizon_days - 1] == pd.Timestamp(earlier)
    np.testing.assert_array_equal(then.y, now.y[:, : then.y.shape[1]])


def test_a_day_without_sales_history_says_so(house: Tables) -> None:
    """Before anything sold, the step fails with the day and what to do."""
    with pytest.raises(HubError) as refused:
        demand_panel(*inputs(house, FIRST), day=FIRST, policy=POLICY)
    assert refused.value.code == "demand.no_sales"


@pytest.mark.parametrize(("source", "told"), [("price list", True), ("observed", False)])
def test_only_prices_of_a_list_are_known_ahead(source: str, told: bool) -> None:
    """A price read off receipts exists only where something was sold: told ahead, it would give the sale away."""
    days = pd.date_range(DAY - timedelta(days=89), DAY)
    sales = [
        {"store": "A", "receipt": f"{day:%j}", "line": "tea", "sold_at": day.tz_localize("UTC"), "day": day.date(),
         "item": "tea", "quantity": 2.0, "amount": 4.0} for day in days
    ]  # fmt: skip
    prices = [
        {
            "store": "A",
            "item": "tea",
            "kind": "regular",
            "valid_from": days[at].date(),
            "price": price,
            "source": source,
        }
        for at, price in ((0, 2.0), (45, 3.0))
    ]
    tables = Tables(None, {c.name: c for c in (ITEMS, SALES_LINES, PROMOTIONS, PRICES, CALENDAR, STOCK, STORES)})
    for contract, rows in ((SALES_LINES, sales), (PRICES, prices)):
        checked = contract.check(pa.Table.from_pylist(rows))
        assert checked.rejected.num_rows == 0
        tables.append(contract.name, checked.good)
    panel = demand_panel(*inputs(tables, DAY), day=DAY, policy=POLICY)
    assert ("price" in panel.known) is told
