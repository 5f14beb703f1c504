"""Campaigns go to members: once, with consent, within limits, outside quiet hours, whatever is cut."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from aiosmtpd.controller import Controller

from aislehub.connect.campaigns import told
from aislehub.connect.gateway import MessageFile
from aislehub.core.book import Filter
from aislehub.core.errors import HubError
from aislehub.core.outbox import Batch, send_approved
from aislehub.core.text import has
from aislehub.law.messages import is_held_back
from tests.connect.mail_sender import LONG_AGO, NOON, SUNDAY, House, free_port, mail


class Inbox:
    """A mail server's handler: keeps what it takes; refuses the addresses that it is told to."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.refuse: dict[str, str] = {}
        self.slow = 0.0

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        time.sleep(self.slow)
        self.taken.append(message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
        return "250 taken"

    @property
    def to(self) -> list[str]:
        return sorted(str(message["To"]).partition("@")[0] for message in self.taken)


@pytest.fixture
def inbox() -> Inbox:
    """What the mail server has taken."""
    return Inbox()


@pytest.fixture
def port(inbox: Inbox) -> Iterator[int]:
    """A real mail server on a free port."""
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port(), ready_timeout=30)
    controller.start()
    yield controller.port
    controller.stop()


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A house that has sent nothing."""
    return House(tmp_path)


def test_each_member_gets_one_message_in_their_language(house: House, inbox: Inbox, port: int) -> None:
    """One message each, blanks filled, an identity of its own, and a link that ends them; the control gets none."""
    id = house.approve("coffee", 4)
    house.send({"email": mail(port)})
    assert inbox.to == ["t0", "t1", "t2", "t3"]
    english = next(message for message in inbox.taken if message["To"] == "t0@people.example")
    chinese = next(message for message in inbox.taken if message["To"] == "t1@people.example")
    assert english["Subject"] == "2 for 1 for you" and "Come in: 2 for 1 to 2026-11-02." in english.get_content()
    assert chinese["Subject"] == "给您的优惠：2 for 1" and "退订" in chinese.get_content()
    token = house.sends.of(id)[0]["token"]
    links = {str(message["List-Unsubscribe"]) for message in inbox.taken}
    assert f"<https://shop.example/unsubscribe/{token}>" in links and len(links) == 4
    assert english["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert len({message["Message-ID"] for message in inbox.taken}) == 4
    (decision,) = house.ledger.find(Filter(kind="campaigns"))
    assert decision["state"] == "done"
    arms = Counter(row["arm"] for row in house.tables.fetch("contacts").to_pylist())
    assert arms == {"treatment": 4, "control": 3}


def test_sending_again_sends_nothing(house: House, inbox: Inbox, port: int) -> None:
    """What is done is done; another run finds nothing to do."""
    house.approve("coffee", 3)
    house.send({"email": mail(port)})
    assert house.send({"email": mail(port)}) == []
    assert len(inbox.taken) == 3


def test_limits_hold_across_campaigns(house: House, inbox: Inbox, port: int) -> None:
    """One a day: of two campaigns on a day each member gets one; two a week: a third one on a later day none."""
    house.approve("a", 4)
    house.approve("b", 4)
    house.send({"email": mail(port)})
    assert inbox.to == ["t0", "t1", "t2", "t3"]
    house.approve("c", 4)
    house.send({"email": mail(port)}, NOON + timedelta(days=1))
    assert len(inbox.taken) == 8
    house.approve("d", 4)
    house.send({"email": mail(port)}, NOON + timedelta(days=2))
    assert len(inbox.taken) == 8


def test_a_day_is_the_chains_own_also_when_clocks_change(tmp_path: Path, inbox: Inbox, port: int) -> None:
    """One a day over a day of 25 hours: 24 hours and a quarter later it is still that day, an hour later it is not."""
    house = House(tmp_path, date(2026, 10, 24), "Europe/Berlin")
    rules = {"quiet_from": 0, "quiet_to": 0}
    for name, moment in (("a", "2026-10-24T22:30"), ("b", "2026-10-25T22:45"), ("c", "2026-10-25T23:45")):
        house.approve(name, 3)
        house.send({"email": mail(port)}, datetime.fromisoformat(moment).replace(tzinfo=UTC), **rules)
        assert len(inbox.taken) == (6 if name == "c" else 3)


def test_nobody_is_written_to_in_quiet_hours_or_a_day_early(house: House, inbox: Inbox, port: int) -> None:
    """At night, and on the eve, all wait; by day the same command sends them."""
    house.approve("coffee", 3)
    for early in (datetime(2026, 11, 1, 18, tzinfo=UTC), datetime(2026, 11, 2, 5, tzinfo=UTC)):  # 6 o'clock in Berlin
        with pytest.raises(HubError) as waits:
            house.send({"email": mail(port)}, early)
        assert waits.value.code == "campaign.waiting" and waits.value.facts["waiting"] == 3
    assert inbox.taken == []
    house.send({"email": mail(port)}, datetime(2026, 11, 2, 8, tzinfo=UTC))
    assert len(inbox.taken) == 3


def test_a_withdrawal_after_approval_counts(house: House, inbox: Inbox, port: int) -> None:
    """Consent is asked for again when the message leaves; so is the holdout."""
    id = house.approve("coffee", 3)
    house.put(
        "consents", [{"customer": "t1", "purpose": "messages", "granted": False, "at": LONG_AGO.replace(month=10)}]
    )
    house.send({"email": mail(port)})
    assert inbox.to == ["t0", "t2"]
    assert house.sends.counts(id) == {"sent": 2, "withheld": 1}
    later = house.approve("later", 3)
    house.send({"email": mail(port)}, NOON + timedelta(days=1), holdout=0.5)
    counts = house.sends.counts(later)
    assert counts["withheld"] == sum(is_held_back(f"t{n}", 0.5) or n == 1 for n in range(3))


def test_an_objection_after_approval_counts_where_a_profile_chose(house: House, inbox: Inbox, port: int) -> None:
    """Who objects to personalisation before the message leaves gets none that a segment chose for them; a campaign to
    all members reaches them."""
    named, everybody = house.approve("to loyal", 2, segment="loyal"), house.approve("to all", 2)
    house.put("consents", [{"customer": "t1", "purpose": "personalisation", "granted": False, "at": LONG_AGO}])
    house.send({"email": mail(port)}, per_day=2)
    assert told(house.sends.fates(named)) == {"send_state.sent": 1, "campaign.objected": 1}
    assert told(house.sends.fates(everybody)) == {"send_state.sent": 2}


def test_messages_that_went_to_nobody_are_counted_by_reason(house: House, inbox: Inbox, port: int) -> None:
    """Withdrawn, held back, over the limits, without an address, with a bad one, refused by the server: each by itself
    and in words, and no word of the server, which may name somebody."""
    house.approve("first", 1)
    house.send({"email": mail(port)})
    held = next(f"t{n}" for n in range(7, 1000) if is_held_back(f"t{n}", 0.01))
    id = house.approve("second", int(held[1:]) + 1)
    no = {"customer": "t1", "purpose": "messages", "granted": False, "at": LONG_AGO.replace(month=9)}
    house.put("consents", [no])
    outlet = mail(port)
    outlet._addresses = lambda members: (
        {"t3": "no address"} | {member: f"{member}@people.example" for member in members if member not in ("t2", "t3")}
    )
    inbox.refuse = {"t4@people.example": "550 t4@people.example is unknown"}
    post = house.post({"email": outlet}, holdout=0.01)
    send_approved(house.ledger, post, "campaigns")
    withheld = sum(is_held_back(f"t{n}", 0.01) for n in range(int(held[1:]) + 1))
    assert told(post.fates) == told(house.sends.fates(id)) == {
        "send_state.capped": 1, "send_state.refused": 1, "mail.bad_address": 1, "mail.no_address": 1,
        "campaign.withdrawn": 1, "campaign.held_back": withheld,
        "send_state.sent": int(held[1:]) + 1 - 5 - withheld,
    }  # fmt: skip
    assert all(has(code) for code in told(post.fates))


def test_a_person_may_send_to_fewer(house: House, inbox: Inbox, port: int) -> None:
    """An override to 2 messages sends 2, and the others are in no arm."""
    house.approve("coffee", 6)
    (decision,) = house.ledger.find(Filter(kind="campaigns"))
    house.ledger.undo(decision["id"], who="ann")
    house.ledger.override(decision["id"], 2, who="ann", why="try it first")
    house.send({"email": mail(port)})
    assert len(inbox.taken) == 2
    assert Counter(row["arm"] for row in house.tables.fetch("contacts").to_pylist()) == {"treatment": 2, "control": 3}


def test_refused_addresses_do_not_hold_up_the_others(house: House, inbox: Inbox, port: int) -> None:
    """5xx is never, 4xx is not now: the run says how many wait, and the next one sends those alone."""
    inbox.refuse = {"t0@people.example": "550 no such user", "t1@people.example": "451 try later"}
    id = house.approve("coffee", 4)
    with pytest.raises(HubError) as waits:
        house.send({"email": mail(port)})
    assert waits.value.facts == {"waiting": 1, "sent": 2, "until": "08:00"}
    inbox.refuse = {}
    house.send({"email": mail(port)})
    assert inbox.to == ["t1", "t2", "t3"]
    assert house.sends.counts(id) == {"sent": 3, "refused": 1}


@pytest.mark.parametrize(
    "address", ["", "no address", "a@b@c", "x@y.example\r\nBcc: all@people.example", "<a@b.example>"]
)
def test_a_bad_address_is_refused_and_adds_no_header(house: House, inbox: Inbox, port: int, address: str) -> None:
    """What is no address is not written into a message."""
    id = house.approve("coffee", 1)
    outlet = mail(port)
    outlet._addresses = lambda members: dict.fromkeys(members, address)
    house.send({"email": outlet})
    assert inbox.taken == [] and house.sends.counts(id) == {"refused": 1}


def test_a_server_that_is_down_loses_nothing(house: House, inbox: Inbox, port: int) -> None:
    """All wait, a sentence says why, and they go once it is there again."""
    house.approve("coffee", 2)
    with pytest.raises(HubError) as down:
        house.send({"email": mail(free_port())})
    assert down.value.code == "mail.unreachable"
    house.send({"email": mail(port)})
    assert len(inbox.taken) == 2


def test_a_day_of_the_past_goes_to_files_only(house: House, inbox: Inbox, port: int, tmp_path: Path) -> None:
    """Nobody gets mail about an offer of last month; a rehearsal writes a file, with every member once."""
    house.approve("coffee", 3)
    late = NOON + timedelta(days=30)
    with pytest.raises(HubError) as past:
        house.send({"email": mail(port)}, late)
    assert past.value.code == "campaign.past" and inbox.taken == []
    house.send({"email": MessageFile(tmp_path / "out")}, late)
    (file,) = (tmp_path / "out").glob("*.csv")
    rows = pd.read_csv(file)
    assert sorted(rows["customer"]) == ["t0", "t1", "t2"] and set(rows["day"]) == {str(SUNDAY + timedelta(days=1))}
    assert {row["day"] for row in house.tables.fetch("contacts").to_pylist()} == {SUNDAY + timedelta(days=1)}


def test_undoing_stops_what_waits(house: House, inbox: Inbox, port: int) -> None:
    """A campaign that is taken back in the night is not sent in the morning."""
    id = house.approve("coffee", 3)
    with pytest.raises(HubError):
        house.send({"email": mail(port)}, datetime(2026, 11, 2, 1, tzinfo=UTC))
    house.ledger.undo(id, who="ann", why="wrong offer")
    house.send({"email": mail(port)})
    assert inbox.taken == [] and house.sends.counts(id) == {"cancelled": 3}


def test_killed_at_any_moment_nobody_gets_it_twice(house: House, inbox: Inbox, port: int) -> None:
    """Killed again and again while sending 40 messages: no member has two, and all but those in flight have one."""
    inbox.slow = 0.02
    id = house.approve("coffee", 40)
    script = [sys.executable, str(Path(__file__).with_name("mail_sender.py")), str(house.home), "email", str(port)]
    rng, kills = random.Random(4), 0
    for _ in range(3):
        sending = subprocess.Popen(script)
        started, count = time.monotonic(), len(inbox.taken)
        while len(inbox.taken) <= count + rng.randint(1, 6) and time.monotonic() - started < 60:
            if sending.poll() is not None:
                break
            time.sleep(0.01)
        if sending.poll() is None:
            kills += 1
        sending.kill()
        sending.wait()
    house.send({"email": mail(port)})
    got = Counter(str(message["To"]) for message in inbox.taken)
    assert kills and max(got.values()) == 1
    counts = house.sends.counts(id)
    assert counts["sent"] + counts.get("unsure", 0) == 40 and counts.get("unsure", 0) <= kills
    assert len(got) >= counts["sent"]


def test_a_file_that_was_cut_is_whole_with_each_member_once(house: House, tmp_path: Path) -> None:
    """Cut before the file, or after it and before that was noted: the next run leaves one file with all of
    them once."""
    id = house.approve("coffee", 5, channel="file")
    folder = tmp_path / "out"
    house.sends.plan(id, "coffee", "file", [f"t{number}" for number in range(5)])
    ids = [row["id"] for row in house.sends.of(id)]
    house.sends.settle(dict.fromkeys(ids, ("sending", "")))
    house.send({"file": MessageFile(folder)})
    (file,) = folder.glob("*.csv")
    whole = file.read_bytes()
    house.sends.settle(dict.fromkeys(ids, ("sending", "")))
    row = {"decision": id, "day": SUNDAY.isoformat(), "subject": "coffee", "channel": "file", "messages": 5,
           "segment": "all"}  # fmt: skip
    house.post({"file": MessageFile(folder)}).send(Batch("again", [row]))
    assert [one.read_bytes() for one in folder.glob("*.csv")] == [whole]
    assert sorted(pd.read_csv(file)["customer"]) == [f"t{number}" for number in range(5)]
    assert house.sends.counts(id) == {"sent": 5}
