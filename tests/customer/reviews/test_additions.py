"""What to add to a store's range: the money is the stated sum, the facts are counted, and nothing is added blindly."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import ibis
import pyarrow as pa
import pytest

from aislehub.core.reasons import sentence, wrong_facts
from aislehub.core.registry import registry
from aislehub.core.tables import Tables
from aislehub.customer.reviews.additions import additions
from aislehub.customer.reviews.advice import Policy, checks, range_advice

from .test_gaps import chain, without

DAY = date(2017, 12, 3)
RULES = {"gap_stores": 5, "gap_least_items": 10}


def fill(tables: Tables, name: str, rows: list[dict[str, Any]]) -> None:
    """Append facts, or write the day's rows of a derived table."""
    contract = tables.contract(name)
    checked = contract.check(pa.Table.from_pylist(rows))
    assert not checked.rejected.num_rows
    if contract.derived:
        tables.write(name, contract.require(checked.good), DAY)
    else:
        tables.append(name, checked.good)


@pytest.fixture
def lacking() -> Tables:
    """The chain of `test_gaps` without i07, the best item, in store s03; three reviews ask for it, one elsewhere."""
    tables = Tables(None, registry().contracts, "UTC")
    sold = without(chain(), "s03", "i07")
    at = datetime(2017, 11, 20, 12, tzinfo=UTC)
    fill(tables, "stores", [{"store": store} for store in sorted(set(sold["store"]))])
    fill(tables, "items", [{"item": item} for item in sorted(set(sold["item"]))])
    fill(tables, "sales_lines", [
        {"store": row["store"], "receipt": row["item"], "line": "1", "sold_at": at, "day": at.date(),
         "item": row["item"], "quantity": row["units"], "amount": row["money"]} for row in sold.to_dict("records")
    ])  # fmt: skip
    state = {"on_hand": 1.0, "on_order": 0.0, "orderable": True, "lead_days": 1.0, "lead_days_sd": 0.0,
             "cover_days": 2.0, "case_pack": 1.0, "moq": 0.0, "presentation_stock": 0.0, "order_cost": 0.0,
             "price": 2.0, "cost": 1.5, "own_mean": 1.0, "variance_ratio": 1.0, "source": "facts",
             "day": DAY}  # fmt: skip
    fill(tables, "supply_state", [
        {**state, "store": row["store"], "item": row["item"], "mean_sales": row["units"] / 182,
         **({"price": 3.0, "cost": 1.0} if row["item"] == "i07" else {})}
        for row in sold.to_dict("records")
    ])  # fmt: skip
    said = {"place": 0, "written": at.date(), "item": "i07", "language": "en", "sentiment": -0.9, "polarity": -0.9,
            "aspect": "availability", "quote": "I wish you had it", "source": "app", "day": DAY}  # fmt: skip
    fill(tables, "review_aspects", [
        {**said, "review": "a", "store": "s03"}, {**said, "review": "b", "store": None},
        {**said, "review": "c", "store": "s09"}, {**said, "review": "d", "store": "s03", "polarity": 0.9},
    ])  # fmt: skip
    return tables


def advised(tables: Tables, policy: Policy | None = None) -> list[dict[str, Any]]:
    """The rows that say *add*."""
    rows = (
        tables.contract("range_advice")
        .require(range_advice.run(tables, day=DAY, policy=policy or Policy(**RULES)))
        .to_pylist()
    )
    return [row for row in rows if row["advice"] == "add"]


def facts_of(row: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Code → facts of a decision's reasons."""
    return {reason["code"]: reason["facts"] for reason in json.loads(row["reasons"])}


def test_the_hidden_item_is_to_be_added(lacking: Tables) -> None:
    """The one gap is advised for its store, beside leaving it out; its reviews and who asks for it are counted."""
    (row,) = advised(lacking)
    assert (row["store"], row["subject"], row["reviews"], row["complaints"]) == ("s03", "i07", 4, 4)
    assert json.loads(row["action"]) == {"advice": "add"} and json.loads(row["baseline"]) == {"advice": "leave_out"}
    assert facts_of(row)["reviews.because_asked"] == {"count": 2}
    assert row["source"] == "app"


def test_money_is_the_stated_sum(lacking: Tables) -> None:
    """Contribution less what neighbours lose, less the place; about 240 units in 182 days, 2 earned a unit."""
    (row,) = advised(lacking)
    hoped = facts_of(row)["reviews.because_expected"]
    assert hoped["units"] == pytest.approx(240 * 28 / 182, rel=0.15)
    assert hoped["earned"] == pytest.approx(2 * hoped["units"], abs=0.02)
    assert row["money"] == pytest.approx(0.5 * hoped["earned"] - hoped["place"], abs=0.02)
    assert 0 < row["money_low"] < row["money"] < row["money_high"]
    assert row["outlay"] == pytest.approx(hoped["units"], abs=0.01)


def test_the_facts_are_counted_again(lacking: Tables) -> None:
    """`aislehub check` finds the reason true, and a reason with another number untrue."""
    (row,) = advised(lacking)
    decision = {**row, "day": DAY, "reasons": json.loads(row["reasons"])}
    assert wrong_facts(lacking, decision, checks) == []
    decision["reasons"][0]["facts"]["sold"] += 1
    (wrong,) = wrong_facts(lacking, decision, checks)
    assert wrong.startswith("reviews.because_add.sold")
    told = sentence(decision["reasons"][0], "en")
    assert "of the 5 stores most like this one" in told and "here none was sold" in told


def test_what_does_not_surely_pay_is_no_advice(lacking: Tables) -> None:
    """Where all of its sales come from neighbours, or the place earns as much, or none is wanted, nothing is added."""
    for change in ({"transfer": 1.0}, {"place": 1.0}, {"gap_most": 0}):
        assert advised(lacking, Policy(**RULES, **change)) == []


def test_what_leaves_or_stands_there_is_not_added(lacking: Tables) -> None:
    """An item that leaves the range, is to be dropped, or is on hand in the store without selling, is no gap."""
    house = {name: lacking.read(name) for name in ("supply_state", "sales_lines", "stock", "items")}
    none = lacking.fetch("review_aspects").to_pandas().iloc[:0]
    policy = Policy(**RULES)
    leaving = ibis.literal(DAY).name("delisted_from")
    assert len(additions(house, none, day=DAY, policy=policy, without=set())) == 1
    assert additions(house, none, day=DAY, policy=policy, without={"i07"}) == []
    gone = house | {"items": house["items"].mutate(leaving)}
    assert additions(gone, none, day=DAY, policy=policy, without=set()) == []
    fill(lacking, "stock", [{"store": "s03", "item": "i07", "day": date(2017, 11, 30), "on_hand": 6.0}])
    assert advised(lacking) == []
