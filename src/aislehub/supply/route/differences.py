"""What another action changes: for each driver and each customer, a reason that reads as a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aislehub.core.reasons import Reason
from aislehub.supply.route.deliveries import seconds_of
from aislehub.supply.route.replan import SHIFT

__all__ = ["for_customers", "for_drivers"]

Action = Mapping[str, Any]


def for_drivers(before: Action, after: Action) -> Iterator[Reason]:
    """Each vehicle whose stops, order, start or return are other ones."""
    old, new = ({tour["vehicle"]: tour for tour in action["tours"]} for action in (before, after))
    for vehicle in {**old, **new}:
        was, now = old.get(vehicle), new.get(vehicle)
        had, has = ([(stop["id"], stop["stop"]) for stop in tour["stops"]] if tour else [] for tour in (was, now))
        facts = {
            "vehicle": vehicle, "order": _named(has), "gone": _named([one for one in had if one not in has]),
            "come": _named([one for one in has if one not in had]), "before": was and was["back"],
            "after": now and now["back"], "start": now and now["leaves"],
        }  # fmt: skip
        is_broken = bool(now and now.get("broken") and not (was and was.get("broken")))
        said = {
            "starts": was is None, "stays": now is None, "broken": is_broken, "gone": bool(facts["gone"] and now),
            "come": bool(was and facts["come"]),
            "order": [one for one in had if one in has] != [one for one in has if one in had],
            "end": was is not None and now is not None and not is_broken and facts["before"] != facts["after"],
        }  # fmt: skip
        yield from (Reason(f"route.driver_{what}", facts) for what, holds in said.items() if holds)


def for_customers(before: Action, after: Action) -> Iterator[Reason]:
    """Each stop that is new, cancelled, not served any more, or visited by another vehicle or at another time."""
    old, new = _visits(before), _visits(after)
    cancelled = {one["id"] for one in after["unserved"] if one["why"]["code"] == "routes.cancelled"}
    for id in {**old, **new}:
        facts = {"stop": (old.get(id) or new[id])[0]}
        if id in old:
            facts |= dict(zip(("vehicle_before", "begin_before"), old[id][1:], strict=True))
        if id in new:
            facts |= dict(zip(("vehicle_after", "begin_after"), new[id][1:], strict=True))
        if id not in new:
            yield Reason("route.customer_cancelled" if id in cancelled else "route.customer_lost", facts)
        elif id not in old:
            yield Reason("route.customer_new", facts)
        elif old[id][1] != new[id][1] or abs(seconds_of(old[id][2]) - seconds_of(new[id][2])) > 60 * SHIFT:
            yield Reason("route.customer_moved", facts)


# -- helpers -----------------------------------------------------------------------------------------


def _visits(action: Action) -> dict[str, tuple[str, str, str]]:
    """Id of a stop → its name, vehicle and begin."""
    return {
        stop["id"]: (stop["stop"], tour["vehicle"], stop["begins"])
        for tour in action["tours"] for stop in tour["stops"]
    }  # fmt: skip


def _named(stops: list[tuple[str, str]]) -> str:
    return ", ".join(name for _, name in stops)
