"""Readiness finds each planted fault, and none in sound data."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import aislehub.schema as schema
from aislehub.core.tables import Tables
from aislehub.core.text import sentences
from aislehub.data.quality import CAPABILITIES, CHECKS, READINESS, Policy, assess, document

DAY = date(2018, 2, 4)
FIRST = DAY - timedelta(days=399)
CONTRACTS = {getattr(schema, name).name: getattr(schema, name) for name in schema.__all__}
House = dict[str, pd.DataFrame]
ITEMS = [f"i{n:02d}" for n in range(12)]
GTINS = ["4006381333931", "6901234567892", "036000291452"]


@pytest.fixture
def house() -> House:
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
            "known_at": sold_at,
        }
    )
    pairs = pd.MultiIndex.from_product([["1", "2"], ITEMS]).to_frame(index=False, name=["store", "item"])
    recent = pd.DataFrame({"day": pd.date_range(DAY - timedelta(days=27), DAY).date})
    start = datetime(2016, 12, 1, tzinfo=UTC)
    gtins = GTINS + [None] * (len(ITEMS) - 3)
    return {
        "stores": pd.DataFrame({"store": ["1", "2"], "region": ["north", "south"], "known_at": start}),
        "items": pd.DataFrame(
            {"item": ITEMS, "gtin": gtins, "cost": 1.0 + np.arange(12.0), "is_sellable": True, "known_at": start}
        ),
        "customers": pd.DataFrame({"customer": [f"c{n}" for n in range(10)], "known_at": start}),
        "sales_lines": sales,
        "prices": pairs.assign(kind="regular", valid_from=FIRST, price=3.0, known_at=start),
        "promotions": pairs.head(3).assign(promotion="p", starts=FIRST, ends=FIRST + timedelta(days=6), known_at=start),
        "stock": pairs.merge(recent, how="cross").assign(on_hand=20.0),
        "lead_times": pairs.assign(lead_days=2.0, known_at=start),
        "calendar": pd.DataFrame({"day": [DAY], "region": "all", "event": "Day", "kind": "holiday", "known_at": start}),
    }


def assessed(house: House, day: date = DAY) -> dict[str, dict[str, Any]]:
    """Readiness rows by subject."""
    tables = Tables(None, CONTRACTS | {"readiness": READINESS})
    for name, frame in house.items():
        checked = CONTRACTS[name].check(pa.Table.from_pandas(frame, preserve_index=False))
        assert checked.rejected.num_rows == 0
        tables.append(name, checked.good)
    rows = READINESS.require(assess.run(tables, day=day, policy=Policy()))
    return {row["subject"]: row for row in rows.to_pylist() if row["kind"] != "table"}


def faults(found: dict[str, dict[str, Any]]) -> set[str]:
    """Names of the faults found."""
    return {name for name, row in found.items() if row["kind"] == "fault"}


def test_sound_data_have_no_fault(house: House) -> None:
    """A chain in order gets no fault, and what it has data for is ready."""
    found = assessed(house)
    assert faults(found) == set()
    assert {name: found[name]["status"] for name in ("demand", "replenish", "price", "customer")} == dict.fromkeys(
        ("demand", "replenish", "price", "customer"), "ready"
    )
    assert found["store"]["status"] == "not_ready"


def few(frame: pd.DataFrame, count: int, **cells: object) -> pd.DataFrame:
    """The frame with some cells of `count` rows, spread over it, changed."""
    changed = frame.copy()
    rows = changed.index[:: len(changed) // count][:count]
    for name, cell in cells.items():
        changed.loc[rows, name] = cell
    return changed


def sales(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[House], House]:
    """A fault in the sales lines."""
    return lambda house: house | {"sales_lines": change(house["sales_lines"])}


def table(name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[House], House]:
    """A fault in another table."""
    return lambda house: house | {name: change(house[name])}


def one_gap(lines: pd.DataFrame) -> pd.DataFrame:
    return lines[~((lines.store == "1") & (lines.day == DAY - timedelta(days=40)))]


def odd_return(lines: pd.DataFrame) -> pd.DataFrame:
    """Item i11 is sold no more after half of the time, yet two come back near the end."""
    kept = lines[(lines["item"] != "i11") | (lines["day"] < FIRST + timedelta(days=200))]
    late = kept[kept.day == DAY].head(2).assign(
        receipt=["ret1", "ret2"], item="i11", quantity=-1.0, amount=-13.0
    )  # fmt: skip
    return pd.concat([kept, late])


def doubled(lines: pd.DataFrame) -> pd.DataFrame:
    copies = lines[(lines["day"] == DAY) & (lines["store"] == "1")]
    return pd.concat([lines, copies.assign(receipt="copy-" + copies["receipt"])])


def skewed(lines: pd.DataFrame) -> pd.DataFrame:
    changed = lines.copy()
    changed.loc[changed.index[100:105], "sold_at"] += timedelta(hours=3)
    return changed


PLANTED: dict[str, tuple[Callable[[House], House], int]] = {
    "short_history": (sales(lambda lines: lines[lines["day"] > DAY - timedelta(days=300)]), 64),
    "gap_days": (sales(one_gap), 1),
    "zero_price": (sales(lambda lines: few(lines, 5, amount=0.0)), 5),
    "zero_quantity": (sales(lambda lines: few(lines, 5, quantity=0.0)), 5),
    "below_cost": (table("items", lambda items: few(items, 1, cost=2.5)), 1_000),
    "clock_skew": (sales(skewed), 5),
    "unknown_item": (sales(lambda lines: few(lines, 4, item="nobody")), 4),
    "outlier_quantity": (sales(lambda lines: few(lines, 3, quantity=500.0, amount=500.0)), 3),
    "price_jump": (sales(lambda lines: few(lines, 3, amount=9999.0)), 3),
    "return_without_sale": (sales(odd_return), 2),
    "double_receipt": (sales(doubled), 10),
    "anonymous": (sales(lambda lines: few(lines, 6, customer=None)), 6),
    "duplicate_gtin": (table("items", lambda items: items.assign(gtin=GTINS[:1] * 2 + GTINS[1:] + [None] * 8)), 1),
    "missing_cost": (table("items", lambda items: few(items, 2, cost=None)), 2),
    "negative_stock": (table("stock", lambda stock: few(stock, 7, on_hand=-3.0)), 7),
    "stale_stock": (table("stock", lambda s: s[(s["store"] == "1") | (s["day"] < DAY - timedelta(days=9))]), 1),
    "missing_stock": (table("stock", lambda stock: stock[stock["item"] != "i03"]), 2),
    "missing_supply_terms": (table("lead_times", lambda terms: terms[terms["item"] != "i03"]), 2),
    "promotion_dates": (table("promotions", lambda rows: few(rows, 1, ends=FIRST - timedelta(days=3))), 1),
    "simulated": (table("lead_times", lambda terms: terms.assign(source="simulated")), 24),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found(house: House, name: str) -> None:
    """Each fault planted is found under its name, counted, with an example; no other fault is invented."""
    plant, count = PLANTED[name]
    found = assessed(plant(house))
    assert name in faults(found)
    row = found[name]
    if name == "below_cost":
        assert row["count"] > count
    else:
        assert row["count"] == count
    assert 0 < row["share"] <= 1
    assert name == "simulated" or json.loads(row["example"])
    # A quantity or price that is far off is rightly far off in the other respect too.
    together = {"outlier_quantity": {"price_jump", "below_cost"}, "zero_price": set()}
    assert faults(found) - {name} <= together.get(name, set())


def test_stale_sales(house: House) -> None:
    """Sales that ended ten days ago are stale, by ten days."""
    found = assessed(house, DAY + timedelta(days=10))
    assert found["stale_sales"]["count"] == 10


def test_every_check_is_planted() -> None:
    """No check without a planted fault that it must find."""
    assert {check.name for check in CHECKS} == set(PLANTED) - {"simulated"} | {"stale_sales"}


@pytest.mark.parametrize(
    ("name", "money"),
    [("zero_price", 5 * 2), ("gap_days", None), ("double_receipt", None), ("negative_stock", None)],
)
def test_money_is_what_the_rows_touch(house: House, name: str, money: float | None) -> None:
    """The money of a fault is that of its rows, at the item's usual price or cost."""
    broken = PLANTED[name][0](house)
    row = assessed(broken)[name]
    before, after = house["sales_lines"], broken["sales_lines"]
    if name == "zero_price":
        assert row["money"] == pytest.approx(before["amount"].sum() - after["amount"].sum())
    elif name == "double_receipt":
        assert row["money"] == pytest.approx(after["amount"].sum() - before["amount"].sum())
    elif name == "gap_days":
        weekday = [day.weekday() == (DAY - timedelta(days=40)).weekday() for day in after["day"]]
        same = after[weekday & (after["store"] == "1")]
        assert row["money"] == pytest.approx(same.groupby("day")["amount"].sum().mean())
    else:
        stock = broken["stock"].merge(house["items"], on="item")
        assert row["money"] == pytest.approx((-stock["on_hand"] * stock["cost"])[stock["on_hand"] < 0].sum())


def test_closed_days_are_no_gap(house: House) -> None:
    """A day that the calendar calls closed, or closed in the store's region, is not missing."""
    gap = DAY - timedelta(days=40)
    holiday = pd.DataFrame({"day": [gap], "region": ["north"], "event": ["Feast"], "kind": ["closed"]})
    holiday["known_at"] = datetime(2016, 12, 1, tzinfo=UTC)
    broken = PLANTED["gap_days"][0](house)
    assert "gap_days" not in faults(assessed(broken | {"calendar": holiday}))
    elsewhere = broken | {"calendar": holiday.assign(region="south")}
    assert "gap_days" in faults(assessed(elsewhere))


def test_weekly_closing_day_is_no_gap(house: House) -> None:
    """A store that never sells on Sundays has no gap there."""
    lines = house["sales_lines"]
    weekdays = pd.to_datetime(lines["day"]).dt.dayofweek
    assert faults(assessed(house | {"sales_lines": lines[weekdays != 6]}, DAY - timedelta(days=1))) == set()


def test_points_lost_grow_with_the_share(house: House) -> None:
    """Twice the negative stock, twice the points, up to the whole weight; a table that is absent takes all."""

    def points(count: int) -> float:
        return (
            100 - assessed(table("stock", lambda stock: few(stock, count, on_hand=-3.0))(house))["replenish"]["score"]
        )

    calm = points(0) if False else 100 - assessed(house)["replenish"]["score"]
    assert points(32) - calm == pytest.approx(2 * (points(16) - calm), rel=0.05)
    house.pop("stock")
    assert assessed(house)["replenish"]["score"] == 0


def test_what_is_not_known_yet_is_not_judged(house: House) -> None:
    """Rows that became known after the day do not change its readiness."""
    lines = house["sales_lines"]
    later = lines[lines["day"] == DAY].assign(
        receipt="later", amount=0.0, known_at=datetime.combine(DAY + timedelta(days=3), datetime.min.time(), UTC)
    )
    later = later.assign(line=range(len(later)))
    later["line"] = later["line"].astype(str)
    assert assessed(house | {"sales_lines": pd.concat([lines, later])}) == assessed(house)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_document_speaks(house: House, lang: str) -> None:
    """Every fault says what it is, what it costs and what to do, every capability why, in both languages."""
    for check in CHECKS:
        for part in ("", ".cost", ".do", ".short"):
            assert f"readiness.{check.name}{part}" in sentences(lang)
    tables = Tables(None, CONTRACTS | {"readiness": READINESS})
    for name, frame in PLANTED["negative_stock"][0](house).items():
        tables.append(name, CONTRACTS[name].check(pa.Table.from_pandas(frame, preserve_index=False)).good)
    found = document(assess.run(tables, day=DAY, policy=Policy()), lang)
    (fault,) = found["faults"]
    assert "7" in fault["what"]
    assert fault["cost"] and fault["do"] and fault["money"] > 0
    assert [row["capability"] for row in found["capabilities"]] == list(CAPABILITIES)
    spoken = json.dumps(found, default=str, ensure_ascii=False)
    assert "readiness." not in spoken


def test_complete_journey_is_scored_in_seconds(tmp_path: Path) -> None:
    """Real data: demand is ready, replenishment is not (no stock, no terms), in at most 10 CPU-seconds."""
    import time

    from aislehub.data.sources.complete_journey import TIMEZONE, CompleteJourney

    tables = Tables(tmp_path, CONTRACTS | {"readiness": READINESS}, TIMEZONE)
    for name, rows in CompleteJourney().rows():
        tables.append(name, CONTRACTS[name].check(rows).good)
    started = time.process_time()
    rows = assess.run(tables, day=date(2017, 12, 3), policy=Policy())
    assert time.process_time() - started < 10
    found = {row["subject"]: row for row in rows.to_pylist()}
    assert found["demand"]["status"] == "ready"
    assert found["replenish"]["status"] == "not_ready"
    assert found["unknown_item"]["count"] == 4_462
