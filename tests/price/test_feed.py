"""A competitor's feed that has lost its point is told."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa

from aislehub.price.feed import COMPETITOR_ALERTS, competitor_alerts
from aislehub.price.pricing import Policy
from aislehub.schema import COMPETITOR_PRICES, PRICES

from .shelf import DAY, asked, table

SEEN = datetime(DAY.year, DAY.month, DAY.day, 8, tzinfo=UTC)


def alerts(*seen: dict[str, Any]) -> pd.DataFrame:
    """The step on prices of 2.00 in two stores."""
    prices = [asked(store, item) for store in "12" for item in ("milk", "soap")]
    frame = competitor_alerts(table(COMPETITOR_PRICES, list(seen)), table(PRICES, prices), day=DAY, policy=Policy())
    COMPETITOR_ALERTS.require(pa.Table.from_pandas(frame.assign(day=DAY), preserve_index=False))
    return frame


def seen(competitor: str, item: str, price: float, days: int = 0) -> dict[str, Any]:
    """A price of a competitor, so many days ago."""
    return {"competitor": competitor, "item": item, "seen_at": SEEN - timedelta(days=days), "price": price}


def test_a_feed_100_times_off_is_one_alert() -> None:
    """One alert a competitor, with how many prices are off and the farthest; believable ones are none."""
    found = alerts(seen("a", "milk", 200.0), seen("a", "soap", 0.1), seen("b", "milk", 1.9), seen("c", "soap", 0.02))
    facts = {row["subject"]: json.loads(row["facts"]) for row in found.to_dict("records")}
    assert set(facts) == {"a", "c"} and (facts["a"]["count"], facts["a"]["of"]) == (2, 2)
    assert facts["a"] | {"item": "milk", "price": 200.0, "own": 2.0} == facts["a"]
    assert facts["c"]["price"] == 0.02


def test_what_is_old_or_corrected_is_no_alert() -> None:
    """The latest price counts, and one older than the policy's days is forgotten."""
    assert alerts(seen("a", "milk", 200.0, days=2), seen("a", "milk", 2.1)).empty
    assert alerts(seen("a", "milk", 200.0, days=20)).empty
    assert alerts().empty
