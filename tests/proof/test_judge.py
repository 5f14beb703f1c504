"""Measured money beside expected money: sums, intervals and verdicts say what the measurements bear, and no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislehub.core.book import Filter
from aislehub.core.hub import open_hub
from aislehub.core.judging import Together
from aislehub.core.tables import Tables
from aislehub.proof.judge import FEW_STORES, adoption, changes, span, spans, worth
from aislehub.schema.stores import STORES


def row(money: float, *, store: str = "1", subject: str = "milk", state: str = "judged", **more: Any) -> dict[str, Any]:
    """A measured decision."""
    measured = {"money": money, "low": money, "high": money, "chosen": None, "method": "m", "facts": {}}
    return {
        "kind": "orders", "store": store, "subject": subject, "money": 2.0, "currency": "EUR", "state": state,
        "source": "facts", "override": None, "measured": measured | more,
    }  # fmt: skip


def many(mean: float, *, sd: float = 1.0, stores: int = 20, count: int = 200) -> list[dict[str, Any]]:
    """Decisions of several stores whose measured money scatters around a mean."""
    money = np.random.default_rng(0).normal(mean, sd, count)
    return [row(float(value), store=str(n % stores), subject=str(n)) for n, value in enumerate(money)]


@pytest.mark.parametrize(("mean", "verdict"), [(1.0, "gain"), (-1.0, "loss"), (0.0, "none")])
def test_the_verdict_follows_the_interval(mean: float, verdict: str) -> None:
    """A gain or a loss is told where the interval leaves out 0, else that there is no measurable effect."""
    found = worth(many(mean))[0]
    assert found.verdict == f"proof.verdict_{verdict}"
    assert found.low <= found.measured <= found.high
    assert found.expected == 2.0 * 200


def test_what_was_not_seen_widens_the_interval() -> None:
    """Decisions that may have brought anything from −9 to 9 prove nothing, whatever their middle."""
    assert worth(many(1.0))[0].verdict == "proof.verdict_gain"
    assert worth([row(1.0, store=str(n), low=-9.0, high=9.0) for n in range(20)])[0].verdict == "proof.verdict_none"


def test_one_lucky_store_is_no_proof() -> None:
    """All gain comes from one of ten stores: drawn again, it may not be there."""
    rows = [row(100.0 if store == 0 else -1.0, store=str(store), subject=str(n)) for store in range(10) for n in (1, 2)]
    assert worth(rows)[0].verdict == "proof.verdict_none"


def test_currencies_are_never_added_up() -> None:
    """Two currencies are two rows."""
    assert len(worth([row(1.0), row(1.0) | {"currency": "CNY"}])) == 2


def test_changes_are_added_up_by_person_and_reason() -> None:
    """What was chosen less what was proposed; fewer than five changes tell nothing."""
    ann = {"override": {"action": {}, "who": "ann", "why": "fair"}}
    bob = {"override": {"action": {}, "who": "bob", "why": "feeling"}}
    rows = [row(1.0, subject=str(n), chosen=3.0) | ann for n in range(6)] + [row(1.0, chosen=0.0) | bob]
    first, second = changes(rows)
    assert (first.who, first.why, first.count, first.added, first.verdict) == (
        "ann", "fair", 6, 12.0, "proof.verdict_gain",
    )  # fmt: skip
    assert (second.who, second.added, second.verdict) == ("bob", -1.0, "proof.verdict_few")


def test_a_rejection_counts_and_an_unread_decision_does_not() -> None:
    """Whoever rejects has chosen today's rule; whoever never looked has chosen nothing."""
    rows = [row(-2.0, state="rejected", chosen=0.0), row(5.0, state="expired", chosen=0.0)]
    assert [(change.who, change.added) for change in changes(rows)] == [("", 2.0)]


STATES = st.sampled_from(["approved", "done", "judged", "rejected", "expired", "overridden"])


@given(st.dictionaries(STATES, st.integers(1, 50), min_size=1), st.integers(0, 20))
def test_shares_of_adoption_add_up_to_one(states: dict[str, int], open_: int) -> None:
    """Whatever is no longer open was followed, changed, rejected or never looked at."""
    counts = [
        {"kind": "orders", "state": state, "overridden": state == "overridden", "count": count}
        for state, count in (states | {"proposed": open_}).items()
    ]
    found = adoption(counts)[0]
    assert found.count == sum(states.values())
    assert found.followed + found.changed + found.rejected + found.unseen == pytest.approx(1)


@given(money=st.lists(st.floats(-100, 100), min_size=1, max_size=20), unseen=st.floats(0, 10))
def test_what_days_brought_together_is_the_sum_over_stores(money: list[float], unseen: float) -> None:
    """Per store and day it is the sum over all store-days; few stores are not drawn again."""
    parts = [Together(str(n), 7, value, value - unseen, value + unseen) for n, value in enumerate(money)]
    found = span("orders", "EUR", parts)
    assert found.measured == pytest.approx(sum(money))
    assert found.store_days == 7 * len(money)
    assert found.per_store_day == pytest.approx(sum(money) / found.store_days)
    assert found.low <= found.high
    if len(money) < FEW_STORES:
        assert (found.low, found.high) == pytest.approx(
            (sum(money) - unseen * len(money), sum(money) + unseen * len(money))
        )


def test_the_chance_of_single_decisions_evens_out() -> None:
    """A hundred decisions known to ±5 each, by chance alone, are known together to about ±50, the root of a hundred."""
    rows = [row(1.0, store=str(n % 20), subject=str(n), low=-4.0, high=6.0, chance=5 / 1.645) for n in range(100)]
    found = worth(rows)[0]
    assert found.high - found.low == pytest.approx(2 * 5 * 10, rel=0.1)


def test_the_chance_of_decisions_on_one_subject_does_not() -> None:
    """What is not known of an item is the same in all its stores."""
    rows = [row(1.0, store=str(n), subject="milk", low=-4.0, high=6.0, chance=5 / 1.645) for n in range(20)]
    found = worth(rows)[0]
    assert found.high - found.low == pytest.approx(2 * 5 * 20, rel=0.1)


def test_what_decisions_have_in_common_adds_up() -> None:
    """A part of the interval that is not chance is a wrong belief shared by all: it does not even out."""
    rows = [row(1.0, store=str(n % 20), subject=str(n), low=-4.0, high=6.0, chance=0.0) for n in range(100)]
    found = worth(rows)[0]
    assert (found.low, found.high) == pytest.approx((-400.0, 600.0), rel=0.01)


def test_days_are_lived_again_only_after_a_change(home: Path) -> None:
    """Opening the page again costs nothing; a moved decision, a changed table or other days are told anew."""
    lived: list[int] = []

    def together(tables: Tables, decisions: Sequence[Mapping[str, Any]], *, today: date) -> list[Together]:
        lived.append(len(decisions))
        return [Together("1", 2, 5.0, 4.0, 6.0)]

    order = {
        "store": "1", "subject": "milk", "action": "{}", "baseline": "{}", "money": 1.0, "money_low": 0.0,
        "money_high": 2.0, "horizon_days": 7, "outlay": 0.0, "reasons": "[]", "bound": "none", "source": "",
    }  # fmt: skip
    with open_hub(home) as hub:
        hub.registry = replace(hub.registry, together={"orders": together})
        hub.ledger.propose("orders", date(2025, 3, 3), pa.Table.from_pylist([order]), currency="EUR")
        assert spans(hub) == spans(hub) and lived == [1]
        hub.ledger.approve(Filter(kind="orders"), who="ann")
        assert spans(hub) == spans(hub) and lived == [1, 1]
        hub.tables.append("stores", STORES.check(pa.table({"store": ["1"]})).good)
        assert spans(hub) == spans(hub) and lived == [1, 1, 1]
        assert spans(hub, until=date(2025, 3, 2)) == [] and lived == [1, 1, 1]
