"""A plausible depot, places of stores and a fleet for chains whose data have none; always marked `simulated`.

Stores lie in towns around the depot. Some, as in the middle of towns, receive goods early in the morning only. Each
draw is a hash of the seed and the store, so that a store stays where it is.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from aislehub.supply.simulated import SOURCE, draw

__all__ = ["DEPOT", "simulated_fleet", "simulated_places"]

DEPOT = f"{SOURCE} depot"
CENTRE = (39.10, -84.51)  # Cincinnati, home of the one data set of the hub whose stores have no places
TOWNS = 14
FARTHEST = 110.0  # km from the depot to the middle of a town
TOWN = 7.0  # km from there to its stores
KM_PER_DEGREE = 111.2
EARLY, LATE = 0.25, 0.85  # draws below and above which a store receives early only, or late only

CAPACITY = {"truck": (9000.0, 36000.0), "van": (1200.0, 8000.0)}  # kg, litres
TRUCK = {
    "capacity_kg": CAPACITY["truck"][0], "capacity_l": CAPACITY["truck"][1], "temperature": "frozen",
    "cost_per_km": 0.75, "cost_per_hour": 34.0, "cost_per_day": 95.0, "co2_g_per_km": 640.0, "max_hours": 10.0,
    "works_from": "04:00", "works_to": "20:00",
}  # fmt: skip
VAN = {
    "capacity_kg": CAPACITY["van"][0], "capacity_l": CAPACITY["van"][1], "temperature": "frozen",
    "cost_per_km": 0.35, "cost_per_hour": 28.0, "cost_per_day": 45.0, "co2_g_per_km": 230.0, "max_hours": 9.0,
    "works_from": "05:00", "works_to": "22:00",
}  # fmt: skip
STOPS = {"truck": 10, "van": 14}  # stops that a day of one has time for, about
SPARE = 1.5  # times as many as the day seems to need; one that stays at home costs nothing


def simulated_places(stores: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Columns latitude, longitude, receives_from and receives_to of each store.

    Args:
        stores: column store.
    """
    town = np.floor(TOWNS * draw(stores["store"], seed)).astype(int)
    towns = pd.Series([f"town {number}" for number in range(TOWNS)])
    angle, radius = 2 * np.pi * draw(towns, seed + 1), FARTHEST * np.sqrt(draw(towns, seed + 2))
    around, out = (draw(stores["store"], seed + at) for at in (3, 4))
    east = (radius * np.cos(angle))[town] + TOWN * out * np.cos(2 * np.pi * around)
    north = (radius * np.sin(angle))[town] + TOWN * out * np.sin(2 * np.pi * around)
    opens = draw(stores["store"], seed + 5)
    return pd.DataFrame(
        {
            "latitude": np.round(CENTRE[0] + north / KM_PER_DEGREE, 4),
            "longitude": np.round(CENTRE[1] + east / KM_PER_DEGREE / np.cos(np.radians(CENTRE[0])), 4),
            "receives_from": np.where(opens > LATE, "12:00", "05:00").astype(object),
            "receives_to": np.where(opens < EARLY, "09:30", "18:00").astype(object),
        },
        index=stores.index,
    )


def simulated_fleet(depot: str, kg: float, litres: float, stops: int, *, is_store: bool) -> pd.DataFrame:
    """Vehicles as in the table `vehicles`, enough of them for a day's load: trucks and some vans, at a store vans.

    Args:
        kg, litres: of all that has to be brought.
        stops: to be visited.
    """
    kinds = {"van": VAN} if is_store else {"truck": TRUCK, "van": VAN}
    rows = []
    for name, kind in kinds.items():
        loads = max(kg / CAPACITY[name][0], litres / CAPACITY[name][1])
        needed = SPARE * max(loads, stops / STOPS[name])
        count = int(np.ceil(needed)) + 1 if name == "truck" or is_store else 2 + stops // 40
        whose = f"{depot} {name}" if is_store else name
        rows += [{"vehicle": f"{whose} {number:02}", "depot": depot, **kind} for number in range(1, count + 1)]
    return pd.DataFrame(rows).assign(source=SOURCE)
