"""A made-up log says so, is the same in every run, and lets nobody look at what they could not know."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from aislehub.core.registry import registry
from aislehub.core.tables import Tables
from aislehub.data.sources.simulated.browsing import SimulatedBrowsing

FIRST = date(2024, 3, 1)


@pytest.fixture(scope="module")
def tables() -> Tables:
    """Forty members, thirty items of six kinds, two months; fuel is bought, too."""
    random, tables = np.random.default_rng(1), Tables(None, registry().contracts, "America/New_York")
    items = [{"item": f"i{n}", "subcategory": f"kind {n % 6}", "is_sellable": n > 0} for n in range(30)]
    sales = [
        {"store": "s", "receipt": f"r{number}", "line": str(line), "item": f"i{item}", "quantity": 1.0, "amount": 1.0,
         "customer": f"c{number % 40}" if number % 5 else None, "day": FIRST + timedelta(days=number // 10),
         "sold_at": datetime(2024, 3, 1, 17, tzinfo=UTC) + timedelta(days=number // 10)}
        for number in range(600) for line, item in enumerate(random.choice(30, 5, replace=False))
    ]  # fmt: skip
    for name, rows in (("stores", [{"store": "s", "timezone": "America/New_York"}]), ("items", items),
                       ("sales_lines", sales)):  # fmt: skip
        checked = tables.contract(name).check(pa.Table.from_pylist(rows))
        assert not checked.rejected.num_rows
        tables.append(name, checked.good)
    return tables


def rows(tables: Tables, seed: int = 0, since: datetime | None = None) -> pa.Table:
    """The one table of the source."""
    ((name, table),) = SimulatedBrowsing(tables, seed, FIRST + timedelta(days=10)).rows(since)
    assert name == "events"
    return table


def test_the_rows_keep_the_contract_and_say_that_they_are_made_up(tables: Tables) -> None:
    """All come in by the usual door, each a look by a known member at something that can be sold."""
    made = rows(tables)
    assert made.num_rows > 100 and not tables.contract("events").check(made).rejected.num_rows
    assert set(made["source"].to_pylist()) == {"simulated: browsing log"}
    assert set(made["kind"].to_pylist()) == {"view"} and None not in made["customer"].to_pylist()
    assert "i0" not in made["item"].to_pylist()


def test_the_same_seed_makes_the_same_log(tables: Tables) -> None:
    """A second load knows every row; another seed makes another log; `since` cuts it."""
    made = rows(tables)
    assert made.equals(rows(tables)) and not made.equals(rows(tables, seed=1))
    middle = made["at"][made.num_rows // 2].as_py()
    assert rows(tables, since=middle)["at"].to_pylist() == [at for at in made["at"].to_pylist() if at >= middle]


def test_looks_lie_before_the_visit_in_the_evening(tables: Tables) -> None:
    """Between 17:00 and 22:30 of the store's clock, one to nine days before what they led to."""
    sold = tables.fetch("sales_lines").to_pandas().drop_duplicates("receipt").set_index("receipt")["day"]
    made = rows(tables).to_pandas()
    day = made["session"].str.removeprefix("sim-s-").map(sold)
    local = made["at"].dt.tz_convert("America/New_York")
    ago = [(bought - seen).days for bought, seen in zip(day, local.dt.date, strict=True)]
    assert min(ago) >= 1 and max(ago) <= 9
    assert local.dt.hour.between(16, 23).all()  # a night of 23 or 25 hours moves them by one


def test_a_house_without_members_has_no_looks() -> None:
    """Nothing is made up out of nothing."""
    assert rows(Tables(None, registry().contracts)).num_rows == 0
