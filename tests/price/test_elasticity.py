"""The capability: what it writes for every item, when it says that nobody can tell, and what the command shows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from aislehub.core.errors import HubError
from aislehub.core.hub import Hub, open_hub
from aislehub.core.tables import Tables
from aislehub.price.elasticity import (
    PUBLISHED,
    Policy,
    cross_elasticities,
    elasticities_of,
    known_elasticities,
    learn_elasticity,
    price_elasticities,
    sentences_of,
)
from aislehub.price.price_history import History
from aislehub.schema import (
    COMPETITOR_PRICES,
    CROSS_ELASTICITIES,
    ITEMS,
    PRICE_ELASTICITIES,
    PRICES,
    PROMOTIONS,
    SALES_LINES,
    STOCK,
)
from aislehub.serve.cli import build

from .conftest import FIRST

CONTRACTS = (
    SALES_LINES, ITEMS, PRICES, PROMOTIONS, STOCK, COMPETITOR_PRICES, PRICE_ELASTICITIES, CROSS_ELASTICITIES,
)  # fmt: skip
WEEKS = 60
DAY = FIRST + timedelta(days=7 * WEEKS - 1)


def rows_of(rows: pd.DataFrame, goods: pd.DataFrame, policy: Policy | None = None) -> pd.DataFrame:
    """Rows of `price_elasticities` by item."""
    found = elasticities_of(History.from_table(rows, goods, FIRST), policy or Policy())
    return found.own.set_index("item")


def in_tables(tables: Tables, rows: pd.DataFrame, goods: pd.DataFrame) -> None:
    """The chain's weeks as a list of prices and one receipt a week."""
    day = pd.to_datetime(FIRST) + pd.to_timedelta(7 * rows["week"], unit="D")
    listed = rows.assign(
        kind="regular", valid_from=day.dt.date, source="simulated", known_at=datetime(2015, 1, 1, tzinfo=UTC)
    )
    sold = rows[rows["units"] > 0]
    at = (day.loc[sold.index] + pd.Timedelta(hours=15)).dt.tz_localize("UTC")
    lines = pd.DataFrame(
        {
            "store": sold["store"], "receipt": sold["item"] + sold["week"].astype(str), "line": "1", "sold_at": at,
            "day": at.dt.date, "item": sold["item"], "quantity": sold["units"],
            "amount": sold["units"] * sold["price"], "source": "simulated",
        }
    )  # fmt: skip
    known = goods.assign(known_at=datetime(2015, 1, 1, tzinfo=UTC))
    for contract, frame in ((PRICES, listed), (SALES_LINES, lines), (ITEMS, known)):
        checked = contract.check(pa.Table.from_pandas(frame, preserve_index=False))
        assert not checked.rejected.num_rows
        tables.append(contract.name, checked.good)


@pytest.fixture(scope="module")
def learned(chain: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Tables, Path, np.ndarray]:
    """Tables of the small chain, what was learned from them, and the truth."""
    rows, goods, truth = chain(confounded=0.3, weeks=WEEKS)
    tables = Tables(None, {contract.name: contract for contract in CONTRACTS})
    late = {"item": "new", "category": "tea", "department": "food", "listed_from": DAY - timedelta(days=3)}
    strange = {"item": "strange", "category": "nails", "department": "tools", "listed_from": DAY}
    in_tables(tables, rows, pd.concat([goods, pd.DataFrame([late, strange])]))
    folder = tmp_path_factory.mktemp("model")
    metrics = learn_elasticity.run(tables, day=DAY, policy=Policy(), folder=folder)
    assert metrics["items"] == 24
    return tables, folder, truth


def test_the_tables_keep_their_contracts(learned: tuple[Tables, Path, np.ndarray]) -> None:
    """Own and cross rows are what the schema promises; rows made from simulated sales say so."""
    tables, folder, truth = learned
    own = PRICE_ELASTICITIES.require(price_elasticities.run(tables, day=DAY, policy=None, model=folder)).to_pandas()
    cross = CROSS_ELASTICITIES.require(cross_elasticities.run(tables, day=DAY, policy=None, model=folder)).to_pandas()
    of_chain = own[own["item"].str.startswith("i")].sort_values("item")
    assert of_chain["identified"].all()
    assert np.sqrt(np.mean((of_chain["elasticity"] - truth) ** 2)) < 0.4
    assert (of_chain["source"] == "simulated").all() and (cross["source"] == "simulated").all()
    assert (of_chain["price_source"] == "list").all()
    assert (of_chain["low"] < of_chain["elasticity"]).all() and (of_chain["elasticity"] < of_chain["high"]).all()


def test_a_new_item_carries_its_category_a_strange_one_the_chain(learned: tuple[Tables, Path, np.ndarray]) -> None:
    """Items listed since have a row: the value of the smallest known part, with a wider interval than its items'."""
    tables, folder, _ = learned
    own = price_elasticities.run(tables, day=DAY, policy=None, model=folder).to_pandas().set_index("item")
    assert own.loc["new", "level"] == "category" and own.loc["strange", "level"] == "chain"
    assert not own.loc[["new", "strange"], "identified"].any()
    tea = own[(own["category"] == "tea") & own["identified"]]
    assert tea["elasticity"].min() < own.loc["new", "elasticity"] < tea["elasticity"].max()
    width = own["high"] - own["low"]
    assert width["new"] > width[tea.index].max()
    assert width["strange"] > width["new"]


def test_one_price_ever_cannot_be_told(chain: Any) -> None:
    """An item whose price never moved carries its category's value, with the reason."""
    rows, goods, _ = chain()
    rows.loc[rows["item"] == "i05", "price"] = 4.0
    found = rows_of(rows, goods)
    assert found.loc["i05", ["identified", "reason", "level"]].tolist() == [False, "one_price", "category"]
    assert pd.isna(found.loc["i05", "own"]) and found.loc["i05", "weight"] == 0
    others = found[(found["category"] == found.loc["i05", "category"]) & found["identified"]]
    assert others["elasticity"].min() < found.loc["i05", "elasticity"] < others["elasticity"].max()


def test_prices_that_move_only_with_promotions_cannot_be_told(chain: Any) -> None:
    """Every cut begins and ends with a promotion of the same depth: price and promotion are one."""
    rows, goods, _ = chain()
    cut = (rows["item"] == "i07") & (rows["week"] % 6 == 0)
    rows.loc[rows["item"] == "i07", "price"] = 4.0
    rows.loc[cut, "price"] = 3.0
    found = rows_of(rows.assign(promoted=cut.astype(float)), goods)
    assert found.loc["i07", ["identified", "reason"]].tolist() == [False, "only_promoted"]
    assert found.drop("i07")["identified"].all()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda rows: rows[(rows["item"] != "i01") | ((rows["week"] < 12) & (rows["store"] == "s1"))], "few_rows"),
        (lambda rows: rows.assign(units=rows["units"].where(rows["item"] != "i01", rows["week"] % 9 == 0)),
         "few_units"),
        (lambda rows: rows.assign(price=rows["price"].where(rows["item"] != "i01", 3 + (rows["week"] > 30))),
         "few_changes"),
    ],
)  # fmt: skip
def test_thin_data_say_why_they_cannot_tell(chain: Any, change: Any, reason: str) -> None:
    """Too few weeks, too few units, too few changes: each has its own name."""
    rows, goods, _ = chain()
    found = rows_of(change(rows), goods)
    assert found.loc["i01", ["identified", "reason"]].tolist() == [False, reason]
    assert found["identified"].sum() >= 22


def test_where_no_price_ever_moved_the_published_mean_stands(chain: Any) -> None:
    """A chain of one price ever gets the published value, named so, with its wide interval."""
    rows, goods, _ = chain(wander=0.0)
    found = rows_of(rows, goods)
    assert (found["level"] == "published").all() and not found["identified"].any()
    assert found["elasticity"].to_numpy() == pytest.approx(np.full(24, PUBLISHED[0]), abs=0.01)
    assert (found["high"] - found["low"] > 3.2 * PUBLISHED[1]).all()


def test_a_house_without_sales_learns_nothing_and_does_not_fail(tmp_path: Path) -> None:
    """Nothing to read gives tables without a row."""
    tables = Tables(None, {contract.name: contract for contract in CONTRACTS})
    metrics = learn_elasticity.run(tables, day=date(2017, 1, 1), policy=Policy(), folder=tmp_path)
    assert metrics["items"] == 0
    for step in (price_elasticities, cross_elasticities):
        assert step.run(tables, day=date(2017, 1, 1), policy=None, model=tmp_path).num_rows == 0


@pytest.fixture
def hub(home: Path, chain: Any) -> Any:
    """A house with the small chain, its day run for this room only."""
    rows, goods, _ = chain(confounded=0.3, weeks=WEEKS)
    with open_hub() as opened:
        in_tables(opened.tables, rows, goods)
        folder = home / "learned"
        folder.mkdir()
        learn_elasticity.run(opened.tables, day=DAY, policy=Policy(), folder=folder)
        for step in (price_elasticities, cross_elasticities):
            rows_made = step.run(opened.tables, day=DAY, policy=None, model=folder)
            opened.tables.write(step.writes.name, step.writes.require(rows_made), day=DAY)
        yield opened


def test_the_command_tells_one_item_in_words(hub: Hub) -> None:
    """`aislehub elasticity --item` says the value, its interval, what it rests on and that it is simulated."""
    own, cross = known_elasticities(hub, "i03")
    told = sentences_of(own.iloc[0], cross)
    assert f"{own['elasticity'].iloc[0]:.2f}" in told[0]
    assert any("simulated" in sentence for sentence in told)
    answer = CliRunner().invoke(build(), ["elasticity", "--item", "i03"])
    assert answer.exit_code == 0 and told[0] in answer.output


def test_an_unknown_item_is_refused_with_the_nearest_name(hub: Hub) -> None:
    """A slip of the finger is met with what was probably meant."""
    with pytest.raises(HubError) as refused:
        known_elasticities(hub, "i3")
    assert refused.value.code == "elasticity.unknown_item"


def test_before_the_first_day_there_is_nothing_to_show(home: Path) -> None:
    """An empty house says what to run."""
    with open_hub() as opened, pytest.raises(HubError) as refused:
        known_elasticities(opened)
    assert refused.value.code == "elasticity.none"
