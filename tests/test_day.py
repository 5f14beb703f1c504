"""The whole business day on real data: Complete Journey, three stores, what sells most there and who buys it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sqlalchemy import select

from aislehub.core.book import Filter
from aislehub.core.hub import Hub, open_hub
from aislehub.core.reasons import sentence, wrong_facts
from aislehub.core.state import decisions, moves
from aislehub.core.text import LANGUAGES
from aislehub.data.sources.complete_journey import TIMEZONE, CompleteJourney

DAY = date(2017, 12, 3)
STORES = ("367", "406", "356")
ITEMS = 600
KILLS = 24
HOMES = 3


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with three real stores, nothing run yet."""
    home = tmp_path_factory.mktemp("loaded")
    # The simple model learns in a second, and the recommender from few, so that 24 kills take minutes; every other part
    # of the day is the real one.
    settings = f'[hub]\ntimezone = "{TIMEZONE}"\ncurrency = "USD"\n[demand]\nmodel = "seasonal_mean"\n'
    settings += "[recommend]\norigins = 3\ncustomers = 200\n"
    (home / "hub.toml").write_text(settings)
    tables: dict[str, list[pa.Table]] = {}
    for name, rows in CompleteJourney().rows():
        here = pc.is_in(rows["store"], pa.array(STORES)) if "store" in rows.column_names else None
        tables.setdefault(name, []).append(rows if here is None else rows.filter(here))
    lines = pa.concat_tables(tables["sales_lines"])
    sold = lines.group_by("item").aggregate([("item", "count")]).sort_by([("item_count", "descending")])
    kept = {"item": sold["item"][:ITEMS], "customer": lines["customer"].unique()}
    with open_hub(home) as hub:
        for name, pieces in tables.items():
            rows = pa.concat_tables(pieces)
            for column in kept.keys() & rows.column_names:
                rows = rows.filter(pc.is_in(rows[column], pa.array(kept[column].to_pylist())))
            checked = hub.tables.contract(name).check(rows)
            assert checked.rejected.num_rows == 0, checked.rejected.slice(0, 1).to_pylist()
            hub.tables.append(name, checked.good)
    return home


@pytest.fixture(scope="session")
def undisturbed(loaded: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """The same home after one business day, and the seconds it took."""
    home = tmp_path_factory.mktemp("undisturbed") / "home"
    shutil.copytree(loaded, home)
    started = time.monotonic()
    with open_hub(home) as hub:
        report = hub.run_day(DAY)
    assert [step for step in report.steps if step.state != "ran"] == []
    return home, time.monotonic() - started


@pytest.fixture(scope="session")
def expected(undisturbed: tuple[Path, float]) -> dict[str, Any]:
    """All that an undisturbed day leaves."""
    return _everything(undisturbed[0])


def _everything(home: Path) -> dict[str, Any]:
    """Every table and the ledger, without the times at which things were written."""
    found: dict[str, Any] = {}
    with open_hub(home) as hub:
        for name, contract in hub.registry.contracts.items():
            rows = hub.tables.fetch(name)
            found[name] = sorted(json.dumps(row, default=str, sort_keys=True) for row in rows.to_pylist()) if (
                not contract.is_fact
            ) else rows.num_rows  # fmt: skip
        with hub.state.connect() as connection:
            ledger = select(*(c for c in decisions.c if c.name != "versions")).order_by(decisions.c.id)
            found["ledger"] = [tuple(row) for row in connection.execute(ledger)]
            history = select(moves.c.decision, moves.c.state_from, moves.c.state_to, moves.c.who)
            found["moves"] = sorted(tuple(row) for row in connection.execute(history))
    return found


def _orders(hub: Hub) -> list[dict[str, Any]]:
    return hub.ledger.find(Filter(kind="orders", day=DAY))


@pytest.mark.parametrize("number", range(HOMES))
def test_a_day_killed_at_random_moments_ends_as_an_undisturbed_one(
    number: int, loaded: Path, undisturbed: tuple[Path, float], expected: dict[str, Any], tmp_path: Path
) -> None:
    """After kill -9 at 24 random moments (8 in each of 3 homes), finishing a day ends as an undisturbed one."""
    home = tmp_path / "home"
    shutil.copytree(loaded, home)
    killer = Path(__file__).with_name("day_killer.py")
    arguments = [str(home), DAY.isoformat(), str(KILLS // HOMES), f"{undisturbed[1]:.2f}", str(number * 1000)]
    done = subprocess.run([sys.executable, str(killer), *arguments], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    disturbed = _everything(home)
    assert disturbed.keys() == expected.keys()
    assert [name for name in expected if disturbed[name] != expected[name]] == []


def test_a_second_run_changes_nothing(
    undisturbed: tuple[Path, float], expected: dict[str, Any], tmp_path: Path
) -> None:
    """Running a day again leaves every step, table and decision as it was."""
    home = tmp_path / "home"
    shutil.copytree(undisturbed[0], home)
    with open_hub(home) as hub:
        assert {step.state for step in hub.run_day(DAY).steps} == {"unchanged"}
    assert _everything(home) == expected


def test_several_processes_make_the_same_plan(loaded: Path, expected: dict[str, Any], tmp_path: Path) -> None:
    """With workers = 2, orders are made store by store in other processes, and are the same."""
    home = tmp_path / "home"
    shutil.copytree(loaded, home)
    settings = (home / "hub.toml").read_text()
    (home / "hub.toml").write_text(settings.replace("[hub]", "[hub]\nworkers = 2"))
    with open_hub(home) as hub:
        assert hub.settings.workers == 2
        hub.run_day(DAY)
    assert _everything(home)["orders"] == expected["orders"]


def test_a_human_decision_survives_a_new_run(undisturbed: tuple[Path, float], tmp_path: Path) -> None:
    """A day run again, even with another policy, replaces only what is still proposed."""
    home = tmp_path / "home"
    shutil.copytree(undisturbed[0], home)
    with open_hub(home) as hub:
        first, second, *_ = _orders(hub)
        hub.ledger.approve(Filter(ids=(first["id"],)), who="ann")
        hub.ledger.override(second["id"], 7, who="ann", why="delivery came early")
        (home / "hub.toml").write_text((home / "hub.toml").read_text() + "\n[replenish]\nservice_level = 0.6\n")
    with open_hub(home) as hub:
        report = hub.run_day(DAY)
        assert report.proposed["orders"].kept == 2
        assert hub.ledger.get(first["id"])["action"] == first["action"]
        assert hub.ledger.get(second["id"])["override"]["action"]["quantity"] == 7


def test_every_stated_fact_is_true(undisturbed: tuple[Path, float]) -> None:
    """Each fact in the reasons of every order is counted again from the tables and found right."""
    with open_hub(undisturbed[0]) as hub:
        orders = _orders(hub)
        checked = {reason["code"] for order in orders for reason in order["reasons"]} & hub.registry.checks.keys()
        assert checked, "no reason can be checked"
        wrong = [fact for order in orders[:40] for fact in wrong_facts(hub.tables, order, hub.registry.checks)]
    assert wrong == []


def test_a_false_fact_is_found(undisturbed: tuple[Path, float]) -> None:
    """A reason whose stated number is not in the tables is reported."""
    with open_hub(undisturbed[0]) as hub:
        order = next(o for o in _orders(hub) if any(r["code"] in hub.registry.checks for r in o["reasons"]))
        for reason in order["reasons"]:
            reason["facts"] = {name: v + 1 if isinstance(v, int | float) else v for name, v in reason["facts"].items()}
        assert wrong_facts(hub.tables, order, hub.registry.checks)


def test_every_order_has_reason_money_and_baseline(undisturbed: tuple[Path, float]) -> None:
    """Every order says why in both languages, its expected money within its interval, and what it is compared with."""
    with open_hub(undisturbed[0]) as hub:
        orders = _orders(hub)
    assert len(orders) > 100
    for order in orders:
        assert order["reasons"] and order["baseline"]["name"] and order["bound"]
        assert order["money_low"] <= order["money"] <= order["money_high"]
        assert "simulated" in order["source"]
        for lang in LANGUAGES:
            for reason in order["reasons"]:
                told = sentence(reason, lang)
                assert "{" not in told and not told.startswith(reason["code"])


def test_nothing_known_later_is_used(loaded: Path, expected: dict[str, Any], tmp_path: Path) -> None:
    """Deleting everything that became known after the day changes no forecast and no order."""
    home = tmp_path / "home"
    (home / "tables").mkdir(parents=True)
    shutil.copy(loaded / "hub.toml", home)
    with open_hub(loaded) as full, open_hub(home) as past:
        for name, contract in full.registry.contracts.items():
            if contract.is_fact and full.tables.version(name) >= 0:
                past.tables.append(name, full.tables.fetch(name, as_of=DAY))
        assert past.tables.count("sales_lines") < full.tables.count("sales_lines")
        past.run_day(DAY)
    found = _everything(home)
    for name in ("demand_forecast", "orders"):
        assert found[name] == expected[name], name


def test_two_days_at_once_are_refused(undisturbed: tuple[Path, float], tmp_path: Path) -> None:
    """While one process runs a day, another is refused with the day and the process that holds it, and exits 1."""
    home = tmp_path / "home"
    shutil.copytree(undisturbed[0], home)
    environment = os.environ | {"AISLEHUB_HOME": str(home), "AISLEHUB_LANG": "en"}
    with open_hub(home) as hub, hub.day_lock(DAY):
        second = subprocess.run(
            [sys.executable, "-m", "aislehub.serve.cli", "day", DAY.isoformat()],
            env=environment, capture_output=True, text=True,
        )  # fmt: skip
    assert second.returncode == 1
    assert f"process {os.getpid()}" in second.stderr and DAY.isoformat() in second.stderr
