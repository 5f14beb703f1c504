"""What is wrong with a roster: law of working time, skills, availability and contracts, each at its person and day.

What stops a roster from being told to anybody is apart from what a manager may answer for: hours above the contract
and a wish not heeded are said and stop nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from aislehub.core.errors import HubError
from aislehub.core.text import say
from aislehub.law import PlannedWork, Worker, WorkHistory, check
from aislehub.law.rules import Article
from aislehub.store.roster.duty import Duty, hours_of, minute_of
from aislehub.store.roster.lawful import shift_of

__all__ = ["ABSENT", "Fault", "breaches", "notices_on"]

MINOR = 17  # years of minors whose age is not told
OF_A_WEEK = frozenset({"law.hours_week", "law.days_week", "law.rest_week", "law.hours_average"})
ABSENT = frozenset({"cannot", "sick"})
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong, with the facts that fill its sentence.

    Attributes:
        day: the day of the shift at fault; None where the week as a whole is.
        article: where the law says so; None where it is no law.
        stops: nobody may be told this roster.
    """

    staff: str
    day: date | None
    code: str
    facts: dict[str, Any] = field(default_factory=dict)
    article: Article | None = None
    stops: bool = True

    def sentence(self, lang: str | None = None) -> str:
        """What is wrong; of a law, where it is written."""
        told = say(self.code, lang, **self.facts)
        return told + say("law.see", lang, article=self.article.name) if self.article else told


def breaches(
    duties: Iterable[Duty], people: Iterable[Row], notices: Sequence[Row], *, zone: tzinfo, packs: Sequence[str],
    worked: Iterable[Duty] = (), promised: Iterable[Duty] = (), now: datetime | None = None,
) -> list[Fault]:  # fmt: skip
    """Everything that is wrong with the shifts of some days.

    Args:
        people: rows of `staff`.
        notices: rows of `availability`.
        zone: clock of the store.
        packs: laws that hold there.
        worked: shifts of the same people before these days, as far back as a rule looks, and elsewhere.
        promised: shifts that people have been told for these days. Who gave one to a colleague who agreed to it, or
            cannot work it, is not kept to it.
        now: when people are told these; None = notice is not looked at.
    """
    known = {str(person["staff"]): person for person in people}
    duties = list(duties)
    planned, before = _by_person(duties), _by_person(worked)
    told = _by_person(_binding(promised, duties, notices))
    found: list[Fault] = []
    for staff in sorted(planned.keys() | (told.keys() if now else set())):
        own = planned.get(staff, [])
        if staff not in known:
            found += [Fault(staff, duty.day, "roster.nobody", {"staff": staff}) for duty in own]
            continue
        found += [*_unfit(known[staff], own), *_absent(own, notices), *_beyond_contract(known[staff], own)]
        found += _unlawful(known[staff], own, before.get(staff, []), told.get(staff, []), zone, packs, now)
    return found


def notices_on(notices: Iterable[Row], staff: str, day: date) -> list[Row]:
    """A person's notices that are about a day; withdrawn ones are left out."""
    return [
        notice for notice in notices
        if notice["staff"] == staff and notice["kind"] != "void"
        and (notice["day"] == day if notice["day"] else notice["weekday"] in (None, day.isoweekday()))
    ]  # fmt: skip


def _binding(promised: Iterable[Duty], duties: Sequence[Duty], notices: Sequence[Row]) -> Iterator[Duty]:
    """Shifts told that the house has to keep to."""
    given = {(duty.day, duty.begins, duty.ends) for duty in duties if duty.agreed}
    for duty in promised:
        absent = any(
            notice["kind"] in ABSENT and _meets(notice, duty) for notice in notices_on(notices, duty.staff, duty.day)
        )
        if not absent and (duty.day, duty.begins, duty.ends) not in given:
            yield duty


def _meets(notice: Row, duty: Duty) -> bool:
    """Whether a notice of a shift's day is about a part of its time."""
    return duty.ends > minute_of(notice["begins"] or "00:00") and duty.begins < minute_of(notice["ends"] or "24:00")


def _by_person(duties: Iterable[Duty]) -> dict[str, list[Duty]]:
    found: dict[str, list[Duty]] = {}
    for duty in duties:
        found.setdefault(duty.staff, []).append(duty)
    return found


def _unfit(person: Row, own: list[Duty]) -> Iterator[Fault]:
    """Work that somebody cannot do, days outside the contract, and two shifts on a day."""
    skills = (person["skills"] or "").split()
    for duty in own:
        if duty.skill and duty.skill not in skills:
            yield Fault(
                duty.staff, duty.day, "roster.no_skill", {"skill": duty.skill, "skills": ", ".join(skills) or "–"}
            )
        if not (person["employed_from"] or duty.day) <= duty.day <= (person["employed_to"] or duty.day):
            yield Fault(duty.staff, duty.day, "roster.no_contract", {"day": str(duty.day)})
    for day, count in Counter(duty.day for duty in own).items():
        if count > 1:
            yield Fault(str(person["staff"]), day, "roster.twice_a_day", {"day": str(day), "count": count})


def _absent(own: list[Duty], notices: Sequence[Row]) -> Iterator[Fault]:
    """Shifts at times at which somebody cannot, or would rather not, work."""
    for duty in own:
        for notice in notices_on(notices, duty.staff, duty.day):
            if not _meets(notice, duty) or notice["kind"] == "wanted":
                continue
            stops = notice["kind"] in ABSENT
            facts = {
                "day": str(duty.day), "begins": notice["begins"] or "00:00", "ends": notice["ends"] or "24:00",
            }  # fmt: skip
            yield Fault(duty.staff, duty.day, "roster.absent" if stops else "roster.unwanted", facts, stops=stops)


def _beyond_contract(person: Row, own: list[Duty]) -> Iterator[Fault]:
    """Weeks with more hours than the contract has."""
    weeks: dict[date, list[Duty]] = {}
    for duty in own:
        weeks.setdefault(duty.day - timedelta(days=duty.day.weekday()), []).append(duty)
    for monday, duties in weeks.items():
        if person["weekly_hours"] is not None and hours_of(duties) > person["weekly_hours"]:
            facts = {"day": str(monday), "hours": hours_of(duties), "limit": person["weekly_hours"]}
            yield Fault(str(person["staff"]), None, "roster.over_contract", facts, stops=False)


def _unlawful(
    person: Row, own: list[Duty], worked: list[Duty], promised: list[Duty], zone: tzinfo, packs: Sequence[str],
    now: datetime | None,
) -> Iterator[Fault]:  # fmt: skip
    long_ago = now and now - timedelta(days=365)
    stays = {(duty.day, duty.begins, duty.ends) for duty in promised}
    plan = PlannedWork(
        Worker(person["age"] if person["age"] is not None else MINOR if person["minor"] else None),
        [shift_of(duty, zone, long_ago if (duty.day, duty.begins, duty.ends) in stays else None) for duty in own],
    )
    history = WorkHistory(
        [shift_of(duty, zone) for duty in worked], [shift_of(duty, zone, long_ago) for duty in promised], now=now
    )
    try:
        found = check("hours", plan, history, packs)
    except HubError as error:
        if error.code != "law.overlap":
            raise
        facts = dict(error.facts)
        yield Fault(str(person["staff"]), date.fromisoformat(str(facts["other"])[:10]), error.code, facts)
        return
    for breach in found:
        about = str(breach.facts.get("day", breach.facts.get("begin", "")))[:10]
        day = date.fromisoformat(about) if about and breach.code not in OF_A_WEEK else None
        yield Fault(str(person["staff"]), day, breach.code, breach.facts, breach.article)
