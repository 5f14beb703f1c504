"""Figures of segments: they add up, name what sets members apart, and never show fewer than five."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from aislehub.core.tables import Tables
from aislehub.customer.segment_figures import ALL, SEGMENT_FIGURES, segment_figures
from aislehub.customer.segments import FEWEST, Policy
from aislehub.schema import CONSENTS, CUSTOMER_PROFILES
from tests.customer.conftest import DAY, ZONE, add
from tests.customer.test_segments import profiled  # noqa: F401 - a fixture


def figures(profiled, policy=None, objectors=0):  # noqa: F811
    """Rows by segment."""
    tables = Tables(None, {c.name: c for c in (CUSTOMER_PROFILES, CONSENTS)}, ZONE)
    tables.write("customer_profiles", profiled, DAY)
    names = sorted(profiled["customer"].to_pylist())[:objectors]
    said = {"purpose": "personalisation", "granted": False, "at": datetime(2024, 1, 1, tzinfo=UTC)}
    if names:
        add(tables, "consents", [{"customer": name, **said} for name in names])
    rows = SEGMENT_FIGURES.require(segment_figures.run(tables, day=DAY, policy=policy or Policy()))
    return rows.to_pandas().set_index("segment")


def test_figures_are_those_of_the_profiles(profiled):  # noqa: F811
    """All members have all the spend; a segment has its own part of it, and its mean."""
    found, table = figures(profiled), profiled.to_pandas()
    assert found.loc[ALL, "members"] == len(table) and found.loc[ALL, "spend_share"] == pytest.approx(1)
    lapsed = table[table["stage"] == "lapsed"]
    assert found.loc["lapsed", "members"] == len(lapsed) >= FEWEST
    assert found.loc["lapsed", "visits_90"] == pytest.approx(lapsed["visits_90"].mean())


def test_fewer_than_five_are_not_shown(profiled):  # noqa: F811
    """Four members have a row without a figure, five have figures."""
    spend = profiled.to_pandas()["spend_365"].sort_values(ascending=False).round(2).to_numpy()
    own = {"four": f"spend_365 >= {spend[3]:.2f}", "five": f"spend_365 >= {spend[4]:.2f}"}
    found = figures(profiled, Policy(own=own))
    assert found.loc["five", "members"] == 5 and found.loc["four"].drop(["day", "rule"]).isna().all()


def test_marks_are_beside_the_rule(profiled):  # noqa: F811
    """What else sets big baskets apart is not the basket; the largest difference is first."""
    marks = json.loads(figures(profiled).loc["big_basket", "marks"])
    assert "basket_value" not in {mark["column"] for mark in marks}
    sizes = [abs(mark["difference"]) for mark in marks]
    assert len(sizes) == 3 and sizes == sorted(sizes, reverse=True)


def test_objectors_count_and_are_not_listed(profiled):  # noqa: F811
    """Nine who objected are in all members' figures; how many are listed is told unless it tells of fewer than five."""
    some, few = figures(profiled, objectors=9), figures(profiled, objectors=3)
    assert some.loc[ALL, "members"] - some.loc[ALL, "listed"] == 9
    assert few.loc[ALL, "members"] == some.loc[ALL, "members"] and few["listed"].isna().loc[ALL]
