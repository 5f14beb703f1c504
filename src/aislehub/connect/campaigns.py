"""Campaigns that were approved go to members: each message once, with consent, within limits, outside quiet hours.

A decision's messages are first written down in the register of messages, then handed over one by one (or, to a file,
all at once), each noted before and after. Cut anywhere and carried out again, it goes on with those that still wait.
Consent is asked for again at that moment, for it may have been withdrawn since the evening. Whom the decision wrote to,
and whom the lot kept from it, becomes a fact in `contacts`, from which it is measured.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
from filelock import FileLock, Timeout
from ibis import _

from aislehub.core.errors import HubError
from aislehub.core.ledger import Ledger
from aislehub.core.message import filled
from aislehub.core.outbox import Batch
from aislehub.core.sends import Sends
from aislehub.core.tables import Tables
from aislehub.core.text import has
from aislehub.law import packs_of
from aislehub.law.consent import may_use
from aislehub.law.messages import MessageRules, is_held_back, is_quiet

__all__ = ["KIND", "CampaignPost", "Fate", "Letter", "Outlet", "told"]

KIND = "campaigns"
EVERYBODY = "all"
"""Segment of a decision that is for all members."""
LATE = timedelta(days=14)
"""How long after its day a decision may still be sent to people; of a day of the past only files are written."""
Row = Mapping[str, Any]
Fate = tuple[str, str]
"""What became of a message: sent, refused (it will never be taken), unsure or waiting (nobody got it); and why."""
KEPT = ("withheld", "capped", "refused", "cancelled")
"""States of messages that go to nobody any more."""


def told(fates: Mapping[Fate, int]) -> dict[str, int]:
    """Messages by the code of the words for what became of them: those that went to nobody by why, others by state.

    What a mail server or gateway said against a message may name the member, and is counted as not deliverable.
    """
    found: Counter[str] = Counter()
    for (state, why), count in sorted(fates.items()):
        found[why if state in KEPT and has(why) else f"send_state.{state}"] += count
    return dict(found)


@dataclass(frozen=True)
class Letter:
    """One message to one member.

    Attributes:
        id: the same for the same decision and member, whenever and however often it is handed over.
        day: business day of the message.
        token: of the link that ends all messages to this member.
    """

    id: str
    decision: str
    campaign: str
    member: str
    language: str
    offer: str
    subject: str
    text: str
    day: str
    token: str


class Outlet(Protocol):
    """A way to members.

    Attributes:
        at_once: takes all letters of a decision in one call.
        repeatable: a letter may be handed over again after a crash, for it is known by its id.
        is_public: reaches people; days of the past are not sent there.
    """

    at_once: bool
    repeatable: bool
    is_public: bool

    def deliver(self, letters: Sequence[Letter]) -> Mapping[str, Fate]:
        """Hand letters over; says what became of each. Raises to say that none of them reached anybody."""
        ...


class CampaignPost:
    """Carries campaigns out; the same batch again is as good as once.

    Args:
        outlets: channel → way there.
        ledger: where a decision that was taken back meanwhile is known from.
        home: where the lock lies: one process hands over at a time.
        default_language: of members who told none.
        now: the clock.

    Attributes:
        fates: of all messages of the decisions that were carried out.
    """

    name = "campaigns"

    def __init__(
        self, outlets: Mapping[str, Outlet], tables: Tables, ledger: Ledger, rules: MessageRules, home: Path, *,
        default_language: str = "en", now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:  # fmt: skip
        self.outlets = outlets
        self.tables = tables
        self.ledger = ledger
        self.sends = Sends(ledger.engine)
        self.rules = rules
        self.home = home
        self.default_language = default_language
        self.now = now
        self.fates: Counter[Fate] = Counter()

    def send(self, batch: Batch) -> str:
        """Hand over what waits of every decision; returns how many went where.

        Raises:
            HubError: `campaign.busy`, `campaign.waiting` while some wait for the end of their quiet hours or for a
                receiver that could not take them (the others have gone), and what outlets raise.
        """
        with self._alone():
            for row in batch.rows:
                if row.get("cancel"):
                    self.sends.cancel(row["compensates"])
                elif self.ledger.get(row["decision"])["state"] == "reversed":  # taken back while messages waited
                    self.sends.cancel(row["decision"])
                else:
                    self._carry_out(row)
        found: Counter[Fate] = Counter()
        for row in batch.rows:
            found.update(self.sends.fates(row["compensates"] if row.get("cancel") else row["decision"]))
        self.fates.update(found)
        counts: Counter[str] = Counter()
        for (state, _why), count in found.items():
            counts[state] += count
        if counts.get("waiting"):
            raise HubError("campaign.waiting", waiting=counts["waiting"], sent=counts["sent"],
                           until=f"{self.rules.quiet_to:02}:00")  # fmt: skip
        return ", ".join(f"{state} {counts[state]}" for state in sorted(counts)) or "cancelled"

    def _carry_out(self, row: Row) -> None:
        decision, channel = str(row["decision"]), str(row["channel"])
        outlet = self.outlets[channel]
        day = self._day(date.fromisoformat(row["day"]), outlet)
        audience = self._audience(row)
        chosen = audience[audience["status"] == "treatment"]
        chosen = _in_order(chosen, decision).head(int(row["messages"]))
        if not self.sends.of(decision):
            self._note_contacts(row, audience, chosen["customer"].tolist(), day)
            self.sends.plan(decision, str(row["subject"]), channel, chosen["customer"].tolist())
        self._after_a_cut(decision, outlet)
        waiting = self._allowed(row, audience.set_index("customer"), outlet)
        if outlet.is_public and day > self._today():  # the eve: nobody is written to a day too early
            waiting = []
        letters = list(self._letters(row, waiting, audience.set_index("customer"), day))
        portions = [letters] if outlet.at_once and letters else [[letter] for letter in letters]
        for portion in portions:
            self._hand_over(portion, outlet, day)

    def _hand_over(self, letters: Sequence[Letter], outlet: Outlet, day: date) -> None:
        taken = set(
            self.sends.claim(
                [letter.id for letter in letters], day, per_day=self.rules.per_day, per_week=self.rules.per_week
            )
        )
        mine = [letter for letter in letters if letter.id in taken]
        if not mine:
            return
        try:
            fates = outlet.deliver(mine)
        except HubError as error:
            self.sends.settle({letter.id: ("waiting", error.code) for letter in mine})
            raise
        self.sends.settle({letter.id: fates[letter.id] for letter in mine})

    def _after_a_cut(self, decision: str, outlet: Outlet) -> None:
        """Messages that a crash left on their way."""
        again: Fate = ("waiting", "") if outlet.repeatable else ("unsure", "campaign.cut")
        self.sends.settle({row["id"]: again for row in self.sends.of(decision, "sending")})

    def _allowed(self, row: Row, audience: pd.DataFrame, outlet: Outlet) -> list[dict[str, Any]]:
        """Waiting messages that may go now; those whose member has withdrawn or objected, or is held back, go never."""
        waiting = self.sends.of(str(row["decision"]), "waiting")
        now = self.now()
        consents = self.tables.read("consents").to_pandas()
        members = [row["recipient"] for row in waiting]
        countries = audience["country"].reindex(members).fillna("")
        agreed: dict[str, bool] = {}
        for country in sorted(set(countries)):
            mine = [member for member, place in zip(members, countries, strict=True) if place == country]
            packs = packs_of(country or None, self.rules.law)
            agreed |= dict(zip(mine, may_use(mine, "messages", consents, now, packs).tolist(), strict=True))
        by_profile = (audience["drawn"].reindex(members) == "uplift").to_numpy() | (row["segment"] != EVERYBODY)
        objected = by_profile & ~may_use(members, "personalisation", consents, now)
        out: dict[str, Fate] = {}
        for one, has_objected in zip(waiting, objected, strict=True):
            if not agreed[one["recipient"]]:
                out[one["id"]] = ("withheld", "campaign.withdrawn")
            elif has_objected:
                out[one["id"]] = ("withheld", "campaign.objected")
            elif is_held_back(one["recipient"], self.rules.holdout):
                out[one["id"]] = ("withheld", "campaign.held_back")
        self.sends.settle(out)
        zones = audience["timezone"].reindex(members)
        return [
            one for one, zone in zip(waiting, zones, strict=True)
            if one["id"] not in out
            and not (outlet.is_public and is_quiet(now, zone if isinstance(zone, str) and zone else
                                                   self.tables.timezone, self.rules))
        ]  # fmt: skip

    def _letters(self, row: Row, waiting: Sequence[Row], audience: pd.DataFrame, day: date) -> Iterator[Letter]:
        plans = self.tables.read("campaign_plans", as_of=date.fromisoformat(row["day"])).filter(
            _.campaign == row["subject"]
        )
        plan = self.tables.run(lambda _t: plans).to_pylist()[0]
        facts = {"offer": plan["offer"], "ends": plan["ends"] or plan["starts"]}
        for one in waiting:
            language = audience["language"].get(one["recipient"])
            told = _language(plan, language if isinstance(language, str) else "", self.default_language)
            yield Letter(
                one["id"], row["decision"], row["subject"], one["recipient"], told, plan["offer"],
                filled(plan[f"subject_{told}"] or plan["offer"], facts), filled(plan[f"text_{told}"], facts),
                day.isoformat(), one["token"],
            )  # fmt: skip

    def _audience(self, row: Row) -> pd.DataFrame:
        day = date.fromisoformat(row["day"])
        rows = self.tables.read("campaign_audience").filter(_.day == day, _.campaign == row["subject"])
        return self.tables.run(lambda _t: rows).to_pandas()

    def _note_contacts(self, row: Row, audience: pd.DataFrame, chosen: Sequence[str], day: date) -> None:
        """Both arms become facts, known from the day of the message on."""
        control = audience.loc[audience["status"] == "control", "customer"].tolist()
        moment = min(self.now(), datetime.combine(day, time(12), ZoneInfo(self.tables.timezone)).astimezone(UTC))
        rows = [
            {"campaign": row["subject"], "customer": member, "day": day, "arm": arm, "channel": row["channel"],
             "decision": row["decision"], "source": f"decision {row['decision']}", "known_at": moment}
            for arm, members in (("treatment", chosen), ("control", control)) for member in members
        ]  # fmt: skip
        contract = self.tables.contract("contacts")
        self.tables.append("contacts", contract.require(pa.Table.from_pylist(rows, schema=contract.schema)))

    def _day(self, decided: date, outlet: Outlet) -> date:
        """The business day of the messages: today, at the earliest the day after the decision; of a day of the past
        that is run again, for a file, that very day."""
        today = self._today()
        if today - decided <= LATE:
            return max(today, decided + timedelta(days=1))
        if outlet.is_public:
            raise HubError("campaign.past", day=decided, days=LATE.days)
        return decided + timedelta(days=1)

    def _today(self) -> date:
        return self.now().astimezone(ZoneInfo(self.tables.timezone)).date()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            with FileLock(self.home / ".campaigns.lock", timeout=0):
                yield
        except Timeout as error:
            raise HubError("campaign.busy") from error


def _in_order(members: pd.DataFrame, decision: str) -> pd.DataFrame:
    """Members in an order by chance, the same in every run: where fewer are to be written to, the lot says who."""
    places = [hashlib.sha256(f"{decision}\x1f{member}".encode()).hexdigest() for member in members["customer"]]
    return members.assign(_place=places).sort_values("_place")


def _language(plan: Row, told: str, default: str) -> str:
    """The language of a member's message: their own, the chain's, else the one that there is."""
    wanted = [told[:2].lower(), default, "en", "zh"]
    return next(lang for lang in wanted if lang in ("en", "zh") and plan[f"text_{lang}"])
