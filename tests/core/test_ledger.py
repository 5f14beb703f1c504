"""The ledger: every decision moves along its states only, each move is kept, and nothing happens twice."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete, func, select

from aislehub.core.book import Filter
from aislehub.core.decision import MOVES, decision_id
from aislehub.core.errors import HubError
from aislehub.core.ledger import Ledger, Proposed
from aislehub.core.state import decisions, moves, open_state

DAY = date(2017, 11, 5)


@pytest.fixture
def ledger(state_url: str, tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger on SQLite, then on PostgreSQL."""
    ledger = Ledger(open_state(state_url, tmp_path), run="run1")
    yield ledger
    ledger.engine.dispose()


def rows(*subjects: str, store: str = "s", money: float = 5.0, **changed: Any) -> pa.Table:
    """Decision rows, one a subject."""
    row = {
        "store": store, "action": '{"quantity": 24, "case": 6}', "baseline": '{"name": "none", "quantity": 0}',
        "money": money, "money_low": -1.0, "money_high": 9.0, "horizon_days": 7, "outlay": 30.0, "reasons": "[]",
        "bound": "none", "source": "simulated",
    }  # fmt: skip
    return pa.Table.from_pylist([row | changed | {"subject": subject} for subject in subjects])


def propose(ledger: Ledger, table: pa.Table, day: date = DAY) -> Proposed:
    """Propose orders of a day."""
    return ledger.propose("orders", day, table, currency="EUR", model="m@1", policy="p1", versions={"stock": 3})


def path(ledger: Ledger, id: str) -> list[str]:
    """The states that a decision went through."""
    return [move["state_to"] for move in ledger.history(id)]


def refusal(caught: pytest.ExceptionInfo[HubError]) -> str:
    """Code of a refusal, whose sentence can be said."""
    assert "{" not in str(caught.value)
    return caught.value.code


# -- proposing -------------------------------------------------------------------------------------


def test_a_guarded_action_is_overridden_within_its_limits(ledger: Ledger) -> None:
    """Where an action says `least` and `most`, its main field may be set between them, and nothing else may be set."""
    action = {"price": 2.49, "was": 2.99, "least": 2.19, "most": 3.29}
    propose(ledger, rows("a", action=json.dumps(action)))
    (decision,) = ledger.find(Filter())
    for to in (1.0, 2.18, 3.3, {"price": 9.9}):
        with pytest.raises(HubError, match=r"guard-rails.*2.19 to 3.29"):
            ledger.override(decision["id"], to, who="ann", why="clearance")
    for field in ("was", "least", "most"):
        with pytest.raises(HubError, match=f"no field '{field}'"):
            ledger.override(decision["id"], {field: 9.9}, who="ann", why="clearance")
    chosen = ledger.override(decision["id"], 2.19, who="ann", why="clearance")
    assert chosen["override"]["action"] == action | {"price": 2.19}


def test_a_decision_keeps_what_it_was_made_from(ledger: Ledger) -> None:
    """Action, baseline, money, model, policy, table versions and source are read back as they were written."""
    assert propose(ledger, rows("milk")) == Proposed(new=1, changed=0, same=0, kept=0, superseded=0)
    row = ledger.get(decision_id("orders", DAY, "s", "milk"))
    assert (row["action"], row["versions"], row["reasons"]) == ({"quantity": 24, "case": 6}, {"stock": 3}, [])
    assert (row["money"], row["money_low"], row["money_high"], row["currency"]) == (5.0, -1.0, 9.0, "EUR")
    assert (row["model"], row["policy"], row["source"], row["state"]) == ("m@1", "p1", "simulated", "proposed")
    (move,) = ledger.history(row["id"])
    assert (move["state_from"], move["state_to"], move["run"], move["at"].tzinfo is None) == (
        "",
        "proposed",
        "run1",
        False,
    )


def test_proposing_again_replaces_only_what_is_still_proposed(ledger: Ledger) -> None:
    """Same content changes nothing; new content replaces; missing rows are superseded; moved rows are kept."""
    propose(ledger, rows("a", "b", "c", "d"))
    ids = {subject: decision_id("orders", DAY, "s", subject) for subject in "abcde"}
    ledger.approve(Filter(ids=(ids["a"],)), who="ann")
    assert propose(ledger, rows("a", "b", "c", "d")) == Proposed(new=0, changed=0, same=3, kept=1, superseded=0)
    second = pa.concat_tables([rows("a", "b", money=6.0), rows("c"), rows("e")])
    assert propose(ledger, second) == Proposed(new=1, changed=1, same=1, kept=1, superseded=1)
    assert {s: (ledger.get(id)["state"], ledger.get(id)["money"]) for s, id in ids.items()} == {
        "a": ("approved", 5.0), "b": ("proposed", 6.0), "c": ("proposed", 5.0), "d": ("superseded", 5.0),
        "e": ("proposed", 5.0),
    }  # fmt: skip
    assert propose(ledger, rows("a", "b", "c", "d", "e")).changed == 2
    assert path(ledger, ids["d"]) == ["proposed", "superseded", "proposed"]


def test_days_and_kinds_do_not_touch_each_other(ledger: Ledger) -> None:
    """Proposing one day's orders supersedes neither another day's nor another kind's."""
    propose(ledger, rows("a"))
    propose(ledger, rows("a"), DAY + timedelta(days=1))
    ledger.propose("alerts", DAY, rows("b"), currency="EUR")
    assert {row["state"] for row in ledger.find(Filter())} == {"proposed"}
    assert ledger.days() == [DAY + timedelta(days=1), DAY] and ledger.stores(DAY) == ["s"]


def test_two_decisions_on_one_thing_are_refused(ledger: Ledger) -> None:
    """The same store and subject twice is an error that names them; nothing is written."""
    with pytest.raises(HubError, match="store s and subject a") as caught:
        propose(ledger, rows("a", "b", "a"))
    assert refusal(caught) == "ledger.twice"
    assert ledger.find(Filter()) == []


def test_an_id_never_changes() -> None:
    """The same thing decided for the same day has the same id in every house and version."""
    assert decision_id("orders", DAY, "S1", "milk") == "bc49fb1bc0119ec8"
    others = [("alerts", DAY, "S1", "milk"), ("orders", DAY, "S1m", "ilk"), ("orders", DAY, "", "milk")]
    assert len({decision_id("orders", DAY, "S1", "milk"), *(decision_id(*other) for other in others)}) == 4


# -- moving ----------------------------------------------------------------------------------------


def test_named_decisions_move_all_or_none(ledger: Ledger) -> None:
    """One of them that may not move stops all; one that is there already is passed over."""
    propose(ledger, rows("a", "b", "c"))
    ids = tuple(row["id"] for row in ledger.find(Filter(), order="subject"))
    ledger.reject(Filter(ids=ids[:1]), who="ann")
    with pytest.raises(HubError, match="is rejected; it cannot become approved \\(possible: proposed\\)") as caught:
        ledger.approve(Filter(ids=ids), who="ann")
    assert refusal(caught) == "ledger.move"
    assert [ledger.get(id)["state"] for id in ids] == ["rejected", "proposed", "proposed"]
    assert ledger.approve(Filter(ids=ids[1:]), who="ann") == 2
    assert ledger.approve(Filter(ids=ids[1:]), who="ann") == 0
    assert path(ledger, ids[1]) == ["proposed", "approved"]


def test_another_number_than_expected_moves_nothing(ledger: Ledger) -> None:
    """Who approves 3 decisions that were shown approves those 3, or none when they have become 2."""
    propose(ledger, rows("a", "b", "c"))
    ledger.reject(Filter(subject="c"), who="bob")
    which = Filter(states=("proposed",))
    with pytest.raises(HubError) as caught:
        ledger.approve(which, who="ann", expected=3)
    assert refusal(caught) == "ledger.changed" and caught.value.facts == {"expected": 3, "count": 2}
    assert len(ledger.find(which)) == 2 and len(ledger.history(decision_id("orders", DAY, "s", "a"))) == 1
    assert ledger.approve(which, who="ann", expected=2) == 2


def test_an_empty_selection_moves_nothing(ledger: Ledger) -> None:
    """No ids given is not the same as all decisions."""
    propose(ledger, rows("a"))
    assert ledger.approve(Filter(ids=()), who="ann") == ledger.move([], "sent", who="ann") == 0
    assert ledger.find(Filter(ids=())) == []
    assert ledger.approve(Filter(), who="ann") == 1


def test_ids_may_be_shortened(ledger: Ledger) -> None:
    """Six characters or more that begin one id name it; fewer, unknown or ambiguous ones are refused."""
    propose(ledger, rows(*(f"item{number}" for number in range(40))))
    row = ledger.find(Filter())[0]
    assert ledger.get(row["id"][:6])["id"] == row["id"]
    assert ledger.approve(Filter(ids=(row["id"][:8],)), who="ann") == 1
    twin = {**{c.name: row[c.name] for c in decisions.columns}, "id": row["id"][:7] + "zzzzzzzzz", "subject": "twin"}
    twin |= {name: json.dumps(twin[name]) for name in ("action", "baseline", "reasons", "versions")}
    with ledger.engine.begin() as connection:
        connection.execute(decisions.insert(), [twin])
    for id, code in (
        (row["id"][:5], "unknown"),
        ("0" * 16, "unknown"),
        ("%%%%%%", "unknown"),
        (row["id"][:7], "ambiguous"),
    ):
        with pytest.raises(HubError) as caught:
            ledger.approve(Filter(ids=(id,)), who="ann")
        assert refusal(caught) == f"ledger.{code}"


def test_an_override_is_another_action_with_a_reason(ledger: Ledger) -> None:
    """The proposed action stays; the human's stands beside it with who and why; undoing removes it."""
    propose(ledger, rows("a"))
    id = decision_id("orders", DAY, "s", "a")
    row = ledger.override(id, 30, who="ann", why="fair in town")
    assert (row["state"], row["action"]["quantity"]) == ("overridden", 24)
    assert row["override"] == {"action": {"quantity": 30, "case": 6}, "why": "fair in town", "who": "ann"}
    assert ledger.undo(id, who="bob")["override"] is None
    assert ledger.override(id, {"quantity": 0}, who="ann", why="closed")["override"]["action"]["quantity"] == 0
    assert path(ledger, id) == ["proposed", "overridden", "proposed", "overridden"]


@pytest.mark.parametrize(
    "to", [-1, float("nan"), float("inf"), 1e15, {"quantity": "many"}, {"quantity": True}, {"size": 3}]
)
def test_an_impossible_override_is_refused(ledger: Ledger, to: Any) -> None:
    """Negative, endless or absurd numbers, words for numbers and unknown fields are refused with the value."""
    propose(ledger, rows("a"))
    id = decision_id("orders", DAY, "s", "a")
    with pytest.raises(HubError) as caught:
        ledger.override(id, to, who="ann", why="because")
    assert refusal(caught) == ("ledger.action_field" if to == {"size": 3} else "ledger.action")
    assert path(ledger, id) == ["proposed"]


def test_an_override_needs_a_reason_and_an_open_decision(ledger: Ledger) -> None:
    """Without a why, or on what is approved already, nothing is overridden."""
    propose(ledger, rows("a"))
    id = decision_id("orders", DAY, "s", "a")
    with pytest.raises(HubError) as caught:
        ledger.override(id, 30, who="ann", why="  ")
    assert refusal(caught) == "ledger.why"
    ledger.approve(Filter(ids=(id,)), who="ann")
    with pytest.raises(HubError) as caught:
        ledger.override(id, 30, who="ann", why="because")
    assert refusal(caught) == "ledger.move"


def test_undoing_what_was_sent_compensates_it(ledger: Ledger) -> None:
    """The compensation cancels what was carried out (the override, if any) and takes the expected money back."""
    propose(ledger, rows("a"))
    id = decision_id("orders", DAY, "s", "a")
    ledger.override(id, 30, who="ann", why="fair")
    ledger.move([id], "sent", who="outbox")
    other = ledger.undo(id, who="bob", why="wrong store")
    assert (other["state"], other["compensates"], other["subject"]) == ("approved", id, "a")
    assert other["action"] == {"quantity": 30, "case": 6, "cancel": True}
    assert (other["money"], other["money_low"], other["money_high"], other["outlay"]) == (-5.0, -9.0, 1.0, -30.0)
    assert other["reasons"][0]["facts"] == {"id": id, "why": "wrong store"}
    assert path(ledger, id) == ["proposed", "overridden", "sent", "reversed"]
    with pytest.raises(HubError) as caught:
        ledger.undo(id, who="bob")
    assert refusal(caught) == "ledger.move"
    propose(ledger, rows("a"))  # the day run again leaves both alone
    assert {row["id"]: row["state"] for row in ledger.find(Filter())} == {id: "reversed", other["id"]: "approved"}
    sums = ledger.summary(Filter())
    assert sum(row["money"] for row in sums) == sum(row["outlay"] for row in sums) == 0


def test_what_nobody_moved_expires_with_its_day(ledger: Ledger) -> None:
    """Proposals of earlier days expire; approved ones and those of the day itself stay."""
    propose(ledger, rows("a", "b"))
    propose(ledger, rows("a"), DAY + timedelta(days=1))
    ledger.approve(Filter(subject="b"), who="ann")
    assert ledger.expire(DAY) == 0
    assert ledger.expire(DAY + timedelta(days=1)) == 1
    states = {(row["day"], row["subject"]): row["state"] for row in ledger.find(Filter())}
    assert states == {(DAY, "a"): "expired", (DAY, "b"): "approved", (DAY + timedelta(days=1), "a"): "proposed"}
    with pytest.raises(HubError, match="expired"):
        ledger.approve(Filter(ids=(decision_id("orders", DAY, "s", "a"),)), who="ann")
    assert propose(ledger, rows("a", "b")).kept == 2


# -- reading ---------------------------------------------------------------------------------------


def test_every_given_field_narrows(ledger: Ledger) -> None:
    """Filters by store, subject, state and money, the largest money first, page by page."""
    for number in range(7):
        ledger.propose(
            f"kind{number % 2}",
            DAY + timedelta(days=number),
            rows("a", store=f"s{number}", money=number // 2),
            currency="EUR",
        )
    assert [row["money"] for row in ledger.find(Filter())] == [3, 2, 2, 1, 1, 0, 0]
    assert {row["store"] for row in ledger.find(Filter(kind="kind1"))} == {"s1", "s3", "s5"}
    assert len(ledger.find(Filter(store="s3", subject="a", states=("proposed",), day=DAY + timedelta(days=3)))) == 1
    pages, last = [], None
    while page := ledger.find(Filter(), limit=2, after=last):
        pages += page
        last = page[-1]["money"], page[-1]["id"]
    assert [row["id"] for row in pages] == [row["id"] for row in ledger.find(Filter())]
    assert [row["id"] for row in ledger.find(Filter(), limit=3, offset=2)] == [row["id"] for row in pages[2:5]]


def test_thousands_of_decisions_move_at_once(ledger: Ledger) -> None:
    """5,000 decisions are proposed, approved by name, and proposed again without a change."""
    table = rows(*(f"item{number}" for number in range(5000)))
    assert propose(ledger, table).new == 5000
    ids = tuple(row["id"] for row in ledger.find(Filter()))
    assert ledger.approve(Filter(ids=ids), who="ann") == 5000
    assert propose(ledger, table) == Proposed(new=0, changed=0, same=0, kept=5000, superseded=0)
    (summary,) = ledger.summary(Filter(day=DAY))
    assert (summary["state"], summary["count"], summary["money"]) == ("approved", 5000, 25_000.0)


# -- any sequence of moves ----------------------------------------------------------------------------

SUBJECTS = ["a", "b", "c"]
IDS = {subject: decision_id("orders", DAY, "s", subject) for subject in SUBJECTS}


class AnyMoves(RuleBasedStateMachine):
    """Random moves beside a model of what must have happened: state, number of moves and content of each decision."""

    ledger: Ledger

    @initialize()
    def empty(self) -> None:
        with self.ledger.engine.begin() as connection:
            connection.execute(delete(decisions))
            connection.execute(delete(moves))
        self.states: dict[str, str] = {}
        self.steps: dict[str, int] = {}
        self.money: dict[str, float] = {}

    def step(self, id: str, to: str) -> None:
        self.states[id] = to
        self.steps[id] = self.steps.get(id, 0) + 1

    def may(self, id: str, to: str) -> bool:
        return id in self.states and to in MOVES[self.states[id]]

    @rule(subjects=st.sets(st.sampled_from(SUBJECTS)), money=st.sampled_from([1.0, 2.0]))
    def propose(self, subjects: set[str], money: float) -> None:
        done = propose(self.ledger, rows(*sorted(subjects), money=money) if subjects else rows("x").slice(0, 0))
        assert done.new + done.changed + done.same + done.kept == len(subjects)
        for subject, id in IDS.items():
            state = self.states.get(id)
            if subject in subjects and state in (None, "proposed", "superseded"):
                if state != "proposed" or self.money[id] != money:
                    self.step(id, "proposed")
                self.money[id] = money
            elif subject not in subjects and state == "proposed":
                self.step(id, "superseded")

    @rule(
        subject=st.sampled_from(SUBJECTS),
        to=st.sampled_from(["approved", "rejected", "sent", "done", "failed", "judged"]),
    )
    def move(self, subject: str, to: str) -> None:
        id = IDS[subject]
        if self.may(id, to):
            assert self.ledger.move([id], to, who="ann") == 1
            self.step(id, to)
        elif self.states.get(id) == to:
            assert self.ledger.move([id], to, who="ann") == 0
        else:
            with pytest.raises(HubError):
                self.ledger.move([id], to, who="ann")

    @rule(to=st.sampled_from(["approved", "rejected"]))
    def move_all(self, to: str) -> None:
        movable = [id for id in self.states if self.may(id, to)]
        assert self.ledger._move_all(Filter(), to, "ann", "") == len(movable)
        for id in movable:
            self.step(id, to)

    @rule(subject=st.sampled_from(SUBJECTS))
    def override(self, subject: str) -> None:
        id = IDS[subject]
        if self.may(id, "overridden"):
            assert self.ledger.override(id, 3, who="ann", why="so")["override"]["action"]["quantity"] == 3
            self.step(id, "overridden")
        else:
            with pytest.raises(HubError):
                self.ledger.override(id, 3, who="ann", why="so")

    @rule(subject=st.sampled_from(SUBJECTS))
    def undo(self, subject: str) -> None:
        id = IDS[subject]
        state = self.states.get(id)
        if state in ("approved", "rejected", "overridden"):
            before = self.ledger.get(id)
            after = self.ledger.undo(id, who="bob")
            assert after == before | {"state": "proposed", "override": None}
            self.step(id, "proposed")
        elif state in ("sent", "failed", "done"):
            other = self.ledger.undo(id, who="bob")
            assert other["money"] == -self.money[id] and other["compensates"] == id
            self.step(id, "reversed")
            self.step(other["id"], "approved")
            self.money[other["id"]] = -self.money[id]
        else:
            with pytest.raises(HubError):
                self.ledger.undo(id, who="bob")

    @precondition(lambda self: self.states)
    @rule()
    def expire(self) -> None:
        gone = [id for id, state in self.states.items() if state == "proposed"]
        assert self.ledger.expire(DAY + timedelta(days=1)) == len(gone)
        for id in gone:
            self.step(id, "expired")

    @invariant()
    def the_ledger_is_what_happened(self) -> None:
        """States and money are the model's, and every history leads to its state along allowed moves only."""
        stored = {row["id"]: row for row in self.ledger.find(Filter())}
        assert {id: row["state"] for id, row in stored.items()} == self.states
        assert {id: row["money"] for id, row in stored.items()} == self.money
        for id, state in self.states.items():
            history = self.ledger.history(id)
            assert len(history) == self.steps[id]
            assert history[0]["state_from"] == "" and history[-1]["state_to"] == state
            for before, move in pairwise(history):
                assert move["state_from"] == before["state_to"]
                again = move["state_from"] == move["state_to"] == "proposed"  # the same thing, decided anew
                assert again or move["state_to"] in MOVES[move["state_from"]]


def test_any_sequence_of_moves_keeps_the_books(ledger: Ledger) -> None:
    """Whatever people, rules and machines do in whatever order, states follow MOVES and histories replay to them."""

    class OnThis(AnyMoves):
        pass

    OnThis.ledger = ledger
    run_state_machine_as_test(
        OnThis, settings=settings(max_examples=15, stateful_step_count=20, suppress_health_check=list(HealthCheck))
    )


# -- two at once -----------------------------------------------------------------------------------


def test_of_two_processes_one_wins_each_decision(state_url: str, tmp_path: Path) -> None:
    """Two who move the same decisions at once: each decision has one winner, one move and the winner's state."""
    worker = Path(__file__).with_name("ledger_worker.py")
    played = subprocess.run([sys.executable, worker, state_url, tmp_path], capture_output=True, text=True, timeout=120)
    assert played.returncode == 0, played.stderr
    told = json.loads(played.stdout)
    assert sorted(map(str, told["named"])) == ["50", "ledger.move"]
    assert sum(told["filter"]) == 150
    approved, proposed = told["propose"]
    assert approved == 200 and proposed["changed"] + proposed["kept"] == 200
    ledger = Ledger(open_state(state_url, tmp_path))
    for row in ledger.find(Filter()):
        history = ledger.history(row["id"])
        assert history[-1]["state_to"] == row["state"] in ("approved", "rejected")
        assert [move["state_from"] for move in history[1:]] == [move["state_to"] for move in history[:-1]]
        people = [move for move in history if move["who"] in ("ann", "bob")]
        assert len(people) == 1
    with ledger.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(decisions)).scalar() == 400
    ledger.engine.dispose()


# -- correcting ------------------------------------------------------------------------------------


def test_what_was_carried_out_is_corrected_by_a_proposal(ledger: Ledger) -> None:
    """The correction waits beside the old decision with its action as baseline; the day's own run leaves it alone."""
    propose(ledger, rows("a"))
    (id,) = (row["id"] for row in ledger.find(Filter()))
    with pytest.raises(HubError) as caught:
        ledger.correct(id, {"quantity": 12}, who="ann", why="less", money=(1.0, 0.0, 2.0))
    assert refusal(caught) == "ledger.move"
    ledger.approve(Filter(ids=(id,)), who="ann")
    ledger.move([id], "sent", who="outbox")
    with pytest.raises(HubError) as caught:
        ledger.correct(id, {"quantity": 12}, who="ann", why=" ", money=(1.0, 0.0, 2.0))
    assert refusal(caught) == "ledger.why"
    new = ledger.correct(id, {"quantity": 12}, who="ann", why="less", money=(1.0, 0.0, 2.0))
    assert (new["state"], new["compensates"], new["money_high"]) == ("proposed", id, 2.0)
    assert new["baseline"] == {"quantity": 24, "case": 6, "name": "keep"} and ledger.get(id)["state"] == "sent"
    propose(ledger, rows("a"))
    ledger.reject(Filter(ids=(new["id"],)), who="bob")
    again = ledger.correct(id, {"quantity": 18}, who="ann", why="a little less", money=(1.0, 0.0, 2.0))
    assert again["id"] != new["id"] and path(ledger, new["id"]) == ["proposed", "rejected"]


def test_what_waits_to_be_carried_out_is_not_proposed_again(ledger: Ledger) -> None:
    """With `once`, a subject whose decision of an earlier day is approved and not sent yet is left out until it is."""
    propose(ledger, rows("w1", "w2"))
    first = decision_id("orders", DAY, "s", "w1")
    ledger.approve(Filter(ids=(first,)), who="ann")
    later = DAY + timedelta(days=1)
    ledger.propose("orders", later, rows("w1", "w2"), currency="EUR", once=True)
    assert [one["subject"] for one in ledger.find(Filter(day=later))] == ["w2"]
    ledger.move([first], "sent", who="outbox")
    ledger.propose("orders", later, rows("w1", "w2"), currency="EUR", once=True)
    assert sorted(one["subject"] for one in ledger.find(Filter(day=later))) == ["w1", "w2"]
