"""The past in weeks, counted from tables."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from aislehub.core.hub import Hub
from aislehub.demand.outlook import outlook


@pytest.mark.parametrize("source", ["price list", "observed"])
def test_the_planted_response_is_found_from_lists_and_from_receipts(chains: Callable[[str], Hub], source: str) -> None:
    """An elasticity of −2 and a lift of 1.6 are found, whether prices are told ahead or only seen on receipts."""
    past = outlook(chains(source)).past
    assert past.response is not None
    assert past.response.drivers == ("price", "display")
    for item in past.items.values():
        _, low, high = past.response.interval(item, "price")
        assert low < -1.5
        assert high > -2.5
    assert past.response.mean.mean(axis=0) == pytest.approx([-2.0, np.log(1.6)], abs=0.2)


def test_prices_and_promotions_are_counted(chains: Callable[[str], Hub]) -> None:
    """What an item cost in a week, and what was paid lately, is what the receipts say; promoted weeks are counted."""
    hub = chains("observed")
    past = outlook(hub).past
    lines = hub.tables.fetch("sales_lines").to_pandas()
    tea = lines[(lines["item"] == "tea") & (lines["day"] > lines["day"].max() - np.timedelta64(7, "D"))]
    assert past.price[past.items["tea"], -1] == pytest.approx((tea["amount"] / tea["quantity"]).median())
    late = lines[(lines["item"] == "tea") & (lines["store"] == "B")]
    late = late[late["day"] > late["day"].max() - np.timedelta64(28, "D")]
    assert past.paid["B", "tea"] == pytest.approx((late["amount"] / late["quantity"]).median(), abs=0.2)
    promotions = hub.tables.fetch("promotions").to_pandas()
    ended = promotions[promotions["ends"] <= lines["day"].max()]
    assert past.promoted["display"][past.items["tea"]] == (ended["item"] == "tea").sum()
