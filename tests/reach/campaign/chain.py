"""A small chain with members whose purchases are known, for campaigns to be proposed and measured on."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from aislehub.core.tables import Tables
from aislehub.reach.campaign.decide import CAMPAIGNS
from aislehub.schema import (
    CAMPAIGN_AUDIENCE,
    CAMPAIGN_PLANS,
    CAMPAIGN_RESPONSES,
    CONSENTS,
    CONTACTS,
    CUSTOMER_PROFILES,
    CUSTOMER_SEGMENTS,
    CUSTOMERS,
    ITEMS,
    SALES_LINES,
    STORES,
    UPLIFT_SCORES,
    UPLIFT_STUDIES,
)

START, SENT = date(2026, 6, 1), date(2026, 10, 1)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
CONTRACTS = (
    CAMPAIGN_AUDIENCE, CAMPAIGN_PLANS, CAMPAIGN_RESPONSES, CAMPAIGNS, CONSENTS, CONTACTS, CUSTOMER_PROFILES,
    CUSTOMER_SEGMENTS, CUSTOMERS, ITEMS, SALES_LINES, STORES, UPLIFT_SCORES, UPLIFT_STUDIES,
)  # fmt: skip


def put(tables: Tables, name: str, rows: list[dict[str, Any]]) -> None:
    """Facts with only the columns that matter here."""
    contract = tables.contract(name)
    tables.append(name, contract.require(pa.Table.from_pylist(rows, schema=contract.schema)))


def chain(members: int, raised: float, *, seed: int = 0, name: str = "spring", control: float = 0.5) -> Tables:
    """Members who bought every week since START; from SENT on, those treated by campaign `name` buy `raised` more.

    An item costs 6 of its 10, so that each money of sales is 0.4 of contribution.
    """
    rng = np.random.default_rng(seed)
    tables = Tables(None, {contract.name: contract for contract in CONTRACTS}, "UTC")
    names = [f"m{number}" for number in range(members)]
    treated = rng.random(members) >= control
    put(tables, "stores", [{"store": "1", "country": "US"}])
    put(tables, "items", [{"item": "tea", "cost": 6.0, "tax_rate": 0.0}])
    put(tables, "customers", [{"customer": one, "home_store": "1"} for one in names])
    put(tables, "campaign_plans", [plan(name, starts=SENT)])
    put(tables, "contacts", [
        {"campaign": name, "customer": one, "day": SENT, "arm": "treatment" if is_treated else "control",
         "channel": "file", "decision": "d1"} for one, is_treated in zip(names, treated, strict=True)
    ])  # fmt: skip
    usual = rng.gamma(4, 5, members)
    rows = []
    for week in range(24):
        day = START + timedelta(days=7 * week)
        bought = rng.poisson(usual * np.where((day >= SENT) & treated, 1 + raised, 1.0)).astype(float)
        rows += [
            {"store": "1", "receipt": f"{week}-{one}", "line": "1", "item": "tea", "customer": one, "day": day,
             "sold_at": datetime(day.year, day.month, day.day, 12, tzinfo=UTC), "quantity": units, "amount": 10 * units}
            for one, units in zip(names, bought, strict=True) if units
        ]  # fmt: skip
    put(tables, "sales_lines", rows)
    return tables


def plan(name: str, **values: Any) -> dict[str, Any]:
    """A campaign to all members, measured over 28 days."""
    return {
        "campaign": name, "offer": "2 for 1", "channel": "file", "control": 0.2, "horizon_days": 28,
        "text_en": "Come in: {offer}.", "known_at": LONG_AGO,
    } | values  # fmt: skip
