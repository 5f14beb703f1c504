"""The register of messages: none twice, no limit broken, in whatever order and however often runs are cut."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from aislehub.core.sends import REACHED, Sends, message_id
from aislehub.core.state import open_state

DAY = date(2026, 11, 2)
FATES = ("sent", "unsure", "refused", "waiting")


def _fresh(folder: Path) -> Sends:
    return Sends(open_state("", folder))


def test_a_decision_is_written_down_once(tmp_path: Path) -> None:
    """Planning again, with other members even, adds nothing."""
    register = _fresh(tmp_path)
    assert register.plan("d1", "coffee", "email", ["a", "b"])
    assert not register.plan("d1", "coffee", "email", ["a", "b", "c"])
    assert register.counts("d1") == {"waiting": 2}


def test_a_claimed_message_cannot_be_claimed_again(tmp_path: Path) -> None:
    """Two processes that send at once: the second gets what is left."""
    register = _fresh(tmp_path)
    register.plan("d1", "coffee", "email", ["a", "b"])
    ids = [message_id("d1", member) for member in "ab"]
    assert sorted(register.claim(ids, DAY, per_day=1, per_week=2)) == sorted(ids)
    assert register.claim(ids, DAY, per_day=1, per_week=2) == []


def test_one_that_reached_nobody_does_not_count(tmp_path: Path) -> None:
    """A message that goes back to waiting, or is refused, leaves room for another."""
    register = _fresh(tmp_path)
    for decision in ("d1", "d2"):
        register.plan(decision, decision, "email", ["a"])
    one, two = message_id("d1", "a"), message_id("d2", "a")
    assert register.claim([one], DAY, per_day=1, per_week=1)
    register.settle({one: ("waiting", "no answer")})
    assert register.claim([two], DAY, per_day=1, per_week=1) == [two]
    register.settle({two: ("sent", "")})
    assert register.claim([one], DAY, per_day=1, per_week=1) == []
    assert register.counts("d1") == {"capped": 1}


def test_what_waits_can_be_cancelled_what_went_cannot(tmp_path: Path) -> None:
    """Undoing a campaign stops the messages that have not gone."""
    register = _fresh(tmp_path)
    register.plan("d1", "coffee", "email", ["a", "b"])
    register.claim([message_id("d1", "a")], DAY, per_day=1, per_week=2)
    assert register.cancel("d1") == 1
    assert register.counts("d1") == {"sending": 1, "cancelled": 1}


def test_a_token_finds_its_message(tmp_path: Path) -> None:
    """The link in a message leads to its member, and no other text does."""
    register = _fresh(tmp_path)
    register.plan("d1", "coffee", "email", ["a"])
    (row,) = register.of("d1")
    found = register.by_token(row["token"])
    assert found is not None and found["recipient"] == "a"
    assert register.by_token("") is None and register.by_token("%") is None


@settings(max_examples=15)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12), st.sampled_from(FATES)), min_size=5, max_size=25),
    st.integers(1, 2), st.integers(2, 3),
)  # fmt: skip
def test_no_order_of_runs_breaks_a_limit(
    tmp_path_factory: object, runs: list[tuple[int, int, str]], per_day: int, per_week: int
) -> None:
    """Decisions sent on any days in any order, late and early, with any answers: never more on a day or in a week."""
    register = _fresh(tmp_path_factory.mktemp("sends"))  # type: ignore[attr-defined]
    members = ["a", "b", "c"]
    for number, (decision, offset, fate) in enumerate(runs):
        name = f"d{decision}-{number % 7}"
        register.plan(name, name, "email", members)
        ids = [message_id(name, member) for member in members]
        taken = register.claim(ids, DAY + timedelta(days=offset), per_day=per_day, per_week=per_week)
        register.settle(dict.fromkeys(taken, (fate, "")))
    days: dict[str, Counter[date]] = {}
    for number, (decision, _, _) in enumerate(runs):
        for row in register.of(f"d{decision}-{number % 7}", *REACHED):
            days.setdefault(row["recipient"], Counter())[row["day"]] = 0
    every = {f"d{decision}-{number % 7}" for number, (decision, _, _) in enumerate(runs)}
    for name in every:
        for row in register.of(name, *REACHED):
            days[row["recipient"]][row["day"]] += 1
    for seen in days.values():
        assert max(seen.values(), default=0) <= per_day
        for day in seen:
            assert sum(seen[day + timedelta(days=n)] for n in range(7)) <= per_week
    register.engine.dispose()
