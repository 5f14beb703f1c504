"""The register of experiments: who may move what when, and what decisions carry out meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from aislehub.core.book import Filter
from aislehub.core.errors import HubError
from aislehub.core.experiments import Experiments, Trial
from aislehub.core.ledger import Ledger
from aislehub.core.state import open_state

START = date(2017, 10, 2)
PLAN = Trial("less", "orders", "store", 0, 0.5, "less", 14, {"metric": "margin", "also": ["x"]})
STORES = [f"s{number}" for number in range(40)]


@pytest.fixture
def register(state_url: str, tmp_path: Path) -> Iterator[Experiments]:
    """An empty register on SQLite, then on PostgreSQL."""
    register = Experiments(open_state(state_url, tmp_path), run="run1")
    yield register
    register.engine.dispose()


def day(number: int) -> date:
    """The number-th day of the experiment, from 0."""
    return START + timedelta(days=number)


def looked(*names: str, harm: str = "") -> pa.Table:
    """Rows of a day's look."""
    return pa.table({"experiment": list(names), "harm": [harm] * len(names), "estimate": [0.5] * len(names)})


def states(register: Experiments, name: str = "less") -> list[tuple[str, str, str]]:
    """Every move: from, to, who."""
    return [(move["state_from"], move["state_to"], move["who"]) for move in register.history(name)]


def refusal(caught: pytest.ExceptionInfo[HubError]) -> str:
    """Code of a refusal, whose sentence can be said."""
    assert "{" not in str(caught.value)
    return caught.value.code


def test_a_plan_becomes_an_experiment_with_dates(register: Experiments) -> None:
    """Planned twice it is replaced, started it has its days, and its definition is read back as written."""
    register.plan(replace(PLAN, days=7), who="ann")
    register.plan(PLAN, who="ann")
    started = register.start("less", START, who="bob", why="go", salt="less#3")
    assert (started.state, started.start, started.last, started.salt) == ("running", START, day(13), "less#3")
    assert started.definition == PLAN.definition
    assert register.all() == [started]
    assert states(register) == [("", "planned", "ann"), ("planned", "planned", "ann"), ("planned", "running", "bob")]


def test_a_started_plan_stays(register: Experiments) -> None:
    """What runs cannot be planned or started again; what is stopped stays stopped; an unknown name is answered."""
    register.plan(PLAN, who="ann")
    register.start("less", START, who="ann")
    for refused, code in (
        (lambda: register.plan(PLAN, who="ann"), "experiments.known"),
        (lambda: register.start("less", START, who="ann"), "experiments.move"),
        (lambda: register.stop("less", day(-1), who="ann"), "experiments.before_start"),
        (lambda: register.get("lesss"), "experiments.unknown"),
        (lambda: register.plan(replace(PLAN, name="odd", share=1.0), who="ann"), "experiments.share"),
    ):
        with pytest.raises(HubError) as caught:
            refused()
        assert refusal(caught) == code
    assert register.stop("less", day(3), who="ann", why="enough").last == day(3)
    with pytest.raises(HubError) as caught:
        register.stop("less", day(4), who="ann")
    assert refusal(caught) == "experiments.move"


def test_two_on_one_kind_of_decision_are_refused(register: Experiments) -> None:
    """On common days only: after the first has ended, or on another kind, the second may start."""
    register.plan(PLAN, who="ann")
    register.start("less", START, who="ann")
    register.plan(replace(PLAN, name="other"), who="ann")
    with pytest.raises(HubError) as caught:
        register.start("other", day(13), who="ann")
    assert refusal(caught) == "experiments.overlap"
    assert register.start("other", day(14), who="ann").state == "running"
    register.plan(replace(PLAN, name="prices", kind="price_changes"), who="ann")
    assert register.start("prices", START, who="ann").state == "running"


def test_a_rolled_back_one_blocks_until_a_person_stops_it(register: Experiments) -> None:
    """Its decisions are held at the baseline, so nothing else may draw lots for them."""
    register.plan(PLAN, who="ann")
    register.start("less", START, who="ann")
    register.record(day(5), looked("less", harm="experiment.note_harm"))
    register.plan(replace(PLAN, name="other"), who="ann")
    with pytest.raises(HubError):
        register.start("other", day(30), who="ann")
    register.stop("less", day(8), who="ann", why="the rule was mended")
    assert register.start("other", day(30), who="ann").state == "running"
    assert states(register)[-2:] == [("running", "rolled_back", "day"), ("rolled_back", "stopped", "ann")]


def test_the_last_day_ends_it(register: Experiments) -> None:
    """A look at the last day stops the experiment; one before leaves it; again changes nothing."""
    register.plan(PLAN, who="ann")
    register.start("less", START, who="ann")
    assert register.record(day(12), looked("less")) == []
    (ended,) = register.record(day(13), looked("less"))
    assert (ended.state, ended.last) == ("stopped", day(13))
    assert register.record(day(13), looked("less")) == []


def test_every_look_is_kept_once(register: Experiments) -> None:
    """By day and person with its result; the same figures again are no other look, other figures are."""
    register.plan(PLAN, who="ann")
    register.start("less", START, who="ann")
    for _ in range(2):
        register.record(day(1), looked("less"))
        register.look("less", day(1), [{"estimate": 0.5}], who="ann")
    register.look("less", day(1), [{"estimate": 0.6}], who="ann")
    found = [(look["day"], look["who"], look["result"][0]["estimate"]) for look in register.looks("less")]
    assert found == [(day(1), "day", 0.5), (day(1), "ann", 0.5), (day(1), "ann", 0.6)]


def test_on_a_day_are_those_that_measure_or_draw(register: Experiments) -> None:
    """From the close before the start to the last day, and for good once rolled back."""
    register.plan(PLAN, who="ann")
    assert register.on(START) == []
    register.start("less", START, who="ann")
    assert [bool(register.on(day(number))) for number in (-2, -1, 0, 13, 14)] == [False, True, True, True, False]
    register.record(day(5), looked("less", harm="experiment.note_harm"))
    assert [bool(register.on(day(number))) for number in (-1, 5, 6, 40)] == [True] * 4


def test_the_next_one_draws_from_the_close_of_the_last_day(register: Experiments) -> None:
    """On the day on which one is measured last, the decisions already belong to the one that starts the day after."""
    register.plan(PLAN, who="ann")
    register.start("less", START, who="ann")
    register.plan(replace(PLAN, name="more"), who="ann")
    register.start("more", day(14), who="ann")
    both = register.on(day(13))
    assert [trial.name for trial in both] == ["less", "more"]
    assert [trial.draws(day(13)) for trial in both] == [False, True]


def test_a_switchback_draws_each_block_anew() -> None:
    """Inside a block a store keeps its arm, the next block has a lot of its own."""
    trial = replace(PLAN, block_days=7, start=START, last=day(13), state="running")
    for store in STORES:
        assert len({trial.arm_of(store, day(number)) for number in range(7)}) == 1
    changed = sum(trial.arm_of(store, day(0)) != trial.arm_of(store, day(7)) for store in STORES)
    assert 8 < changed < 32


# -- decisions ---------------------------------------------------------------------------------------


def decisions(*, baseline: dict[str, Any] | None = None) -> pa.Table:
    """An order of 24 a store; today's rule orders 12."""
    told = {"name": "rule", "quantity": 12.0, "outlay": 18.0} if baseline is None else baseline
    row = {
        "subject": "milk", "action": json.dumps({"quantity": 24.0}), "baseline": json.dumps(told), "money": 5.0,
        "money_low": 1.0, "money_high": 9.0, "horizon_days": 7, "outlay": 36.0, "reasons": "[]", "bound": "shelf",
        "source": "simulated",
    }  # fmt: skip
    return pa.Table.from_pylist([row | {"store": store} for store in STORES])


def running(register: Experiments) -> Trial:
    """The experiment, begun."""
    register.plan(PLAN, who="ann")
    return register.start("less", START, who="ann")


def test_the_control_arm_carries_out_the_baseline(register: Experiments) -> None:
    """Its action is the baseline's, worth nothing over itself, and says why; the treatment's is as proposed."""
    trial, ledger = running(register), Ledger(register.engine)
    ledger.propose("orders", day(-1), decisions(), currency="EUR", trial=trial)
    found = {decision["store"]: decision for decision in ledger.find(Filter())}
    arms = {store: trial.arm_of(store, START) for store in STORES}
    assert {store: found[store]["arm"] for store in STORES} == {store: f"less:{arms[store]}" for store in STORES}
    control = next(found[store] for store in STORES if arms[store] == "control")
    assert control["action"] == {"quantity": 12.0} and control["outlay"] == 18.0
    assert (control["money"], control["money_low"], control["money_high"], control["bound"]) == (0, 0, 0, "none")
    assert [(reason["code"], reason["facts"]) for reason in control["reasons"]] == [
        ("ledger.control", {"experiment": "less"})
    ]
    treated = next(found[store] for store in STORES if arms[store] == "treatment")
    assert (treated["action"], treated["money"], treated["outlay"]) == ({"quantity": 24.0}, 5.0, 36.0)


def test_outside_its_days_decisions_have_no_arm(register: Experiments) -> None:
    """Two closes before the start and from its last day's close on, decisions are what was proposed."""
    trial, ledger = running(register), Ledger(register.engine)
    for number in (-2, 13):
        ledger.propose("orders", day(number), decisions(), currency="EUR", trial=trial)
        assert {decision["arm"] for decision in ledger.find(Filter(day=day(number)))} == {""}


def test_starting_and_stopping_changes_open_decisions(register: Experiments) -> None:
    """A day run again gives decisions still proposed their arm; one that a person has moved is kept."""
    trial, ledger = running(register), Ledger(register.engine)
    ledger.propose("orders", day(0), decisions(), currency="EUR")
    (first, *_) = [d for d in ledger.find(Filter(), order="subject") if trial.arm_of(d["store"], day(1)) == "control"]
    ledger.approve(Filter(ids=(first["id"],)), who="ann")
    counted = ledger.propose("orders", day(0), decisions(), currency="EUR", trial=trial)
    assert (counted.changed, counted.kept) == (len(STORES) - 1, 1)
    assert ledger.get(first["id"])["action"] == {"quantity": 24.0}
    assert ledger.propose("orders", day(0), decisions(), currency="EUR", trial=trial).same == len(STORES) - 1


def test_rolled_back_everyone_gets_the_baseline(register: Experiments) -> None:
    """From the close of the day of harm on, until a person stops the experiment."""
    running(register)
    (trial,) = register.record(day(5), looked("less", harm="experiment.note_harm"))
    ledger = Ledger(register.engine)
    ledger.propose("orders", day(5), decisions(), currency="EUR", trial=trial)
    found = ledger.find(Filter())
    assert {decision["action"]["quantity"] for decision in found} == {12.0}
    assert {reason["code"] for decision in found for reason in decision["reasons"]} == {"ledger.rolled_back"}
    assert trial.arm_at(day(3), "s1", "milk") == f"{trial.arm_of('s1', day(4))}"
    assert register.stop("less", day(6), who="ann").arm_at(day(7), "s1", "milk") == ""


def test_doing_nothing_is_no_decision(register: Experiments) -> None:
    """Where the baseline says nothing of the action, the control arm has nothing to carry out."""
    trial, ledger = running(register), Ledger(register.engine)
    ledger.propose("orders", day(0), decisions(baseline={"name": "keep"}), currency="EUR", trial=trial)
    assert {decision["arm"] for decision in ledger.find(Filter())} == {"less:treatment"}
