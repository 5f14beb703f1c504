"""Simulated consents are the same in every run, marked, and as rare and frequent as they say."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from aislehub.core.tables import Tables
from aislehub.data.sources.simulated.campaigns import SimulatedCampaigns
from aislehub.data.sources.simulated.consents import SimulatedConsents
from aislehub.law.consent import may_use
from aislehub.schema import CAMPAIGN_PLANS, CONSENTS, CUSTOMERS, SALES_LINES

MEMBERS = [f"m{number}" for number in range(2000)]
FIRST, LAST = datetime(2017, 1, 1, 12, tzinfo=UTC), datetime(2017, 12, 31, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def tables() -> Tables:
    """2,000 members and a year of sales."""
    made = Tables(None, {one.name: one for one in (CAMPAIGN_PLANS, CONSENTS, CUSTOMERS, SALES_LINES)})
    made.append("customers", pa.Table.from_pylist([{"customer": one} for one in MEMBERS], schema=CUSTOMERS.schema))
    lines = [
        {"store": "1", "receipt": str(at), "line": "1", "sold_at": at, "day": at.date(), "item": "a", "quantity": 1.0,
         "amount": 1.0} for at in (FIRST, LAST)
    ]  # fmt: skip
    made.append("sales_lines", pa.Table.from_pylist(lines, schema=SALES_LINES.schema))
    return made


def test_most_agree_few_object_and_every_row_is_marked(tables: Tables) -> None:
    """Of 2,000 members about 60 in 100 may be written to at first, a few fewer at the end; silence is no consent."""
    ((name, rows),) = SimulatedConsents(tables).rows()
    assert name == "consents" and set(rows["source"].to_pylist()) == {"simulated: consents"}
    assert CONSENTS.check(rows).rejected.num_rows == 0
    frame = rows.to_pandas()
    first, last = (may_use(MEMBERS, "messages", frame, at, ["eu"]).mean() for at in (FIRST, LAST))
    assert 0.56 < first < 0.64 and 0.01 < first - last < 0.05
    assert 0.96 < may_use(MEMBERS, "personalisation", frame, FIRST, ["eu"]).mean() < 0.995


def test_it_is_the_same_in_every_run(tables: Tables) -> None:
    """Loaded again, every row is known; another seed draws others."""
    (one,), (again,), (other,) = (list(SimulatedConsents(tables, seed).rows()) for seed in (0, 0, 1))
    assert one[1].equals(again[1]) and not one[1].equals(other[1])
    later = next(iter(SimulatedConsents(tables).rows(datetime(2017, 1, 2, tzinfo=UTC))))[1]
    assert 0 < later.num_rows < one[1].num_rows


def test_the_example_campaign_is_a_plan_that_says_it_is_simulated(tables: Tables) -> None:
    """One row that keeps its contract."""
    ((name, rows),) = SimulatedCampaigns(tables).rows()
    assert name == "campaign_plans" and CAMPAIGN_PLANS.check(rows).rejected.num_rows == 0
    assert "simulated" in rows["source"][0].as_py()
