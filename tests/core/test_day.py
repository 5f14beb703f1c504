"""A business day: what nothing has changed for is left alone, what fails fails alone, what is killed is finished."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import select

from aislehub.core.alerts import AlertFilter, Alerts
from aislehub.core.book import Filter
from aislehub.core.day import DayReport
from aislehub.core.errors import HubError
from aislehub.core.hub import open_hub
from aislehub.core.ledger import Ledger
from aislehub.core.models import find_learned
from aislehub.core.state import alert_days, alert_moves, alerts, decisions, moves, open_state, runs
from aislehub.core.tables import Tables

SOURCE = Path(__file__).with_name("tiny_house.py")
DAY = date(2017, 11, 5)


def load(file: Path) -> ModuleType:
    """A tiny house as a module of its own."""
    name = f"tiny_house_{abs(hash(file))}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec and spec.loader
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tiny() -> ModuleType:
    """The tiny house: takings → sums → wishes (with a model) → notices, and sums → shortfalls (alerts)."""
    return load(SOURCE)


@dataclass
class House:
    """Tables, a ledger and the folder of models."""

    tiny: ModuleType
    tables: Tables
    ledger: Ledger
    folder: Path

    def run(self, day: date = DAY, **more: Any) -> DayReport:
        return self.tiny.run(self.tables, self.ledger, self.folder, day, **more)

    def states(self, day: date = DAY, **more: Any) -> dict[str, str]:
        return {step.step: step.state for step in self.run(day, **more).steps}

    def take(self, *rows: tuple[str, str, int], day: date = DAY) -> None:
        self.tables.append("takings", self.tiny.takings(*rows, day=day))


@pytest.fixture(params=["memory", "delta"])
def house(request: pytest.FixtureRequest, tiny: ModuleType, tmp_path: Path) -> Iterator[House]:
    """A tiny house with three takings, on either engine."""
    tables = Tables(tmp_path / "tables" if request.param == "delta" else None, tiny.REGISTRY.contracts)
    house = House(tiny, tables, Ledger(open_state("", tmp_path)), tmp_path / "models")
    house.take(("1", "north", 4), ("2", "north", 2), ("3", "south", 6))
    yield house
    house.ledger.engine.dispose()


RAN = dict.fromkeys(["sums", "wishes", "notices", "shortfalls"], "ran")
UNCHANGED = dict.fromkeys(RAN, "unchanged")


def test_a_day_goes_from_facts_to_decisions(house: House) -> None:
    """Steps run in order, the model is learned first, and decisions are in the ledger with what they rest on."""
    report = house.run()
    assert [(step.step, step.state, step.rows) for step in report.steps] == [
        ("sums", "ran", 2), ("wishes", "ran", 2), ("notices", "ran", 1), ("shortfalls", "ran", 0)
    ]  # fmt: skip
    assert report.proposed["wishes"].new == 2
    found = {row["subject"]: row for row in house.ledger.find(Filter())}
    assert {name: (row["action"]["quantity"], row["money"]) for name, row in found.items()} == {
        "north": (6, 10.0), "south": (6, 10.0)
    }  # fmt: skip
    north = found["north"]
    assert north["model"].startswith("mean@2017-11-05-") and north["policy"] == house.tiny.Policy().digest()
    assert north["versions"] == {"sums": 0} and north["source"] == ""


def test_a_second_run_changes_nothing(house: House) -> None:
    """Every step is unchanged, no table has a new version, and the ledger has no new move."""
    house.run()
    names = list(house.tables.contracts)
    before = [house.tables.version(name) for name in names], house.ledger.history(house.ledger.find(Filter())[0]["id"])
    report = house.run()
    assert {step.step: step.state for step in report.steps} == UNCHANGED
    assert vars(report.proposed["wishes"]) == {"new": 0, "changed": 0, "same": 2, "kept": 0, "superseded": 0}
    after = [house.tables.version(name) for name in names], house.ledger.history(house.ledger.find(Filter())[0]["id"])
    assert after == before


def test_new_facts_run_what_rests_on_them(house: House) -> None:
    """A new taking runs the sums anew; a step whose input came out the same is left alone."""
    house.run()
    house.take(("4", "south", 1))
    assert house.states() == RAN
    house.take(("5", "south", 1), day=DAY + timedelta(days=9))  # of a later day
    assert house.states() == UNCHANGED | {"sums": "ran"}


def test_another_policy_runs_its_steps(house: House) -> None:
    """A changed knob runs the steps that are given it, and their decisions are replaced."""
    house.run()
    policies = {"tiny": house.tiny.Policy(factor=2.0)}
    report = house.run(policies=policies)
    assert {step.step: step.state for step in report.steps} == RAN
    assert report.proposed["wishes"].changed == 2
    assert {row["action"]["quantity"] for row in house.ledger.find(Filter())} == {12.0}
    assert house.states(policies=policies) == UNCHANGED


def test_other_code_runs_its_steps(house: House, tmp_path: Path) -> None:
    """A step whose module was edited runs again."""
    house.run()
    edited = tmp_path / "edited.py"
    edited.write_text(SOURCE.read_text() + "\n# edited\n")
    house.tiny = load(edited)
    assert house.states() == RAN
    assert house.states() == UNCHANGED


def test_a_failing_step_fails_alone(house: House) -> None:
    """Its table stays as it was, its heirs are skipped with the reason, what stands before it has run."""
    house.run()
    before = house.tables.version("wishes")
    report = house.run(policies={"tiny": house.tiny.Policy(broken="wishes")})
    assert [(step.step, step.state) for step in report.steps] == [
        ("sums", "ran"), ("wishes", "failed"), ("notices", "skipped"), ("shortfalls", "ran")
    ]  # fmt: skip
    assert [step.step for step in report.failed] == ["wishes"]
    assert report.steps[1].why == "ValueError: told to fail"
    assert report.steps[2].why == "skipped: needs wishes, whose step wishes failed"
    assert house.tables.version("wishes") == before
    assert {row["state"] for row in house.ledger.find(Filter())} == {"proposed"}
    assert house.states() == RAN | {"notices": "unchanged"}


def test_heirs_of_heirs_are_skipped_too(house: House) -> None:
    """What needs a skipped step's table is skipped as well."""
    assert house.states(policies={"tiny": house.tiny.Policy(broken="sums")}) == {
        "sums": "failed", "wishes": "skipped", "notices": "skipped", "shortfalls": "skipped"
    }  # fmt: skip
    assert house.ledger.find(Filter()) == []
    assert house.states() == RAN


def test_what_people_decided_survives_another_run(house: House) -> None:
    """A decision that was approved keeps its content though the day would now propose another."""
    house.run()
    id = house.ledger.find(Filter(subject="south"))[0]["id"]
    house.ledger.approve(Filter(ids=(id,)), who="ann")
    house.take(("4", "south", 10))
    assert vars(house.run().proposed["wishes"]) == {"new": 0, "changed": 0, "same": 1, "kept": 1, "superseded": 0}
    assert (house.ledger.get(id)["state"], house.ledger.get(id)["action"]["quantity"]) == ("approved", 6)


def test_the_next_day_expires_what_nobody_moved(house: House) -> None:
    """Proposals of the day before can no longer be carried out once the next day has run."""
    house.run()
    house.run(DAY + timedelta(days=1))
    states = {(row["day"], row["state"]) for row in house.ledger.find(Filter())}
    assert states == {(DAY, "expired"), (DAY + timedelta(days=1), "proposed")}


# -- alerts ----------------------------------------------------------------------------------------


def alerts_of(house: House) -> dict[str, tuple[str, int, int]]:
    """Store → state, days and moves of its alert."""
    found = Alerts(house.ledger.engine).find(AlertFilter())
    return {alert["store"]: (alert["state"], alert["days"], alert["moves"]) for alert in found}


def test_a_cause_is_one_alert_over_the_days(house: House) -> None:
    """Found on a first day it opens, on a second it is the same one, without it on a third it closes."""
    house.take(("4", "east", 1))
    assert vars(house.run().alerts) == {"opened": 1, "reopened": 0, "closed": 0}
    assert vars(house.run().alerts) == {"opened": 0, "reopened": 0, "closed": 0}
    assert alerts_of(house) == {"east": ("open", 1, 1)}
    house.run(DAY + timedelta(days=1))
    assert alerts_of(house) == {"east": ("open", 2, 1)}
    house.take(("5", "east", 9), day=DAY + timedelta(days=2))
    assert vars(house.run(DAY + timedelta(days=2)).alerts) == {"opened": 0, "reopened": 0, "closed": 1}
    assert alerts_of(house) == {"east": ("closed", 2, 2)}


@pytest.mark.parametrize("broken", ["shortfalls", "sums"])
def test_a_step_that_did_not_run_closes_nothing(house: House, broken: str) -> None:
    """Of an alert whose step failed or was skipped nobody knows whether it is gone: it stays as it was."""
    house.take(("4", "east", 1))
    house.run()
    house.take(("5", "east", 9), day=DAY + timedelta(days=1))
    house.run(DAY + timedelta(days=1), policies={"tiny": house.tiny.Policy(broken=broken)})
    assert alerts_of(house) == {"east": ("open", 1, 1)}
    house.run(DAY + timedelta(days=1))
    assert alerts_of(house) == {"east": ("closed", 1, 2)}


def test_an_old_day_says_nothing_about_now(house: House) -> None:
    """Running an old day again neither closes what is open now nor opens what is closed."""
    house.run()
    house.take(("4", "east", 1), day=DAY + timedelta(days=1))
    house.run(DAY + timedelta(days=1))
    house.take(("5", "west", 1), day=DAY)
    house.run()
    assert alerts_of(house) == {"east": ("open", 1, 1)}
    house.run(DAY + timedelta(days=1))
    assert alerts_of(house) == {"east": ("open", 1, 1), "west": ("open", 1, 1)}


# -- models ----------------------------------------------------------------------------------------


def learned_days(house: House) -> list[str]:
    """The days on which the model was learned."""
    return sorted(json.loads(file.read_text())["day"] for file in (house.folder / "mean").glob("*/card.json"))


def test_a_model_is_learned_when_it_is_too_old(house: House) -> None:
    """A model of up to seven days stays; then, or when asked, it is learned anew; an older day uses an older one."""
    for days, learned in ((0, 1), (6, 1), (7, 2), (8, 2)):
        day = DAY + timedelta(days=days)
        house.take((f"late{days}", "north", days), day=day)
        house.run(day)
        assert len(learned_days(house)) == learned
    house.run(DAY + timedelta(days=8), learn_now=True)
    assert learned_days(house) == ["2017-11-05", "2017-11-12", "2017-11-13"]
    card, _ = find_learned(house.folder, "mean", day="2017-11-09") or pytest.fail("no model")
    assert (card.day, card.metrics) == ("2017-11-05", {"mean": 3.0})


def test_a_model_with_a_rule_of_its_own_is_learned_when_that_asks(tmp_path: Path) -> None:
    """From seven days on the rule is asked, with the model's age and a policy; its word is on the new model's card."""
    rule = (
        "def asks(tables: Tables, day: date, *, age: int, policy: Policy) -> str:\n"
        '    return f"{age} days" if age * policy.factor >= 10 else ""\n\n\n'
    )
    source = SOURCE.read_text().replace("@learn(reads", rule + "@learn(reads")
    edited = tmp_path / "asking.py"
    edited.write_text(source.replace("every_days=7", "every_days=7, due=asks"))
    asking = load(edited)
    tables = Tables(None, asking.REGISTRY.contracts)
    house = House(asking, tables, Ledger(open_state("", tmp_path)), tmp_path / "models")
    for days, learned in ((0, 1), (8, 1), (10, 2)):
        house.take((f"late{days}", "north", days), day=DAY + timedelta(days=days))
        house.run(DAY + timedelta(days=days))
        assert len(learned_days(house)) == learned
    house.take(("last", "north", 40), day=DAY + timedelta(days=18))
    house.run(DAY + timedelta(days=18), policies={"tiny": asking.Policy(factor=2.0)})
    found = [json.loads(file.read_text()) for file in (house.folder / "mean").glob("*/card.json")]
    assert {card["day"]: card["why"] for card in found} == {
        "2017-11-05": "first", "2017-11-15": "10 days", "2017-11-23": "8 days",
    }  # fmt: skip


def test_a_model_is_learned_anew_under_another_policy(house: House) -> None:
    """A changed knob of the teaching makes another model at once; the same one again does not."""
    house.run()
    coarse = {"tiny_teaching": house.tiny.Teaching(rounding=0)}
    house.take(("4", "south", 1))
    house.run(policies=coarse)
    assert len(learned_days(house)) == 2
    assert house.states(policies=coarse) == UNCHANGED
    assert len(learned_days(house)) == 2


def test_a_damaged_model_is_not_used(house: House) -> None:
    """A file with another hash fails the step with both hashes; learning anew, as the hint says, mends it."""
    house.run()

    def newest() -> Path:
        return max((house.folder / "mean").glob("*/mean.json"), key=lambda file: file.stat().st_mtime_ns)

    newest().write_text("1e9")
    house.take(("4", "south", 1))
    report = house.run()
    assert [step.state for step in report.steps] == ["ran", "failed", "skipped", "ran"]
    assert "mean.json of model mean has sha256" in report.steps[1].why
    assert house.run(learn_now=True).failed == []
    newest().unlink()
    assert "has no file" in house.run().steps[1].why
    assert house.run(learn_now=True).failed == []


def test_what_a_model_learns_from_comes_first(tmp_path: Path) -> None:
    """A step whose model is learned from another step's table runs after that step, and is skipped when it fails."""
    source = SOURCE.read_text()
    source = source.replace('@learn(reads="takings", model="mean"', '@learn(reads="sums", model="mean"')
    source = source.replace('reads="sums", writes=WISHES', 'reads="takings", writes=WISHES')
    source = source.replace("sums.filter(ibis._.day == day)", "sums", 1)
    edited = tmp_path / "other.py"
    edited.write_text(source)
    other = load(edited)
    assert [step.name for step in other.REGISTRY.steps] == [*RAN]
    house = House(other, Tables(None, other.REGISTRY.contracts), Ledger(open_state("", tmp_path)), tmp_path / "models")
    house.take(("1", "north", 4))
    assert house.states(policies={"tiny": other.Policy(broken="sums")})["wishes"] == "skipped"
    assert house.states() == RAN


# -- crashes and crowds ------------------------------------------------------------------------------


def everything(home: Path, tiny: ModuleType) -> dict[str, Any]:
    """All results, decisions, moves and runs of a home, without what clocks and run ids put there."""
    tables = Tables(home / "tables", tiny.REGISTRY.contracts)
    found: dict[str, Any] = {
        name: sorted(map(str, tables.fetch(name).to_pylist()))
        for name in ("takings", "sums", "wishes", "notices", "shortfalls")
    }
    engine = open_state("", home)
    for table in (decisions, moves, runs, alerts, alert_moves, alert_days):
        columns = [
            column for column in table.columns if column.name not in {"versions", "at", "run", "number", "seconds"}
        ]
        with engine.connect() as connection:
            found[table.name] = sorted(map(str, connection.execute(select(*columns))))
    engine.dispose()
    return found


def test_a_killed_day_is_finished_by_the_next_run(tiny: ModuleType, tmp_path: Path) -> None:
    """After 15 kills at random moments, tables, ledger and runs are those of an undisturbed day."""
    homes = {}
    for name in ("undisturbed", "killed"):
        home = homes[name] = tmp_path / name
        house = House(
            tiny, Tables(home / "tables", tiny.REGISTRY.contracts), Ledger(open_state("", home)), home / "models"
        )
        house.take(*((str(number), f"shop{number % 7}", number) for number in range(100)), ("x", "kiosk", 1))
        house.ledger.engine.dispose()
    assert tiny.day_in(homes["undisturbed"]).failed == []
    killed = subprocess.run(
        [sys.executable, SOURCE, homes["killed"], "15"], capture_output=True, text=True, timeout=120
    )
    assert killed.returncode == 0, killed.stderr
    assert everything(homes["killed"], tiny) == everything(homes["undisturbed"], tiny)
    assert len(everything(homes["killed"], tiny)["alerts"]) == 1


def test_two_days_at_once_are_refused(tmp_path: Path) -> None:
    """While one process runs a day, another is told which day, which process and since when; then it may run."""
    with open_hub(tmp_path) as hub, open_hub(tmp_path) as other:
        with (
            hub.day_lock(DAY),
            pytest.raises(HubError, match="Business day 2017-11-05 is being run by process") as caught,
        ):
            other.run_day(DAY)
        assert caught.value.code == "day.busy" and "{" not in str(caught.value)
        with other.day_lock(DAY):
            assert (tmp_path / ".day.json").exists()


def test_a_day_runs_on_postgresql(tiny: ModuleType, state_url: str, tmp_path: Path) -> None:
    """Runs and decisions are kept the same on either database."""
    house = House(
        tiny, Tables(None, tiny.REGISTRY.contracts), Ledger(open_state(state_url, tmp_path)), tmp_path / "models"
    )
    house.take(("1", "north", 4))
    assert (house.states(), house.states()) == (RAN, UNCHANGED)
    house.ledger.engine.dispose()


def test_a_day_needs_no_ledger(tiny: ModuleType, tmp_path: Path) -> None:
    """In memory and without a ledger, as the twin does it, every step runs each time and nothing is kept."""
    tables = Tables(None, tiny.REGISTRY.contracts)
    tables.append("takings", tiny.takings(("1", "north", 4)))
    for _ in range(2):
        report = tiny.run(tables, None, tmp_path)
        assert {step.step: step.state for step in report.steps} == RAN and report.proposed == {}
