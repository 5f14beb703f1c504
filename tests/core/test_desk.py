"""Answers: from one version of the tables and the events since, each event counted once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import Field

from aislehub.core.answers import Live, Snapshot, answer
from aislehub.core.contract import Column, Contract
from aislehub.core.desk import Desk
from aislehub.core.errors import HubError
from aislehub.core.inbox import Inbox
from aislehub.core.models import save_learned
from aislehub.core.settings import Settings
from aislehub.core.tables import Tables

EVENTS = Contract(
    "events",
    "What somebody did",
    (Column("event_id", "text", "Identity"), Column("item", "text", "What")),
    key="event_id",
)
PRICES = Contract(
    "prices", "What it costs", (Column("item", "text", "What"), Column("price", "float", "Cost")), key="item"
)


def by_item(tables: Mapping[str, pa.Table]) -> dict[str, int]:
    """Events by item."""
    return dict(Counter(tables["events"]["item"].to_pylist()))


@answer(reads="events", needs="item", prepare=by_item)
def views(request: Mapping[str, Any], snapshot: Snapshot, live: Live) -> dict[str, Any]:
    """How often an item was looked at."""
    now = sum(event["item"] == request["item"] for event in live.events)
    return {"facts": snapshot.index.get(request["item"], 0), "live": now}


@answer(reads="prices")
def cheapest(request: Mapping[str, Any], snapshot: Snapshot, live: Live) -> dict[str, Any]:
    """The item that costs least."""
    prices = snapshot["prices"].to_pandas()
    return {"item": None if prices.empty else prices.loc[prices.price.idxmin(), "item"]}


class Taste(Settings, section="taste"):
    """A cook's settings."""

    salt: float = Field(0.5, description="How much")


@pytest.fixture(params=["memory", "delta"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """A desk that looks for new versions at most once an hour."""
    tables = Tables(tmp_path if request.param == "delta" else None, {"events": EVENTS, "prices": PRICES})
    inbox = Inbox(tmp_path / "inbox.db")
    return Desk(tables, {"views": views, "cheapest": cheapest}, inbox, check_seconds=3600, patience_seconds=60)


def seen(*ids: str, item: str = "milk") -> list[dict[str, str]]:
    """Events on one item."""
    return [{"event_id": id, "item": item} for id in ids]


def become_facts(desk: Desk, *ids: str) -> None:
    """The first half of an ingest."""
    desk.tables.append("events", EVENTS.check(pa.Table.from_pylist(seen(*ids))).good)


def ask(desk: Desk) -> tuple[int, int]:
    """Facts and live events on milk."""
    told = desk.ask("views", {"item": "milk"})
    return told["facts"], told["live"]


def test_an_event_changes_the_next_answer(desk: Desk) -> None:
    """What is posted now counts at once; the same event id counts once, another item not at all."""
    assert ask(desk) == (0, 0)
    assert desk.inbox.add(seen("1", "2")) == 2
    assert ask(desk) == (0, 2)
    assert desk.inbox.add(seen("2", "3") + seen("4", item="tea")) == 2
    assert ask(desk) == (0, 3)


def test_events_that_became_facts_are_not_counted_twice(desk: Desk) -> None:
    """Before, between and after the two halves of an ingest, each event is counted exactly once."""
    desk.inbox.add(seen("1", "2", "3"))
    assert sum(ask(desk)) == 3
    last, _ = desk.inbox.since()[-1]
    become_facts(desk, "1", "2", "3")
    assert ask(desk) == (0, 3)  # the snapshot held is older than the facts
    desk.inbox.add(seen("4"))
    desk.inbox.remove(last)
    assert ask(desk) == (3, 1)  # … but not after the inbox was emptied
    desk.inbox.add(seen("5"))
    assert ask(desk) == (3, 2)


def test_an_ingest_cut_in_half_counts_nothing_twice(desk: Desk) -> None:
    """Facts that were written but not yet taken from the inbox are not live any more."""
    desk.inbox.add(seen("1", "2"))
    become_facts(desk, "1", "2")
    assert ask(desk) == (2, 0)
    desk.inbox.add(seen("3"))
    assert ask(desk) == (2, 1)


def test_an_event_sent_again_after_the_ingest_counts_once(desk: Desk) -> None:
    """A shop that repeats itself for want of a reply changes no answer, though the inbox has forgotten the event."""
    desk.inbox.add(seen("1", "2"))
    become_facts(desk, "1", "2")
    desk.inbox.remove(desk.inbox.since()[-1][0])
    assert ask(desk) == (2, 0)
    desk.inbox.add(seen("3"))
    assert ask(desk) == (2, 1)
    assert desk.inbox.add(seen("2", "3")) == 1
    assert ask(desk) == (2, 1)


def test_a_new_version_is_taken_up(desk: Desk) -> None:
    """After check_seconds a new version of the tables is loaded, and the answer says which one."""
    assert desk.ask("cheapest", {}) == {"item": None, "versions": {"prices": -1}}
    rows = PRICES.check(pa.table({"item": ["tea", "milk"], "price": [2.0, 1.0]})).good
    desk.tables.append("prices", rows)
    assert desk.ask("cheapest", {})["versions"] == {"prices": -1}
    desk.check_seconds = 0
    assert desk.ask("cheapest", {}) == {"item": "milk", "versions": {"prices": 0}}


def test_a_snapshot_is_loaded_once_a_version(desk: Desk) -> None:
    """While the version stays, requests share one snapshot and what was prepared of it."""
    desk.check_seconds = 0
    become_facts(desk, "1")
    loads = []
    asked = desk.answers["views"]
    desk.answers = {"views": replace(asked, prepare=lambda tables: (loads.append(1), by_item(tables))[1])}
    for _ in range(5):
        assert ask(desk) == (1, 0)
    become_facts(desk, "2")
    assert ask(desk) == (2, 0)
    assert len(loads) == 2


def test_what_is_warmed_is_not_loaded_again(desk: Desk) -> None:
    """A desk that is warmed loads aside; whoever asks meanwhile waits for that load, and it is the only one."""
    desk.check_seconds = 3600
    become_facts(desk, "1")
    loads = []
    asked = desk.answers["views"]
    desk.answers = {"views": replace(asked, prepare=lambda tables: (loads.append(1), by_item(tables))[1])}
    desk.warm()
    assert ask(desk) == (1, 0)
    desk.warm()
    assert ask(desk) == (1, 0)
    assert len(loads) == 1
    desk.close()


def test_nothing_is_not_held(desk: Desk) -> None:
    """Where there was nothing to answer from, the next question looks again at once, and waits for what has come."""
    asked = desk.answers["views"]
    desk.answers = {"views": replace(asked, prepare=lambda tables: by_item(tables) if len(tables["events"]) else None)}
    desk.warm()
    with pytest.raises(AttributeError):  # this answer does not ask whether it has anything
        ask(desk)
    become_facts(desk, "1")
    desk.patience_seconds = 0
    assert ask(desk) == (1, 0)


def test_while_a_new_version_is_loaded_the_old_one_answers(desk: Desk) -> None:
    """A slow load keeps nobody waiting, and what an ingest took from the inbox meanwhile is still counted."""
    loading, may_end = threading.Event(), threading.Event()

    def slowly(tables: Mapping[str, pa.Table]) -> dict[str, int]:
        if len(tables["events"]):
            loading.set()
            may_end.wait(60)
        return by_item(tables)

    desk.answers = {"views": replace(desk.answers["views"], prepare=slowly)}
    desk.inbox.add(seen("1", "2"))
    assert ask(desk) == (0, 2)
    become_facts(desk, "1", "2")
    desk.inbox.remove(desk.inbox.since()[-1][0])
    desk.check_seconds = desk.patience_seconds = 0
    assert ask(desk) == (0, 2)
    assert loading.wait(60)
    desk.inbox.add(seen("3"))
    assert ask(desk) == (0, 3)
    may_end.set()
    desk.patience_seconds = 60
    while sum(now := ask(desk)) == 3 and now != (2, 1):
        pass
    assert now == (2, 1)


def test_a_first_load_that_fails_is_told_and_tried_again(desk: Desk) -> None:
    """Who asks first hears what is wrong; once it is mended the next question is answered."""
    asked = desk.answers["views"]

    def broken(tables: Mapping[str, pa.Table]) -> None:
        raise HubError("tables.unknown", table="x", suggestion="")

    desk.answers = {"views": replace(asked, prepare=broken)}
    with pytest.raises(HubError, match="x"):
        ask(desk)
    desk.answers = {"views": asked}
    assert ask(desk) == (0, 0)


def test_of_results_the_newest_day_is_held(tmp_path: Path) -> None:
    """A step's result of last month is no part of an answer of today."""
    scores = Contract("scores", "A result", (Column("item", "text", "What"),), key="day item", derived=True)
    tables = Tables(tmp_path, {"scores": scores})
    for day in (date(2026, 1, 1), date(2026, 1, 2)):
        tables.write("scores", pa.table({"day": [day], "item": [f"item of {day}"]}), day)

    @answer(reads="scores")
    def items(request: Mapping[str, Any], snapshot: Snapshot, live: Live) -> dict[str, Any]:
        return {"items": snapshot["scores"]["item"].to_pylist()}

    assert Desk(tables, {"items": items}, Inbox(tmp_path / "inbox.db")).ask("items", {})["items"] == [
        "item of 2026-01-02"
    ]


def test_columns_that_nobody_needs_are_not_loaded(tmp_path: Path) -> None:
    """An answer that names the columns of a large table holds these and no others."""

    @answer(reads="prices events", columns={"prices": "price"})
    def held(request: Mapping[str, Any], snapshot: Snapshot, live: Live) -> dict[str, Any]:
        return {name: table.column_names for name, table in snapshot.tables.items()}

    desk = Desk(Tables(None, {"prices": PRICES, "events": EVENTS}), {"held": held}, Inbox(tmp_path / "inbox.db"))
    told = desk.ask("held", {})
    assert told["prices"] == ["price"] and set(told["events"]) >= {"event_id", "item"}


def test_a_screen_is_told_which_fields_name_a_person(tmp_path: Path) -> None:
    """As the answer declares them; the answer sees what the screen left."""

    @answer(reads="prices", persons="buyer payer")
    def bill(request: Mapping[str, Any], snapshot: Snapshot, live: Live) -> dict[str, Any]:
        return {"sees": sorted(request)}

    desk = Desk(Tables(None, {"prices": PRICES}), {"bill": bill}, Inbox(tmp_path / "inbox.db"))
    asked = {"item": "milk", "buyer": "ann", "payer": "ben"}
    assert desk.ask("bill", asked)["sees"] == ["buyer", "item", "payer"]
    desk.screen = lambda request, persons: {name: value for name, value in request.items() if name not in persons}
    assert desk.ask("bill", asked)["sees"] == ["item"]


def test_what_is_prepared_may_rest_on_a_policy_and_a_learned_model(tmp_path: Path) -> None:
    """`prepare` gets the house's settings and the newest model by name; a newly learned one is taken up."""

    def prepared(tables: Mapping[str, pa.Table], *, policy: Taste, model: Path | None) -> tuple[float, str]:
        return policy.salt, (model / "words").read_text() if model else ""

    @answer(reads="prices", prepare=prepared, model="cook")
    def salted(request: Mapping[str, Any], snapshot: Snapshot, live: Live) -> dict[str, Any]:
        return {"told": snapshot.index}

    def learn(words: str, day: str) -> None:
        (made := tmp_path / "made").mkdir()
        (made / "words").write_text(words)
        save_learned(tmp_path / "models", "cook", made, day=day, metrics={}, versions={}, code="", policy="")

    (tmp_path / "hub.toml").write_text("[taste]\nsalt = 0.7\n")
    desk = Desk(
        Tables(None, {"prices": PRICES}), {"salted": salted}, Inbox(tmp_path / "inbox.db"),
        models=tmp_path / "models", home=tmp_path, check_seconds=0, patience_seconds=60,
    )  # fmt: skip
    assert desk.ask("salted", {})["told"] == (0.7, "")
    learn("boil", "2026-01-01")
    assert desk.ask("salted", {})["told"] == (0.7, "boil")
    learn("bake", "2026-01-08")
    assert desk.ask("salted", {})["told"] == (0.7, "bake")


def test_a_bad_request_is_told(desk: Desk) -> None:
    """An unknown answer gets a suggestion; a missing field is named."""
    with pytest.raises(HubError, match=r"No answer is called 'view'.* Did you mean views"):
        desk.ask("view", {})
    for request in ({}, {"item": ""}, {"item": None}):
        with pytest.raises(HubError, match="needs item"):
            desk.ask("views", request)


def test_many_may_ask_at_once(desk: Desk) -> None:
    """Threads of a server ask while events come in: nobody sees fewer than before, and all are counted in the end."""
    desk.check_seconds = 0
    wrong: list[Any] = []

    def keep_asking() -> None:
        last = 0
        try:
            for _ in range(10):
                now = sum(ask(desk))
                if now < last:
                    wrong.append((last, now))
                last = now
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=keep_asking) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(20):
        desk.inbox.add(seen(str(number)))
        if number == 10:
            waiting = desk.inbox.since()
            become_facts(desk, *(event["event_id"] for _, event in waiting))
            desk.inbox.remove(waiting[-1][0])
    for thread in threads:
        thread.join()
    assert wrong == []
    assert sum(ask(desk)) == 20
