"""What the day makes of reviews: new complaints are found, chance is not, and a member's no is heard."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa

from aislehub.core.registry import registry
from aislehub.core.tables import Tables
from aislehub.customer.reviews.daily import Policy, item_aspects, review_alerts, review_aspects
from aislehub.data.sources.simulated.reviews import FAULTS

DAY = date(2017, 12, 3)


def table(tables: Tables, name: str, rows: list[dict[str, object]]) -> None:
    """Append rows that keep the contract."""
    tables.append(name, tables.contract(name).check(pa.Table.from_pylist(rows)).good)


def test_a_new_complaint_raises_an_alert(house: Tables) -> None:
    """Only the fault that began four weeks ago is an alert; what has been bad all along is advice, no news."""
    alerts = house.contract("review_alerts").require(review_alerts.run(house, day=DAY, policy=Policy())).to_pylist()
    assert [alert["subject"] for alert in alerts] == [f"i00 {next(iter(FAULTS))}"]
    assert alerts[0]["money_at_risk"] > 0
    name = next(row["name"] for row in house.fetch("items").to_pylist() if row["item"] == "i00")
    assert json.loads(alerts[0]["facts"])["named"] == (f"{name} (i00)" if name else "i00")


def test_chance_hardly_ever_raises_an_alert() -> None:
    """400 items times 20 draws whose complaints do not change: at most 1 in 1,000 item-aspects is called."""
    random = np.random.default_rng(0)
    called = 0
    for _ in range(20):
        days = random.integers(0, 112, 12_000)
        mentions = pd.DataFrame({
            "review": np.arange(12_000), "item": random.integers(0, 400, 12_000).astype(str), "aspect": "taste",
            "written": [DAY - timedelta(days=int(ago)) for ago in days],
            "polarity": np.where(random.random(12_000) < 0.25, -1.0, 1.0),
        })  # fmt: skip
        found = item_aspects(mentions, DAY)
        called += int(((found["chance"] < 0.001) & (found["recent_bad"] >= 5)).sum())
    assert called <= 8


def test_who_objected_to_analysis_is_not_read(house: Tables) -> None:
    """A member's review is left out once they have objected; one without a member stays."""
    tables = Tables(None, registry().contracts, "UTC")
    at = datetime(2017, 11, 20, 12, tzinfo=UTC)
    table(tables, "reviews", [
        {"review": name, "at": at, "text": "很好", "item": "i", "customer": customer}
        for name, customer in (("a", "no"), ("b", "silent"), ("c", None))
    ])  # fmt: skip
    table(tables, "consents", [{"customer": "no", "purpose": "analysis", "granted": False, "at": at}])
    read = review_aspects.run(tables, day=DAY, policy=Policy()).to_pylist()
    assert [row["review"] for row in read] == ["b", "c"]
