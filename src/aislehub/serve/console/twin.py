"""Twin: try a policy on a simulated chain in the background, see what it brought, and how real the chain is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response

from aislehub.core.hub import Hub
from aislehub.core.text import say
from aislehub.serve import formats
from aislehub.serve.auth import User
from aislehub.serve.console.shell import render, signed_in
from aislehub.serve.lookup import has_rows
from aislehub.serve.site import House, needs
from aislehub.twin import request as asked
from aislehub.twin.kept import Kept, ask, find, kept, stop

__all__ = ["context", "router"]

LIMITS = {"stores": (1, 50), "items": (5, 300), "days": (7, 182), "seeds": (1, 12), "seed": (0, 9999)}
"""What a page may ask for; more takes so long that it belongs on the command line."""
FIDELITY = asked.Request(kind="fidelity", family=asked.OWN, stores=20, items=100, days=364, seeds=5)
GOOD = {"profit": 1, "sales": 1, "fill": 1, "waste": -1}
"""Figures of which more is better (1) or worse (−1); of the others it is neither."""
CURVES = {"units": "units", "memory": "lags", "week": "weekdays", "elasticity": "categories"}

Planner = Annotated[User, Depends(needs("planner"))]
Name = Annotated[str, Form(max_length=80)]
router = APIRouter(prefix="/twin", include_in_schema=False)


def context(hub: Hub, query: Mapping[str, list[str]]) -> dict[str, Any]:
    """The form, the run under way, the chosen result or else the newest one, the newest fidelity, and all runs."""
    runs = kept(hub.home)
    policies = [run for run in runs if run.request.kind == "policies"]
    chosen = find(hub.home, query["run"][-1]) if query.get("run") else None
    ended = [run for run in runs if not run.under_way]
    if chosen is None or chosen.under_way or chosen.request.kind == "fidelity":
        chosen = next((run for run in policies if run in ended), None)
    fidelity = next((run for run in ended if run.request.kind == "fidelity"), None)
    return {
        "offered": {name: _named(name) for name in asked.offered(hub.home)}, "families": _families(hub),
        "limits": LIMITS, "wanted": (chosen.request if chosen else asked.Request()),
        "current": next((_row(hub, run) for run in runs if run.under_way), None),
        "chosen": _row(hub, chosen) if chosen else None, "result": _result(hub, chosen),
        "fidelity": _row(hub, fidelity) if fidelity else None, "likeness": _likeness(fidelity),
        "has_sales": has_rows(hub, "sales_lines"), "runs": [_row(hub, run) for run in policies if run in ended],
    }  # fmt: skip


@router.post("/run")
def run(
    site: House, user: Planner, mine: Name, other: Name, family: Name,
    stores: Annotated[int, Form(ge=LIMITS["stores"][0], le=LIMITS["stores"][1])],
    items: Annotated[int, Form(ge=LIMITS["items"][0], le=LIMITS["items"][1])],
    days: Annotated[int, Form(ge=LIMITS["days"][0], le=LIMITS["days"][1])],
    seeds: Annotated[int, Form(ge=LIMITS["seeds"][0], le=LIMITS["seeds"][1])],
    seed: Annotated[int, Form(ge=LIMITS["seed"][0], le=LIMITS["seed"][1])],
) -> Response:  # fmt: skip
    """Begin to live two policies in the same chains."""
    home = site.hub.home
    wanted = asked.Request(
        mine=asked.chosen(home, mine), other=asked.chosen(home, other), family=family, stores=stores, items=items,
        days=days, seeds=seeds, seed=seed,
    )  # fmt: skip
    return _to_page(ask(home, wanted, who=user.name))


@router.post("/fidelity")
def fidelity(site: House, user: Planner) -> Response:
    """Begin to fit a twin to the house's tables and to measure both."""
    return _to_page(ask(site.hub.home, FIDELITY, who=user.name))


@router.get("/progress/{id}")
def progress(request: Request, site: House, id: str) -> Response:
    """How far a run is; when it has ended, the page with its result."""
    signed_in(request)
    found = find(site.hub.home, id)
    return render(request, "twin_progress.html", current=_row(site.hub, found)) if found.under_way else _to_page(id)


@router.post("/stop/{id}")
def stop_run(site: House, user: Planner, id: str) -> Response:
    """Ask a run to end."""
    stop(site.hub.home, id, who=user.name)
    return Response(status_code=204)


def _to_page(id: str) -> Response:
    return Response(status_code=204, headers={"HX-Redirect": f"/twin?run={id}"})


def _named(policy: str) -> str:
    """A preset in words; a file by its name."""
    return say(f"twin.policy_{policy}") if policy in asked.PRESETS else policy


def _families(hub: Hub) -> dict[str, str]:
    """Families that can be chosen; the house's own tables only where there are sales."""
    return {
        family: say(f"twin.family_{family}")
        for family in asked.FAMILIES
        if family != asked.OWN or has_rows(hub, "sales_lines")
    }


def _row(hub: Hub, run: Kept) -> dict[str, Any]:
    """What the page says of one run."""
    request, about = run.request, dict(run.about)
    if "policy" in about:
        about["policy"] = _named(about["policy"])
    left = run.seconds / run.share - run.seconds if run.state == "running" and run.share > 0.03 else None
    return {
        "id": run.id, "kind": request.kind, "at": run.at, "who": run.who, "state": run.state, "share": run.share,
        "about": say("twin.progress", **about) if "policy" in about else "", "seconds": run.seconds, "left": left,
        "mine": _named(request.mine.name), "other": _named(request.other.name), "error": run.error,
        "family": say(f"twin.family_{request.family}"), "request": request, "profit": _profit(hub, run),
    }  # fmt: skip


def _profit(hub: Hub, run: Kept) -> dict[str, str] | None:
    """The difference in profit, as text, with its interval where there is one."""
    lines = run.result["lines"] if run.result and run.request.kind == "policies" else []
    found = [line for line in lines if line["figure"] == "profit" and line["difference"] is not None]
    return _apart(found[0], _currency(hub, run)) if found else None


def _result(hub: Hub, run: Kept | None) -> dict[str, Any] | None:
    """Each figure of both policies with its difference, and the charts."""
    if run is None or run.result is None:
        return None
    currency = _currency(hub, run)
    others, mine = (
        {line["figure"]: line for line in run.result["lines"] if line["policy"] == policy.name}
        for policy in (run.request.other, run.request.mine)
    )
    rows = [
        {
            "figure": figure, "other": _shown(others[figure]["value"], line["unit"], currency),
            "mine": _shown(line["value"], line["unit"], currency), "verdict": _verdict(line), **_apart(line, currency),
        }
        for figure, line in mine.items()
    ]  # fmt: skip
    sentence = _sentence(run, mine["profit"], currency)
    return {"rows": rows, "sentence": sentence, "charts": {"ahead": _ahead(run), "profit": _daily(run)}}


def _verdict(line: Mapping[str, Any]) -> str:
    """Whether a difference is `better`, `worse`, `more`, `less`, `unclear` or `none`; nothing without an interval."""
    if line["low"] is None:
        return ""
    if line["low"] == line["high"] == 0:
        return "none"
    if line["low"] <= 0 <= line["high"]:
        return "unclear"
    if line["figure"] not in GOOD:
        return "more" if line["low"] > 0 else "less"
    return "better" if GOOD[line["figure"]] * line["low"] > 0 else "worse"


def _sentence(run: Kept, profit: Mapping[str, Any], currency: str | None) -> str:
    """What came out, in words."""
    names = {"mine": _named(run.request.mine.name), "other": _named(run.request.other.name)}
    code = f"twin.told_{_verdict(profit) or 'single'}"
    return say(code, days=run.request.days, seeds=run.request.seeds, **names, **_apart(profit, currency))


def _apart(line: Mapping[str, Any], currency: str | None) -> dict[str, str]:
    """A difference and its bounds with their signs; a share's in percentage points."""
    texts = {}
    for name in ("difference", "low", "high"):
        value = line[name]
        if value is None:
            texts[name] = ""
            continue
        shown = _shown(value, line["unit"], currency)
        if line["unit"] == "fraction":
            shown = say("twin.points", points=formats.number(100 * value, 1))
        texts[name] = f"+{shown}" if value > 0 and shown != _shown(0.0, line["unit"], currency) else shown
    return texts


def _currency(hub: Hub, run: Kept) -> str | None:
    """The house's, where its own tables are the world's; the money of a family has none."""
    return hub.settings.currency if run.request.family == asked.OWN else None


def _shown(value: float, unit: str, currency: str | None) -> str:
    if unit == "fraction":
        return formats.percent(value)
    return formats.money(value, currency) if unit == "money" and currency else formats.number(value, 0)


def _ahead(run: Kept) -> dict[str, Any]:
    """What the policy is ahead of the other so far, day by day, with its band."""
    assert run.result
    days = [day for day in run.result["days"] if day["ahead"] is not None]
    line = {"name": say("twin.chart_ahead"), "tone": "accent", "values": _rounded(days, "ahead")}
    if days and days[0]["low"] is not None:
        line |= {"band": say("twin.interval"), "low": _rounded(days, "low"), "high": _rounded(days, "high")}
    return _lines([day["day"] for day in days], [line], say("twin.axis_days"))


def _daily(run: Kept) -> dict[str, Any]:
    """Each day's profit under both policies."""
    assert run.result
    lines = []
    for policy, tone in ((run.request.other.name, "muted"), (run.request.mine.name, "accent")):
        days = [day for day in run.result["days"] if day["policy"] == policy]
        lines.append({"name": _named(policy), "tone": tone, "values": _rounded(days, "profit")})
    return _lines([day["day"] for day in days], lines, say("twin.axis_days"))


def _likeness(run: Kept | None) -> dict[str, Any] | None:
    """The figures of the real tables beside the twin's, and the four charts."""
    if run is None or run.result is None:
        return None
    charts = {}
    for curve, axis in CURVES.items():
        points = [point for point in run.result["curves"] if point["curve"] == curve]
        if points:
            charts[curve] = _curve(curve, points, say(f"twin.axis_{axis}"))
    return {"rows": run.result["figures"], "facts": run.result, "charts": charts}


def _curve(curve: str, points: Sequence[Mapping[str, Any]], axis: str) -> dict[str, Any]:
    values = {name: _rounded(points, name, 4) for name in ("real", "simulated", "low", "high")}
    words = {"real": say("twin.real"), "simulated": say("twin.twin"), "band": say("twin.range"), "axis": axis}
    at = [point["at"] for point in points]
    if curve == "elasticity":
        return {"kind": "pairs", "names": at, "words": words, **values}
    if curve == "week":
        at = [say(f"serve.weekday_{day}") for day in at]
    if curve == "units":
        at = [lower if after == str(int(lower) + 1) else f"{lower}–{int(after) - 1}" for lower, after in
              zip(at, [*at[1:], ""], strict=True) if after] + [f"{at[-1]}+"]  # fmt: skip
    real = {"name": words["real"], "tone": "gold", "values": values["real"], "dots": True}
    twin = {
        "name": words["simulated"], "tone": "accent", "values": values["simulated"],
        "band": words["band"], "low": values["low"], "high": values["high"],
    }  # fmt: skip
    return _lines(at, [twin, real], axis, is_log=curve == "units")


def _lines(at: Sequence[Any], lines: list[dict[str, Any]], axis: str, *, is_log: bool = False) -> dict[str, Any]:
    return {"kind": "lines", "at": list(at), "lines": lines, "isLog": is_log, "words": {"units": axis}}


def _rounded(rows: Sequence[Mapping[str, Any]], name: str, digits: int = 2) -> list[float]:
    return [round(row[name], digits) for row in rows]
