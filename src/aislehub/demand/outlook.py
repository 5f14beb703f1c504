"""The outlook: the forecast's own model and panel, held in memory, for questions about single items.

Laying out the panel of a chain takes seconds, asking the model about one item milliseconds. So a process keeps the
last panel for as long as day, model, tables and settings are the same. Questions pick the item's rows out of it
(`Panel.only`): what all series have in common is still counted from all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from threading import Lock
from typing import Any

import ibis
import numpy as np
from numpy.typing import NDArray

from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.hub import Hub
from aislehub.core.models import Card, find_learned
from aislehub.core.tables import Tables
from aislehub.demand.daily import Policy, demand_panel, forecast_rows, learn_demand, series_of
from aislehub.demand.forecast import Forecaster
from aislehub.demand.panel import FloatArray, Panel
from aislehub.demand.weeks import Past, past_weeks

__all__ = ["Outlook", "is_held", "outlook"]


@dataclass(frozen=True)
class Outlook:
    """What the last business day knew of the coming ones.

    Attributes:
        day: the business day at whose close it was seen.
        card: of the learnt model.
        places: (store, item) → row of the panel, in the panel's order.
        tables: of the house.
    """

    day: date
    card: Card
    forecaster: Forecaster
    panel: Panel
    places: dict[tuple[str, str], int] = field(repr=False)
    tables: Tables = field(repr=False)

    @cached_property
    def past(self) -> Past:
        """The weeks before, and how demand answered to prices and promotions in them; seconds, once."""
        return past_weeks(self.tables, self.day, self.panel, list(self.places))

    def rows(self, item: str, store: str | None = None) -> NDArray[np.intp]:
        """Rows of the panel: the item in one store, or in every store that has a forecast of it.

        Raises:
            HubError: `demand.unknown_item`, `demand.unknown_store`, `demand.not_forecast`.
        """
        items = {known for _, known in self.places}
        if item not in items:
            raise HubError("demand.unknown_item", item=item, suggestion=did_you_mean(item, items))
        stores = {known for known, of in self.places if of == item}
        if store is not None and store not in stores:
            everywhere = {known for known, _ in self.places}
            if store not in everywhere:
                raise HubError("demand.unknown_store", store=store, suggestion=did_you_mean(store, everywhere))
            raise HubError("demand.not_forecast", item=item, store=store, stores=", ".join(sorted(stores)[:20]))
        return np.array([self.places[found, item] for found in sorted(stores if store is None else {store})])

    def published(self, rows: NDArray[np.intp]) -> FloatArray:
        """The forecast of an item's rows as it was published, (rows, horizon).

        It differs from the model's means where these were made to add up with others'. Where the settings have asked
        for another horizon since, it is the model's means.
        """
        series = list(self.places)
        stores, item = [series[row][0] for row in rows], series[rows[0]][1]
        stored = self.tables.run(
            lambda tables: (t := tables.read("demand_forecast"))
            .filter(t.day == ibis.literal(self.day), t.item == item, t.store.isin(stores)).select("store", "ds", "mean")
        ).to_pandas()  # fmt: skip
        table = stored.pivot(index="store", columns="ds", values="mean").reindex(stores)
        if table.shape[1] != self.panel.horizon or table.isna().to_numpy().any():
            return self.forecaster.means(self.panel.only(rows))
        return table.to_numpy()


_held: dict[tuple[Any, ...], Outlook] = {}
_laying_out = Lock()


def outlook(hub: Hub) -> Outlook:
    """The outlook of the last business day that has a forecast.

    Raises:
        HubError: `demand.no_forecast_yet` before the first `aislehub day`.
    """
    day, card, folder, key = _state(hub)
    with _laying_out:
        if key not in _held:
            tables = [hub.tables.read(name, as_of=day) for name in learn_demand.reads]
            panel = demand_panel(*tables, day=day, policy=Policy.load(hub.home))
            panel = panel.only(forecast_rows(panel))
            places = {series_of(name): row for row, name in enumerate(panel.ids)}
            found = Outlook(day, card, Forecaster.load(folder), panel, places, hub.tables)
            _held.clear()
            _held[key] = found
        return _held[key]


def is_held(hub: Hub) -> bool:
    """Whether `outlook` would answer at once, or refuse at once."""
    try:
        return _state(hub)[3] in _held
    except HubError:
        return False


def _state(hub: Hub) -> tuple[date, Card, Any, tuple[Any, ...]]:
    """Day, card and folder of the model, and all that the outlook depends on."""
    forecast = hub.tables.read("demand_forecast")
    day = hub.tables.run(lambda _: forecast.aggregate(day=ibis._.day.max()))["day"][0].as_py()
    learned = None if day is None else find_learned(hub.models, "demand", day=day.isoformat())
    if learned is None:
        raise HubError("demand.no_forecast_yet")
    card, folder = learned
    versions = tuple(hub.tables.version(name) for name in learn_demand.reads)
    key = (hub.home, day, card.id, versions, Policy.load(hub.home).model_dump_json())
    return day, card, folder, key
