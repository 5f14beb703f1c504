"""Readiness finds each planted fault, and none in sound data."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import aislehub.schema as schema
from aislehub.core.tables import Tables
from aislehub.core.text import sentences
from aislehub.data.faults import CHECKS, Policy
from aislehub.data.quality import CAPABILITIES, READINESS, assess, document, score
from aislehub.data.rejected import REJECTED
from aislehub.data.sources.complete_journey import TIMEZONE, CompleteJourney

DAY = date(2018, 2, 4)
FIRST = DAY - timedelta(days=399)
KNOWN = datetime(2016, 12, 1, tzinfo=UTC)
CONTRACTS = {contract.name: contract for contract in (*(getattr(schema, name) for name in schema.__all__), REJECTED)}
House = dict[str, pd.DataFrame]
Found = dict[str, dict[str, Any]]
ITEMS = [f"i{n:02d}" for n in range(12)]
GTINS = ["4006381333931", "6901234567892", "036000291452"]


def sound_house() -> House:
    """A small chain in order: 2 stores, 12 items, 400 days of 10 receipts with 2 lines each, all master data."""
    rng = np.random.default_rng(7)
    days = pd.date_range(FIRST, DAY)
    lines = pd.MultiIndex.from_product([["1", "2"], days, range(10), range(2)]).to_frame(index=False)
    lines.columns = ["store", "at", "number", "line"]
    first_item = rng.integers(len(ITEMS), size=len(lines) // 2)
    item = np.stack([first_item, (first_item + 5) % len(ITEMS)], axis=1).ravel()
    quantity = rng.integers(1, 4, len(lines)).astype(float)
    sold_at = (lines["at"] + pd.to_timedelta(9 * 60 + lines["number"] * 47, unit="min")).dt.tz_localize("UTC")
    price = 2.0 + item
    sales = pd.DataFrame(
        {
            "store": lines["store"],
            "receipt": lines["at"].dt.strftime("%Y%m%d-") + lines["number"].astype(str),
            "line": lines["line"].astype(str),
            "sold_at": sold_at,
            "day": lines["at"].dt.date,
            "item": np.array(ITEMS)[item],
            "customer": "c" + lines["number"].astype(str),
            "quantity": quantity,
            "amount": quantity * price,
            "price": price,
            "known_at": sold_at.copy(),
        }
    )
    pairs = pd.MultiIndex.from_product([["1", "2"], ITEMS]).to_frame(index=False, name=["store", "item"])
    recent = pd.DataFrame({"day": pd.date_range(DAY - timedelta(days=27), DAY).date})
    gtins = GTINS + [None] * (len(ITEMS) - 3)
    return {
        "stores": pd.DataFrame({"store": ["1", "2"], "region": ["north", "south"], "known_at": KNOWN}),
        "items": pd.DataFrame(
            {"item": ITEMS, "gtin": gtins, "cost": 1.0 + np.arange(12.0), "is_sellable": True, "known_at": KNOWN}
        ),
        "customers": pd.DataFrame({"customer": [f"c{n}" for n in range(10)], "known_at": KNOWN}),
        "sales_lines": sales,
        "prices": pairs.assign(kind="regular", valid_from=FIRST, price=3.0, known_at=KNOWN),
        "promotions": pairs.head(3).assign(promotion="p", starts=FIRST, ends=FIRST + timedelta(days=6), known_at=KNOWN),
        "stock": pairs.merge(recent, how="cross").assign(on_hand=20.0),
        "lead_times": pairs.assign(lead_days=2.0, known_at=KNOWN),
        "calendar": pd.DataFrame({"day": [DAY], "region": "all", "event": "Day", "kind": "holiday", "known_at": KNOWN}),
    }


def run(house: House, day: date = DAY) -> pa.Table:
    """The readiness table of a house."""
    tables = Tables(None, CONTRACTS)
    for name, frame in house.items():
        checked = CONTRACTS[name].check(pa.Table.from_pandas(frame, preserve_index=False))
        assert checked.rejected.num_rows == 0
        tables.append(name, checked.good)
    return READINESS.require(assess.run(tables, day=day, policy=Policy()))


def by_subject(rows: pa.Table) -> Found:
    """Faults and capabilities by name."""
    return {row["subject"]: row for row in rows.to_pylist() if row["kind"] != "table"}


def faults(found: Found) -> dict[str, int]:
    """Faults found, with their count."""
    return {name: row["count"] for name, row in found.items() if row["kind"] == "fault"}


@pytest.fixture(scope="module")
def sound() -> Found:
    """What readiness says of a chain in order."""
    return by_subject(run(sound_house()))


def test_sound_data_have_no_fault(sound: Found) -> None:
    """A chain in order gets no fault; what it has data for is ready, what it has none for is not."""
    assert faults(sound) == {}
    status = {name: sound[name]["status"] for name in CAPABILITIES}
    assert status == dict.fromkeys(("demand", "replenish", "price", "customer"), "ready") | dict.fromkeys(
        ("store", "roster", "route"), "not_ready"
    )


def spread(frame: pd.DataFrame, count: int, start: int) -> pd.Index:
    """`count` rows, 97 apart, from row `start` on: planted faults never meet."""
    return frame.index[start : start + 97 * count : 97]


GAP = DAY - timedelta(days=40)


def with_broken_sales() -> tuple[House, dict[str, int]]:
    """Ten kinds of faults in the sales lines, none touching another, and how often each was planted."""
    house = sound_house()
    lines = house["sales_lines"]
    price = lines["price"]
    lines.loc[spread(lines, 5, 100), "amount"] = 0.0
    lines.loc[spread(lines, 4, 201), "quantity"] = 0.0
    lines.loc[spread(lines, 6, 302), "sold_at"] += timedelta(hours=3)
    lines.loc[spread(lines, 7, 403), "item"] = "nobody"
    bulk = spread(lines, 3, 504)
    lines.loc[bulk, "quantity"] = 500.0
    lines.loc[bulk, "amount"] = 500.0 * price[bulk]
    lines.loc[spread(lines, 8, 605), "amount"] *= 100
    lines.loc[spread(lines, 9, 706), "customer"] = None
    lines = lines[~((lines["store"] == "1") & (lines["day"] == GAP))]
    lines = lines[(lines["item"] != "i11") | (lines["day"] < FIRST + timedelta(days=200))]
    last = lines[(lines["day"] == DAY) & (lines["store"] == "1")]
    whole = last.groupby("receipt")["line"].transform("size") == 2
    copies = last[whole].assign(receipt="copy-" + last["receipt"][whole])
    # Item i11 is sold no more after day 200, yet two come back on the last day.
    returns = lines[lines["day"] == DAY].iloc[[0, 1]].assign(
        receipt=["back-1", "back-2"], item="i11", quantity=-1.0, amount=-13.0
    )  # fmt: skip
    planted = {
        "zero_price": 5, "zero_quantity": 4, "clock_skew": 6, "unknown_item": 7, "outlier_quantity": 3,
        "price_jump": 8, "anonymous": 9, "gap_days": 1, "double_receipt": copies["receipt"].nunique(),
        "return_without_sale": 2,
    }  # fmt: skip
    return house | {"sales_lines": pd.concat([lines, copies, returns])}, planted


def with_broken_master_data() -> tuple[House, dict[str, int]]:
    """Faults in every other table, and a short history."""
    house = sound_house()
    items, stock, lines = house["items"], house["stock"], house["sales_lines"]
    lines = lines[lines["day"] > DAY - timedelta(days=300)]
    items.loc[1, "gtin"] = items.loc[0, "gtin"]
    items.loc[[5, 6], "cost"] = None
    items.loc[8, "cost"] = 11.0  # sold for 10
    stock.loc[stock.index[:7], "on_hand"] = -3.0
    stale = (stock["store"] == "2") & (stock["day"] >= DAY - timedelta(days=9))
    house["promotions"].loc[0, "ends"] = FIRST - timedelta(days=3)
    terms = house["lead_times"]
    planted = {
        "short_history": 64, "duplicate_gtin": 1, "missing_cost": 2, "negative_stock": 7, "stale_stock": 1,
        "below_cost": int((lines["item"] == "i08").sum()), "missing_stock": 2, "missing_supply_terms": 2,
        "promotion_dates": 1, "simulated": 22, "rejected": 2,
    }  # fmt: skip
    reasons = '[{"code": "reject.low", "column": "price", "value": "-1", "limit": "0"}]'
    broken = {
        "sales_lines": lines,
        "rejected": pd.DataFrame(
            {"table": "prices", "source": "list.csv", "row": [7, 9], "raw": "{}", "reasons": reasons, "known_at": KNOWN}
        ),
        "stock": stock[~stale & (stock["item"] != "i03")],
        "lead_times": terms[terms["item"] != "i04"].assign(source="simulated"),
    }
    return house | broken, planted


@pytest.fixture(scope="module")
def broken_sales() -> tuple[House, pa.Table]:
    """The house with faults in its sales, and its readiness."""
    house, _ = with_broken_sales()
    return house, run(house)


@pytest.fixture(scope="module")
def broken_master_data() -> tuple[House, pa.Table]:
    """The house with faults elsewhere, and its readiness."""
    house, _ = with_broken_master_data()
    return house, run(house)


def test_faults_planted_in_sales_are_found(broken_sales: tuple[House, pa.Table]) -> None:
    """Each fault is found as often as it was planted, with an example, and no other is invented."""
    found = by_subject(broken_sales[1])
    assert faults(found) == with_broken_sales()[1]
    assert all(json.loads(row["example"])["day"] for row in found.values() if row["kind"] == "fault")


def test_faults_planted_elsewhere_are_found(broken_master_data: tuple[House, pa.Table]) -> None:
    """Each fault is found as often as it was planted, and no other is invented."""
    assert faults(by_subject(broken_master_data[1])) == with_broken_master_data()[1]


def test_stale_sales() -> None:
    """Sales that ended ten days ago are stale, by ten days."""
    assert faults(by_subject(run(sound_house(), DAY + timedelta(days=10))))["stale_sales"] == 10


def test_every_check_is_planted() -> None:
    """No check without a planted fault that it must find."""
    planted = with_broken_sales()[1] | with_broken_master_data()[1]
    assert {check.name for check in CHECKS} == set(planted) - {"simulated", "rejected"} | {"stale_sales"}


def test_money_is_what_the_rows_touch(
    broken_sales: tuple[House, pa.Table], broken_master_data: tuple[House, pa.Table]
) -> None:
    """Free goods cost their usual price, copies their amount, a gap the weekday's turnover, stock its cost."""
    house, rows = broken_sales
    found, lines = by_subject(rows), house["sales_lines"]
    free = lines[(lines["amount"] == 0) & (lines["quantity"] > 0)]
    paid = lines[(lines["amount"] > 0) & (lines["quantity"] > 0)].groupby("item")[["amount", "quantity"]].sum()
    usual = paid["amount"] / paid["quantity"]
    expected = (free["quantity"] * free["item"].map(usual)).sum()
    assert found["zero_price"]["money"] == pytest.approx(expected)
    copies = lines[lines["receipt"].str.startswith("copy-")]
    assert found["double_receipt"]["money"] == pytest.approx(copies["amount"].sum())
    weekday = pd.to_datetime(lines["day"]).dt.dayofweek == GAP.weekday()
    turnover = lines[weekday & (lines["store"] == "1")].groupby("day")["amount"].sum()
    assert found["gap_days"]["money"] == pytest.approx(turnover.mean())
    assert json.loads(found["gap_days"]["example"])["day"] == GAP.isoformat()
    house, rows = broken_master_data
    stock = house["stock"].merge(house["items"], on="item")
    value = (-stock["on_hand"] * stock["cost"])[stock["on_hand"] < 0].sum()
    assert by_subject(rows)["negative_stock"]["money"] == pytest.approx(value)


def test_closed_days_are_no_gap(broken_sales: tuple[House, pa.Table]) -> None:
    """A day that the calendar closes in the store's region is not missing; closed elsewhere, it is."""
    closed = pd.DataFrame({"day": [GAP], "event": ["Feast"], "kind": ["closed"], "known_at": KNOWN})
    north, south = (broken_sales[0] | {"calendar": closed.assign(region=region)} for region in ("north", "south"))
    assert "gap_days" not in faults(by_subject(run(north)))
    assert faults(by_subject(run(south)))["gap_days"] == 1


def test_weekly_closing_day_is_no_gap() -> None:
    """A store that never sells on Sundays has no gap there."""
    house = sound_house()
    lines = house["sales_lines"]
    weekdays = lines[pd.to_datetime(lines["day"]).dt.dayofweek != 6]
    assert faults(by_subject(run(house | {"sales_lines": weekdays}, DAY - timedelta(days=1)))) == {}


def test_points_lost_grow_with_the_share() -> None:
    """A fault takes points in proportion to its share up to its whole weight; an absent table takes them all."""
    looked = {name: {"count": 1} for name in CONTRACTS}
    fault = {"subject": "negative_stock", "table": "stock", "facts": {"harms": {"replenish": 40}, "unusable": 0.1}}

    def points(share: float) -> float:
        return score("replenish", looked, [fault | {"share": share}], Policy())["score"]

    assert [points(share) for share in (0.0, 0.05, 0.1, 0.5)] == [100, 80, 60, 60]
    assert score("replenish", looked | {"stock": {"count": 0}}, [], Policy())["status"] == "not_ready"
    assert score("demand", looked, [fault | {"share": 1.0}], Policy())["score"] == 100


def test_what_is_not_known_yet_is_not_judged(sound: Found) -> None:
    """Rows that became known after the day do not change its readiness."""
    house = sound_house()
    later = house["sales_lines"].tail(3).assign(
        receipt="later", line=["1", "2", "3"], amount=0.0, known_at=datetime(2018, 2, 7, tzinfo=UTC)
    )  # fmt: skip
    assert by_subject(run(house | {"sales_lines": pd.concat([house["sales_lines"], later])})) == sound


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_document_speaks(broken_master_data: tuple[House, pa.Table], lang: str) -> None:
    """Every fault says what it is, what it costs and what to do, every capability why, in both languages."""
    for check in CHECKS:
        for part in ("", ".cost", ".do", ".short"):
            assert f"readiness.{check.name}{part}" in sentences(lang)
    found = document(broken_master_data[1], lang)
    negative = next(fault for fault in found["faults"] if fault["check"] == "negative_stock")
    assert "7" in negative["what"]
    money = [fault["money"] or 0 for fault in found["faults"]]
    assert money == sorted(money, reverse=True)
    assert [row["capability"] for row in found["capabilities"]] == list(CAPABILITIES)
    assert "readiness." not in json.dumps(found, default=str, ensure_ascii=False)


def test_complete_journey_is_scored_in_seconds(tmp_path: Path) -> None:
    """Real data: demand is ready, replenishment is not (no stock, no terms), in at most 10 CPU-seconds."""
    tables = Tables(tmp_path, CONTRACTS, TIMEZONE)
    for name, rows in CompleteJourney().rows():
        tables.append(name, CONTRACTS[name].check(rows).good)
    started = process_time()
    rows = assess.run(tables, day=date(2017, 12, 3), policy=Policy())
    assert process_time() - started < 10
    found = by_subject(rows)
    assert found["demand"]["status"] == "ready"
    assert found["replenish"]["status"] == "not_ready"
    assert found["unknown_item"]["count"] == 4_462
