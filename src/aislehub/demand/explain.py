"""Explain: one store's item, the forecast of each coming day taken apart (`aislehub explain`)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from functools import partial
from typing import Annotated, Any

import ibis
import numpy as np
import pandas as pd
import typer

from aislehub.core.hub import Hub, open_hub
from aislehub.core.output import print_json
from aislehub.core.reasons import Reason
from aislehub.core.text import say
from aislehub.demand.daily import announced
from aislehub.demand.outlook import outlook
from aislehub.demand.panel import FloatArray
from aislehub.demand.parts import decompose, part_reasons

__all__ = ["Explanation", "explain"]


@dataclass(frozen=True)
class Explanation:
    """The forecast of one store's item and its parts.

    Attributes:
        day: business day at whose close the forecast was made.
        model: its name, and the id of its card.
        days: the H coming days.
        mean: expected units, (H,).
        parts: part → units, (H,) each; they add up to `mean`.
        reasons: of the whole horizon.
        by_day: the same of each day.
    """

    store: str
    item: str
    day: date
    model: tuple[str, str]
    days: list[date]
    mean: FloatArray
    parts: dict[str, FloatArray]
    reasons: list[Reason]
    by_day: list[list[Reason]]

    def document(self) -> dict[str, Any]:
        """As JSON: the whole horizon, then each day."""
        return {
            "store": self.store, "item": self.item, "day": self.day,
            "model": {"name": self.model[0], "id": self.model[1]},
            "total": self._part(slice(None), self.reasons),
            "days": [{"ds": ds, **self._part(slice(at, at + 1), self.by_day[at])} for at, ds in enumerate(self.days)],
        }  # fmt: skip

    def _part(self, days: slice, reasons: list[Reason]) -> dict[str, Any]:
        return {
            "mean": float(self.mean[days].sum()),
            "parts": {part: float(values[days].sum()) for part, values in self.parts.items()},
            "reasons": [{**asdict(reason), "sentence": reason.sentence()} for reason in reasons],
        }


def explain(hub: Hub, store: str, item: str) -> Explanation:
    """Take the last forecast of one store's item apart, as it was published.

    Raises:
        HubError: what `outlook` and `Outlook.rows` refuse.
    """
    seen = outlook(hub)
    rows = seen.rows(item, store)
    panel = seen.panel.only(rows)
    parts = decompose(seen.forecaster.model, panel, seen.forecaster.means(panel), seen.published(rows))
    days = [moment.date() for moment in panel.future]
    promotions = hub.tables.read("promotions", as_of=seen.day).filter(ibis._.store == store, ibis._.item == item)
    promoted = announced(promotions, days[0], days[-1])
    told = partial(part_reasons, panel, parts, promoted=promoted, model=seen.forecaster.name)
    return Explanation(
        store=store,
        item=item,
        day=seen.day,
        model=(seen.forecaster.name, seen.card.id),
        days=days,
        mean=np.sum([values[0] for values in parts.values()], axis=0),
        parts={part: values[0] for part, values in parts.items()},
        reasons=told(days=range(len(days)))[0],
        by_day=[told(days=range(at, at + 1))[0] for at in range(len(days))],
    )


def explain_command(
    item: Annotated[str, typer.Option(help="Item")],
    store: Annotated[str, typer.Option(help="Store")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
) -> None:
    """Take the forecast of an item in a store apart: base, season, trend, price, promotion, event, and why.

    Example: aislehub explain --item 1029743 --store 367
    """
    with open_hub() as hub:
        found = explain(hub, store, item)
    if as_json:
        print_json(found.document())
        return
    span = {"first": found.days[0], "last": found.days[-1], "units": f"{found.mean.sum():,.1f}"}
    print(say("demand.explained", item=item, store=store, day=found.day, model=found.model[1], **span))
    for reason in found.reasons:
        print(f"- {reason.sentence()}")
    print()
    print(_by_day(found).to_string(index=False))


def _by_day(found: Explanation) -> pd.DataFrame:
    """Each day's forecast and those parts that are not nothing everywhere."""
    columns = {say("demand.column.day"): found.days, say("demand.column.forecast"): found.mean}
    columns |= {say(f"demand.part.{part}"): values for part, values in found.parts.items() if values.any()}
    return pd.DataFrame(columns).round(2)


explain_command.__name__ = "explain"

commands = (explain_command,)
