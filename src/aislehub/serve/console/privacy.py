"""Privacy: what is held of persons and why, their requests, consents over time, who read, and proofs of erasures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response

from aislehub.core.errors import HubError
from aislehub.core.hub import Hub
from aislehub.core.reads import last_reads
from aislehub.core.text import say
from aislehub.customer.federated.record import trainings
from aislehub.data.privacy import requests
from aislehub.data.privacy.consent import counts
from aislehub.data.privacy.known import purpose_of
from aislehub.data.privacy.proof import check, fingerprint
from aislehub.data.privacy.retention import holdings
from aislehub.data.privacy.suppression import ERASED
from aislehub.schema.consents import PURPOSES
from aislehub.serve.auth import User
from aislehub.serve.console.shell import render
from aislehub.serve.site import House, needs

__all__ = ["context", "router"]

SHOWN = 100
Admin = Annotated[User, Depends(needs("admin"))]
router = APIRouter(prefix="/privacy", include_in_schema=False)


def context(hub: Hub, query: Mapping[str, list[str]]) -> dict[str, Any]:
    """What the page shows; nothing on it names a person but by their key."""
    asked = [row | {"checks": row["checks"] or _checks(row)} for row in requests.listed(hub.state, SHOWN)]
    most_first = sorted(holdings(hub, datetime.now(UTC).date()), key=lambda one: -one.rows)
    held = [{**vars(one), "purpose": purpose_of(one.table, one.help)} for one in most_first]
    words = counts(hub)
    return {
        "held": held, "requests": asked, "proofs": [_proof(hub, row) for row in asked if row["proof"]],
        "consents": _standing(words), "chart": _chart(words), "reads": last_reads(hub.state, SHOWN),
        "gone": ERASED, "trainings": trainings(hub.models),
        "open": sum(row["state"] != "done" for row in asked), "checked": None, "error": None,
    }  # fmt: skip


@router.get("/proof/{id}")
def proof(site: House, user: Admin, id: str) -> Response:
    """A proof as the file that `aislehub proof verify` reads."""
    found = requests.get(site.hub.state, id)
    if found["proof"] is None:
        raise HubError("privacy.request_unknown", id=id)
    text = json.dumps(found["proof"], ensure_ascii=False, indent=2)
    name = f"proof-{found['id']}.json"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type="application/json", headers=headers)


@router.post("/check")
def check_proof(
    request: Request, site: House, user: Admin, text: Annotated[str, Form(max_length=1_000_000)] = "",
    person: Annotated[str, Form(max_length=200)] = "",
) -> Response:  # fmt: skip
    """Whether a pasted proof is genuine, and about somebody."""
    values = context(site.hub, {})
    try:
        found = check(text, site.hub.home, person.strip(), say("privacy.pasted"))
    except HubError as error:
        return render(request, "privacy.html", status=422, **values | {"error": error})
    return render(request, "privacy.html", **values | {"checked": found})


def _checks(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """How an erasure was verified: the identities are gone, and its proof has kept it."""
    kept = (row["proof"] or {}).get("verified", {}).get("checks", [])
    return [{"why": "", **check} for check in kept]


def _proof(hub: Hub, row: Mapping[str, Any]) -> dict[str, Any]:
    document = row["proof"]
    try:
        genuine = check(json.dumps(document, ensure_ascii=False), hub.home).own
    except HubError:  # the row was changed in the database: that is what the badge has to say
        genuine = False
    return {
        "id": row["id"], "finished": document["finished"], "rows": sum(entry["rows"] for entry in document["tables"]),
        "tables": len(document["tables"]), "left": len(document["search"]["found"]), "genuine": genuine,
        "key": fingerprint(document["public_key"]),
        "gone": {e["table"]: e["version_before"] for e in document["tables"] if e["version_before"] is not None},
    }  # fmt: skip


def _standing(words: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Members by purpose and last word, now."""
    last = max((row["month"] for row in words), default="")
    now = {(row["purpose"], row["granted"]): row["members"] for row in words if row["month"] == last}
    return [{"purpose": p, "yes": now.get((p, True), 0), "no": now.get((p, False), 0)} for p in PURPOSES]


def _chart(words: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Share of members with a word who agree, month by month and purpose by purpose."""
    months = sorted({row["month"] for row in words})
    if not months:
        return None
    found = {(row["month"], row["purpose"], row["granted"]): row["members"] for row in words}
    series = []
    for purpose in PURPOSES:
        yes = [found.get((month, purpose, True), 0) for month in months]
        no = [found.get((month, purpose, False), 0) for month in months]
        shares = [round(100 * y / (y + n), 1) if y + n else None for y, n in zip(yes, no, strict=True)]
        name = say(f"privacy.purpose_{purpose}")
        series.append({"type": "line", "name": name, "data": shares, "showSymbol": len(months) < 3, "step": "end"})
    return {
        "tooltip": {"trigger": "axis"}, "legend": {"bottom": 0}, "xAxis": {"type": "category", "data": months},
        "yAxis": {"type": "value", "min": 0, "max": 100, "axisLabel": {"formatter": "{value} %"}}, "series": series,
    }  # fmt: skip
