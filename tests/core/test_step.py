"""A step is a plain function with its wiring; it gets what its signature asks for and may return any table."""

from __future__ import annotations

import importlib
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import pytest

from aislehub.core.contract import Column, Contract
from aislehub.core.settings import Settings, field
from aislehub.core.step import as_arrow, code_digest, learn, step
from aislehub.core.tables import Tables

DAY = date(2017, 11, 5)
FACTS = Contract(
    "facts", "Facts",
    (Column("id", "text", "Identity"), Column("shop", "text", "Where"), Column("since", "date", "From")),
    key="id", known_from="since",
)  # fmt: skip
OUT = Contract("out", "A result", (Column("id", "text", "Identity"),), key="id", derived=True)


class Policy(Settings, section="step_test"):
    """A knob."""

    size: int = field(1, "How many", ge=0)


@pytest.fixture
def tables() -> Tables:
    """Three facts of two shops; c is known a day later."""
    tables = Tables(None, {"facts": FACTS, "out": OUT})
    rows = {"id": ["a", "b", "c"], "shop": ["n", "s", "n"], "since": [DAY, DAY, DAY + timedelta(days=1)]}
    tables.append("facts", FACTS.check(pa.table(rows)).good)
    return tables


def test_a_step_stays_a_function() -> None:
    """It can be called with any table; its wiring stands beside it."""

    @step(reads="facts facts", writes=OUT, model="m")
    def both(facts: Any, again: Any, *, policy: Policy, day: date) -> Any:
        return facts, again, policy, day

    assert both(1, 2, policy=3, day=4) == (1, 2, 3, 4)
    assert (both.name, both.reads, both.writes, both.model, both.policy) == (
        "both",
        ("facts", "facts"),
        OUT,
        "m",
        Policy,
    )


@pytest.mark.parametrize("kind", ["ibis", "arrow", "pandas"])
def test_a_step_returns_any_table(tables: Tables, kind: str) -> None:
    """An expression, an Arrow table or a frame; the day is filled in, and only what was known then is read."""

    @step(reads="facts", writes=OUT)
    def copy(facts: ir.Table) -> Any:
        chosen = facts.select("id")
        return {"ibis": lambda: chosen, "arrow": chosen.to_pyarrow, "pandas": chosen.to_pandas}[kind]()

    rows = copy.run(tables, day=DAY, policy=None)
    assert sorted(rows["id"].to_pylist()) == ["a", "b"]
    assert set(rows["day"].to_pylist()) == {DAY}
    assert OUT.require(rows).num_rows == 2


def test_a_step_gets_what_it_asks_for(tables: Tables) -> None:
    """By name, among day, policy, model and seed; what it does not name it is not given."""
    given: dict[str, Any] = {}

    @step(reads="", writes=OUT)
    def ask(*, day: date, policy: Policy, seed: int) -> pa.Table:
        given.update(day=day, policy=policy, seed=seed)
        return OUT.empty()

    assert ask.run(tables, day=DAY, policy=Policy(size=3), seed=7, model=Path()).num_rows == 0
    assert given == {"day": DAY, "policy": Policy(size=3), "seed": 7}


def test_a_step_per_shop_sees_its_share(tables: Tables) -> None:
    """`only` narrows the tables that have the column to some of its values."""

    @step(reads="facts", writes=OUT, per="shop")
    def copy(facts: ir.Table) -> ir.Table:
        return facts.select("id")

    shares = [copy.run(tables, day=DAY, policy=None, only=[shop])["id"].to_pylist() for shop in ("n", "s")]
    assert shares == [["a"], ["b"]]


def test_anything_else_is_no_table() -> None:
    """A step that returns a list is a defect, told by type."""
    with pytest.raises(TypeError, match="not list"):
        as_arrow([1, 2])
    assert as_arrow(pd.DataFrame({"a": [1]}, index=[7])).column_names == ["a"]


def test_teaching_gets_a_folder(tables: Tables, tmp_path: Path) -> None:
    """A learn function writes its files into the folder and returns metrics."""

    @learn(reads="facts", model="m", every_days=3)
    def count(facts: ir.Table, *, folder: Path, day: date) -> dict[str, Any]:
        (folder / "n").write_text(str(facts.count().execute()))
        return {"day": day}

    assert count.run(tables, day=DAY, policy=None, folder=tmp_path) == {"day": DAY}
    assert (tmp_path / "n").read_text() == "2"
    assert (count.model, count.every_days, count.policy) == ("m", 3, None)


def test_the_code_has_a_hash() -> None:
    """Functions of one module share it, those of another room have another."""
    assert code_digest(tables) == code_digest(test_the_code_has_a_hash) != code_digest(step)


def test_the_hash_is_of_the_whole_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change in a module beside the step or in a folder below is other code; beside a lone file there is no room."""

    def digest(name: str, formula: str) -> str:
        (tmp_path / name / "models").mkdir(parents=True)
        for file, text in {"__init__": "", "work": "def work(): ...\n", "models/formula": formula}.items():
            (tmp_path / name / f"{file}.py").write_text(text)
        (tmp_path / f"{name}_alone.py").write_text("def work(): ...\n")
        found.append(code_digest(importlib.import_module(f"{name}_alone").work))
        return code_digest(importlib.import_module(f"{name}.work").work)

    found: list[str] = []
    monkeypatch.syspath_prepend(tmp_path)
    assert digest("room_a", "x = 1\n") == digest("room_b", "x = 1\n") != digest("room_c", "x = 2\n")
    assert len(set(found)) == 1


def test_the_last_bits_of_a_sum_do_not_matter() -> None:
    """A step's numbers are the same in whatever order threads added them; infinite, missing, tiny and 0 stay."""

    def written(values: list[float | None]) -> list[float | None]:
        value = Column("value", "float", "A number", required=False)
        made = Contract("made", "Numbers", (value,), key="day", derived=True)

        @step(reads="", writes=made)
        def give() -> pa.Table:
            return pa.table({"value": pa.array(values, pa.float64())})

        return give.run(Tables(None, {}), day=DAY, policy=None)["value"].to_pylist()

    assert written([0.1 + 0.2, 23181.039999999863]) == written([0.3, 23181.040000000336])
    assert written([0.0, None, float("inf"), 5e-324, -1.5, 1e300]) == [0.0, None, float("inf"), 5e-324, -1.5, 1e300]
