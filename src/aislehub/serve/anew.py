"""A decided day of tours planned anew for a dispatcher: what is known of it, and where the answer is kept.

the decision's facts + its tours + what was reported + what happened ─> other tours
    not sent yet ─> an override of the decision
    sent         ─> a proposed decision in its place, with its money over keeping the old tours
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from aislehub.connect.tours import shipment_of, stop_numbers
from aislehub.core.decision import carried_out
from aislehub.core.errors import HubError
from aislehub.core.hub import Hub
from aislehub.serve import formats
from aislehub.serve.driven import timezone_of, told_stops
from aislehub.supply.route.anew import Happened, plan_anew
from aislehub.supply.route.daily import routes
from aislehub.supply.route.deliveries import Policy
from aislehub.supply.route.depot_day import DepotDay, depot_days
from aislehub.supply.route.reported import Report

__all__ = ["day_of", "keep_anew"]

CANCELLED = "cancelled"


def keep_anew(hub: Hub, decision: Mapping[str, Any], happened: Happened, *, who: str, why: str) -> dict[str, Any]:
    """Plan the rest of a day anew and keep it in the ledger.

    Returns:
        The decision that is the newest now.

    Raises:
        HubError: `routes.anew_state`, `ledger.why`, and what `plan_anew` raises.
    """
    id, state, action = decision["id"], decision["state"], carried_out(decision)
    if state not in ("proposed", "approved", "overridden", "sent", "done"):
        raise HubError("routes.anew_state", state=formats.word("state", state))
    if not why.strip():
        raise HubError("ledger.why")
    policy = Policy.load(hub.home)
    made = plan_anew(day_of(hub, decision, policy), action, happened, _reports(hub, decision), policy=policy)
    if state in ("sent", "done"):
        money = made.saving.money, made.saving.low, made.saving.high
        return hub.ledger.correct(id, made.action, who=who, why=why, money=money, reasons=made.reasons)
    if state in ("approved", "overridden"):
        hub.ledger.undo(id, who=who, why=why)
    return hub.ledger.override(id, made.action, who=who, why=why)


def day_of(hub: Hub, decision: Mapping[str, Any], policy: Policy) -> DepotDay:
    """A depot's day from the facts that its decision was made of, not planned.

    Raises:
        HubError: `routes.facts_changed` where there is nothing to bring by these facts.
    """
    facts = [hub.tables.read(name, as_of=decision["day"]) for name in routes.reads]
    for day in depot_days(*facts, day=decision["day"], policy=policy, timezone=hub.tables.timezone):
        if day.depot == decision["store"]:
            return day
    vehicle = ", ".join(tour["vehicle"] for tour in decision["action"]["tours"])
    raise HubError("routes.facts_changed", depot=decision["store"], vehicle=vehicle)


def _reports(hub: Hub, decision: Mapping[str, Any]) -> dict[str, list[Report | None]]:
    """Vehicle → what was reported of each stop of its tour."""
    depot, day = decision["store"], date.fromisoformat(decision["subject"])
    told, zone = told_stops(hub, depot, decision["subject"]), ZoneInfo(timezone_of(hub, depot))
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    found = {}
    for tour in carried_out(decision)["tours"]:
        own = [row for row in told if row["shipment"] == shipment_of(day, depot, tour["vehicle"])]
        rows = {row["stop"]: row for row in own}
        numbers = stop_numbers(tour["stops"], own)
        found[tour["vehicle"]] = [_report(rows.get(number), midnight) for number in numbers]
    return found


def _report(row: Mapping[str, Any] | None, midnight: datetime) -> Report | None:
    """What a row of `shipments` says was done; a stop with an outcome and no times was left when that was known."""
    if row is None:
        return None
    is_over = row["outcome"] not in (None, CANCELLED)
    arrived = row["arrived_at"] or row["left_at"] or (row["known_at"] if is_over else None)
    if arrived is None:
        return None
    left = row["left_at"] or (arrived if is_over else None)
    seconds = [None if at is None else round((at - midnight).total_seconds()) for at in (arrived, left)]
    return Report(seconds[0] or 0, seconds[1])
