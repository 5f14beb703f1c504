"""Below the forecast of an item: what it is made of, and what it would be under another price or promotion.

Both need the chain's panel in memory (`demand.outlook`), seconds after a new day and at once from then on. So they are
parts of the page that load by themselves when it is held already, and on demand otherwise; the requests run in worker
threads, and the server answers others meanwhile.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from aislehub.core.errors import HubError
from aislehub.core.text import say
from aislehub.demand.explain import Explanation, explain
from aislehub.demand.whatif import WhatIf, promotion_of, whatif
from aislehub.serve.console.shell import render, signed_in
from aislehub.serve.site import House

__all__ = ["PROMOTIONS", "router"]

PROMOTIONS = {"": "planned", "none": "none", "display": "display", "mailer": "mailer", "display,mailer": "both"}
"""Choices of the form → their texts; the empty one is the plan as it is."""

Key = Annotated[str, Query(max_length=80)]
router = APIRouter(prefix="/demand", include_in_schema=False)


@router.get("/why")
def why(request: Request, site: House, store: Key, item: Key) -> Response:
    """What the forecast is made of: a waterfall of its parts, each day's parts, and the sentences."""
    signed_in(request)
    found = explain(site.hub, store, item)
    sentences = [reason.sentence() for reason in found.reasons]
    charts = {"waterfall": _waterfall(found), "parts": _parts(found)}
    return render(request, "demand_why.html", found=found, sentences=sentences, charts=charts)


@router.get("/whatif")
def what_if(
    request: Request, site: House, store: Key, item: Key, everywhere: bool = False, price: Key = "", promo: Key = "",
    discount: Key = "", first: date | None = None, last: date | None = None,
) -> Response:  # fmt: skip
    """The forecast as planned and with the change, in units and money."""
    signed_in(request)
    words = ",".join(part for part in (promo, f"discount={discount}%" if discount else "") if part)
    found = whatif(
        site.hub, item, store=None if everywhere else store, price=_number(price) if price else None,
        promotion=promotion_of(words), first=first, last=last,
    )  # fmt: skip
    total = found.part(slice(None))
    rows = [{"label": f"whatif.{name}", "is_money": name != "units", **total[name]} for name in
            ("units", "revenue", "margin") if total[name]]  # fmt: skip
    sentences = [reason.sentence() for reason in found.reasons]
    return render(request, "demand_whatif.html", found=found, rows=rows, sentences=sentences, chart=_cases(found))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise HubError("whatif.price", value=text) from error


def _waterfall(found: Explanation) -> dict[str, Any]:
    """Totals of the parts that are not nothing, one upon the other, and the forecast."""
    told = {part: float(values.sum()) for part, values in found.parts.items() if abs(values.sum()) >= 0.005}
    return {
        "kind": "waterfall",
        "names": [say(f"demand.part.{part}") for part in told],
        "parts": list(told),
        "values": [round(value, 2) for value in told.values()],
        "words": {"total": say("demand.column.forecast"), "units": say("serve.chart_units")},
    }


def _parts(found: Explanation) -> dict[str, Any]:
    """Each day's parts, stacked, and its forecast."""
    told = {part: values for part, values in found.parts.items() if (abs(values) >= 0.005).any()}
    return {
        "kind": "parts",
        "days": [day.isoformat() for day in found.days],
        "mean": found.mean.round(3).tolist(),
        "parts": [
            {"part": part, "name": say(f"demand.part.{part}"), "values": values.round(3).tolist()}
            for part, values in told.items()
        ],
        "words": {"total": say("demand.column.forecast"), "units": say("serve.chart_units")},
    }


def _cases(found: WhatIf) -> dict[str, Any]:
    """Units by day as planned and with the change, with its interval."""
    return {
        "kind": "whatif",
        "days": [day.isoformat() for day in found.days],
        **{name: getattr(found, name).units.round(3).tolist() for name in ("before", "after", "low", "high")},
        "words": {
            "before": say("whatif.column_before"), "after": say("whatif.column_after"),
            "band": say("whatif.interval"), "units": say("serve.chart_units"),
        },
    }  # fmt: skip
