"""Advice on the range: planted faults are found, and everything else is kept."""

from __future__ import annotations

import json
from datetime import date

from aislehub.core.tables import Tables
from aislehub.customer.reviews.advice import Policy, range_advice
from aislehub.data.sources.simulated.reviews import SOURCE

DAY = date(2017, 12, 3)
ITEMS = [f"i{nth:02}" for nth in range(24)]


def test_planted_faults_are_found(house: Tables) -> None:
    """The leaking and the stale item are to be fixed, the one that tastes bad and hardly sells goes."""
    rows = range_advice.run(house, day=DAY, policy=Policy())
    found = {row["subject"]: row for row in house.contract("range_advice").require(rows).to_pylist()}
    assert len(found) == 24
    assert [(found[item]["advice"], found[item]["aspect"]) for item in ITEMS[:3]] == [
        ("fix", "packaging"), ("fix", "freshness"), ("drop", None),
    ]  # fmt: skip
    assert sum(row["advice"] != "keep" for row in found.values()) <= 4
    for row in found.values():
        assert row["money_low"] <= row["money"] <= row["money_high"]
        assert SOURCE in row["source"]
        assert json.loads(row["reasons"])
