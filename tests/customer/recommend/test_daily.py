"""Recommendations of a day: to whom, of what, learned from whom, and what an erasure leaves."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from aislehub.core.models import find_learned, save_learned
from aislehub.core.reasons import sentence
from aislehub.core.registry import registry
from aislehub.core.tables import Tables
from aislehub.customer.recommend.daily import Policy, erase, learn_recommend, recommendations
from aislehub.customer.recommend.ease import Ease
from aislehub.customer.recommend.features import FAMILIES
from aislehub.customer.recommend.forgetting import load_ease
from aislehub.customer.recommend.recommender import Recommender

LAST = date(2024, 6, 30)
POLICY = Policy(head=30, ridge=5.0, customers=100, count=5, weighed=2)


def sales(customers: int, days: int, seed: int = 0) -> list[dict[str, Any]]:
    """Members who buy each of their own five items at its own interval: what is due tells the next basket."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(customers):
        own = random.choice(np.arange(1, 40), 5, replace=False)
        gaps = random.choice([2, 3, 5, 8], 5)
        for trip, ago in enumerate(range(days - int(random.integers(4)), 0, -4)):
            day = LAST - timedelta(days=ago - 1)
            chosen = own[(trip + number) % gaps == 0].tolist()
            rows += [
                {"customer": f"c{number:03}", "item": f"i{item:02}", "store": f"s{number % 3}", "day": day,
                 "sold_at": datetime(day.year, day.month, day.day, 12, tzinfo=UTC), "receipt": f"{number}-{ago}",
                 "line": f"i{item:02}", "quantity": 2.0, "amount": 5.0}
                for item in {0, *chosen}
            ]  # fmt: skip
    return rows


def house(rows: list[dict[str, Any]]) -> Tables:
    """Tables of a chain of three stores and forty items; of the second its state of supply is known."""
    tables = Tables(None, registry().contracts)
    add(tables, "stores", [{"store": f"s{n}"} for n in range(3)])
    add(tables, "items", [{"item": f"i{n:02}", "category": f"kind {n % 7}"} for n in range(40)])
    add(tables, "sales_lines", rows)
    contract = tables.contract("supply_state")
    usual = {c.name: {"text": "x", "int": 1, "float": 1.0, "bool": True}.get(c.type) for c in contract.columns}
    state = [usual | {"day": LAST, "store": f"s{n}", "item": "i01", "price": 2.0 + n, "cost": 1.0, "on_hand": 9.0}
             for n in range(3)]  # fmt: skip
    tables.write("supply_state", pa.Table.from_pylist(state, schema=contract.schema), LAST)
    return tables


def add(tables: Tables, name: str, rows: list[dict[str, Any]]) -> None:
    """Facts, checked as an ingest would."""
    if rows:
        checked = tables.contract(name).check(pa.Table.from_pylist(rows))
        assert not checked.rejected.num_rows, checked.rejected.to_pylist()[:1]
        tables.append(name, checked.good)


def learn(tables: Tables, folder: Path) -> tuple[Path, dict[str, Any]]:
    """The model's folder and metrics."""
    folder.mkdir(exist_ok=True)
    return folder, dict(learn_recommend.run(tables, day=LAST, policy=POLICY, folder=folder, seed=0))


def day(tables: Tables, model: Path) -> pd.DataFrame:
    """The table of the day, as its contract takes it."""
    made = recommendations.run(tables, day=LAST, policy=POLICY, model=model)
    return recommendations.writes.require(made).to_pandas()


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tables, Path, dict[str, Any]]:
    """A house that has learned, its model and metrics."""
    tables = house(sales(120, 150))
    return (tables, *learn(tables, tmp_path_factory.mktemp("models") / "made"))


def test_the_ranker_serves_because_it_beat_the_base(lived: tuple[Tables, Path, dict[str, Any]]) -> None:
    """Where intervals tell what comes next, the ranker wins at every judged week, and only then is it kept."""
    _, model, metrics = lived
    assert metrics["passed"] and metrics["low"] > 1 and min(metrics["origins"]) > 1
    assert Recommender.load(model).ranker is not None


def test_without_a_past_the_base_serves(tmp_path: Path) -> None:
    """A house of eight weeks has nothing to judge a ranker by, and still recommends."""
    tables = house(sales(20, 56))
    model, metrics = learn(tables, tmp_path / "made")
    assert not metrics["passed"] and Recommender.load(model).ranker is None
    assert day(tables, model)["customer"].nunique() == 20


def test_an_empty_house_has_no_recommendations(tmp_path: Path) -> None:
    """No member, no list, no failure."""
    tables = house([])
    model, metrics = learn(tables, tmp_path / "made")
    assert metrics["customers"] == 0
    assert len(day(tables, model)) == 0


def test_lists_are_whole_and_their_money_is_counted(lived: tuple[Tables, Path, dict[str, Any]]) -> None:
    """Ranks run from 1 by falling score; money is chance × usual quantity × (median margin over the stores, or price
    where no store says); the first ranks say what each family of features did."""
    tables, model, _ = lived
    rows = day(tables, model)
    assert rows.groupby("customer")["rank"].apply(list).map(lambda r: r == [1, 2, 3, 4, 5]).all()
    assert rows.groupby("customer")["score"].apply(lambda s: s.is_monotonic_decreasing).all()
    first = rows[(rows["item"] == "i01") & (rows["kind"] == "again")].iloc[0]
    assert first["counted"] == "contribution" and first["kind"] == "again"
    assert first["money"] == pytest.approx(first["score"] * 2.0 * (3.0 - 1.0), rel=1e-6)
    other = rows[(rows["item"] != "i01") & (rows["kind"] == "again")].iloc[0]
    assert other["counted"] == "amount"
    assert other["money"] == pytest.approx(other["score"] * 2.0 * 2.5, rel=1e-6)
    assert (rows["shares"].notna() == (rows["rank"] <= 2)).all()
    assert set(json.loads(rows["shares"].dropna().iloc[0])) == set(FAMILIES)


def test_every_row_says_why_and_every_fact_is_in_the_log(tmp_path: Path) -> None:
    """Visits of 90 days, gaps and offers are counted again from the facts; every code has a sentence."""
    lines = sales(30, 150)
    tables = house(lines)
    early = datetime(2024, 6, 1, tzinfo=UTC)
    add(tables, "promotions", [{"store": "s0", "item": "i05", "promotion": "p", "starts": LAST, "mailer": "front",
                                "ends": LAST + timedelta(days=6), "known_at": early}])  # fmt: skip
    rows = day(tables, learn(tables, tmp_path / "made")[0])
    told = rows.assign(reason=rows["reasons"].map(json.loads)).explode("reason")
    assert told["reason"].notna().all()
    for row in told.to_dict("records"):
        code, facts = row["reason"]["code"].removeprefix("recommend.because."), row["reason"]["facts"]
        assert "{" not in sentence(row["reason"], "zh")
        mine = [line for line in lines if (line["customer"], line["item"]) == (row["customer"], row["item"])]
        own = sorted({line["day"] for line in mine})
        if code == "habit":
            assert facts == {"count": sum((LAST - when).days < 90 for when in own), "days": 90}
        elif code == "due":
            gap = round((own[-1] - own[0]).days / (len(own) - 1))
            assert facts == {"gap": gap, "ago": (LAST - own[-1]).days + 1} and 2 * facts["ago"] >= gap
        elif code == "offer":
            assert (row["store"], row["item"]) == ("s0", "i05") and facts["what"] == "mailer"
        else:
            receipts = {line["receipt"] for line in lines}
            held = {line["receipt"] for line in lines if line["item"] == row["item"]}
            assert code == "popular" and not own and facts["share"] == round(100 * len(held) / len(receipts), 1)
    assert {"habit", "due", "offer"} <= {reason["code"].rpartition(".")[2] for reason in told["reason"]}


def test_what_ran_out_is_not_recommended_in_that_store(tmp_path: Path, lived: Any) -> None:
    """Item 0 is everybody's; with none left in store 0 nobody there is sent for it, elsewhere they are. What leaves the
    range tomorrow is recommended nowhere."""
    tables, model = house(sales(120, 150)), lived[1]
    add(tables, "stock", [{"store": "s0", "item": "i00", "day": LAST, "on_hand": 0.0},
                          {"store": "s1", "item": "i00", "day": LAST, "on_hand": 9.0}])  # fmt: skip
    last = LAST + timedelta(days=1)
    gone = str(day(lived[0], model)["item"].value_counts().index[1])
    kind = f"kind {int(gone[1:]) % 7}"
    known = datetime(2024, 6, 1, tzinfo=UTC)
    add(tables, "items", [{"item": gone, "category": kind, "delisted_from": last, "known_at": known}])
    rows = day(tables, model)
    assert "s0" not in set(rows.loc[rows["item"] == "i00", "store"])
    assert {"s1", "s2"} <= set(rows.loc[rows["item"] == "i00", "store"])
    assert gone not in set(rows["item"])


def test_who_objected_is_neither_learned_from_nor_chosen_for(tmp_path: Path) -> None:
    """Who objected to analysis is not in the model; who objected to personalisation gets what sells in the store that
    they chose, of kind popular, whatever they bought."""
    tables = house(sales(30, 60))
    said = datetime(2024, 6, 1, tzinfo=UTC)
    no = {"granted": False, "at": said}
    add(tables, "consents", [{"customer": "c001", "purpose": "analysis", **no},
                             {"customer": "c002", "purpose": "personalisation", **no}])  # fmt: skip
    add(tables, "customers", [{"customer": "c002", "home_store": "s1"}])
    model, _ = learn(tables, tmp_path / "made")
    with np.load(model / "ease.npz") as kept:
        assert "c001" not in kept["customers"] and "c002" in kept["customers"]
    rows = day(tables, model)
    assert set(rows.loc[rows["customer"] == "c002", "kind"]) == {"popular"}
    assert set(rows.loc[rows["customer"] == "c002", "store"]) == {"s1"}
    assert rows.loc[rows["customer"] == "c002", "item"].iloc[0] == "i00"
    assert "popular" not in set(rows.loc[rows["customer"] == "c001", "kind"])


def test_an_erased_person_is_out_of_the_model_and_its_files(tmp_path: Path) -> None:
    """After `erase`, EASE is that of a house which never knew them (≤ 1e-8), their key is in no file, a second erasure
    changes nothing, and the model is due to be learned anew."""
    rows = sales(30, 60)
    tables = house(rows)
    made, _ = learn(tables, tmp_path / "made")
    before = load_ease(made)
    save_learned(tmp_path / "models", "recommender", made, day=LAST.isoformat(), metrics={}, versions={}, code="now",
                 policy="")  # fmt: skip
    assert erase("c007", tables, tmp_path)["models"] == 1
    assert erase("c007", tables, tmp_path) == {}
    card, place = find_learned(tmp_path / "models", "recommender", day=LAST.isoformat()) or pytest.fail("no model")
    assert card.code == ""
    assert not [file for file in place.rglob("*") if b"c007" in file.read_bytes()]
    assert not [file for file in place.rglob("*") if "c007".encode("utf-32-le") in file.read_bytes()]
    others = Recommender.load(place).baskets(
        pa.Table.from_pylist([{k: r[k] for k in ("customer", "item", "store", "receipt", "day")} for r in rows
                              if r["customer"] != "c007"])
    )  # fmt: skip
    refitted = Ease.fit(others.matrix(items=before.items), before.items, POLICY.ridge)
    assert np.abs(load_ease(place).inverse - refitted.inverse).max() <= 1e-8
