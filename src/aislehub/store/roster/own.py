"""What each store can do with its own people: the roster of a week before anybody is lent.

Stores are planned apart from each other, so that the work can be spread over processes. Who is lent is decided
afterwards for the whole chain (`lending.py`), and `rosters` puts both together.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from aislehub.core.contract import Column, Contract
from aislehub.core.step import step
from aislehub.store.roster.breaks import people_there
from aislehub.store.roster.duty import Duty, duties_of
from aislehub.store.roster.inputs import StoreWeek, week_sources
from aislehub.store.roster.need import Need
from aislehub.store.roster.policy import Policy
from aislehub.store.roster.week import Planned, plan_week

__all__ = ["OWN_ROSTERS", "left_open", "own_rosters", "planned_of"]

OWN_ROSTERS = Contract(
    "own_rosters",
    "Who of a store's own people works when in a week that is not told yet, or was told and has a hole; shifts that "
    "people of other stores were told are among them",
    (
        Column("store", "text", "Store"),
        Column("subject", "text", "Monday of the week"),
        Column("shifts", "text", "The shifts, JSON as in the action of `rosters`"),
        Column("dropped", "text", "Shifts that the law took out, the same"),
        Column("open_hours", "float", "Person-hours that the shifts leave open", "hours", low=0),
    ),
    key="day store subject",
    derived=True,
)  # fmt: skip


@step(reads="staffing roster_staff availability rostered stores", writes=OWN_ROSTERS, per="store")
def own_rosters(
    staffing: ir.Table, roster_staff: ir.Table, availability: ir.Table, rostered: ir.Table, stores: ir.Table, *,
    day: date, policy: Policy, timezone: str,
) -> pd.DataFrame:  # fmt: skip
    """A roster of their own people for every store and week that waits for one."""
    rows = []
    for week in week_sources(
        staffing, roster_staff, availability, rostered, stores, day=day, policy=policy, timezone=timezone
    ):
        if week.waits and week.staff:
            planned = _planned(week, policy)
            open_hours = left_open(week.need, planned.duties).hours
            rows.append((week.store, week.subject, _written(planned.duties), _written(planned.dropped), open_hours))
    return pd.DataFrame(rows, columns=["store", "subject", "shifts", "dropped", "open_hours"])


def planned_of(shifts: str, dropped: str) -> Planned:
    """The roster of a row."""
    return Planned(*(tuple(duties_of({"shifts": json.loads(text)})) for text in (shifts, dropped)))


def left_open(need: Need, duties: Sequence[Duty]) -> Need:
    """What a roster leaves to be done."""
    return replace(need, people=np.maximum(need.people - people_there(duties, need.days, need.skills), 0))


def _planned(week: StoreWeek, policy: Policy) -> Planned:
    own = {member.staff for member in week.staff}
    if not week.stands:
        last_week = [duty for duty in week.before if duty.staff in own]
        return plan_week(week.need, week.staff, week.place, policy, start=last_week)
    lent = [duty for duty in week.able if duty.staff not in own]
    told = [duty for duty in week.able if duty.staff in own]
    planned = plan_week(left_open(week.need, lent), week.staff, week.place, policy, told=told)
    return replace(planned, duties=tuple(sorted([*planned.duties, *lent])))


def _written(duties: Sequence[Duty]) -> str:
    return json.dumps([duty.document() for duty in duties], ensure_ascii=False)
