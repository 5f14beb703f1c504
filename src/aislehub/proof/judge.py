"""Measured money beside expected money: what decisions brought, who followed them, and what people's changes added.

The rooms measure their own decisions once the time of these has passed (`aislehub.core.judging`). Here the measurements
are added up. A sum's interval holds chance (stores, or items where there are few stores, drawn again) and what the
measurement could not see; where it holds 0, nothing can be said to have been gained or lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from aislehub.core.decision import CARRIED_OUT
from aislehub.core.hub import Hub, open_hub
from aislehub.core.judging import Together
from aislehub.core.output import print_json
from aislehub.core.pages import Page
from aislehub.core.step import policy_of
from aislehub.core.text import say, word
from aislehub.proof.scorecard import cards_table

__all__ = ["Adoption", "Change", "Span", "Worth", "adoption", "changes", "commands", "pages", "span", "spans", "worth"]

FloatArray = NDArray[np.float64]

FEW_STORES = 8
"""Fewer stores than this are too few to draw from again; then items are drawn."""
FEW_CHANGES = 5
"""Fewer changes than this tell nothing of the person who made them."""
DRAWS = 1_000
LIVED_AGAIN = timedelta(days=56)
_held: dict[Path, tuple[tuple[Any, ...], list[Span]]] = {}  # home → what the spans depend on, and the spans
Z90 = 1.6448536269514722  # half a 90 % interval, in standard deviations


@dataclass(frozen=True)
class Worth:
    """Of one kind of decisions: how many were measured, what was expected of them, and what it turned out to be.

    Money is that of the proposed actions over their baselines, whether or not somebody carried them out.
    """

    kind: str
    currency: str
    count: int
    carried_out: int
    expected: float
    measured: float
    low: float
    high: float
    simulated: bool
    verdict: str


@dataclass(frozen=True)
class Span:
    """What the decisions of one kind brought as a whole over `days`, in the stores that followed them.

    Money is of all these days and stores, `store_days` in number; `per_store_day` is its share of one of them. None of
    the single decisions' money is in it: see `aislehub.core.judging.Together`.
    """

    kind: str
    currency: str
    stores: int
    days: int
    store_days: int
    measured: float
    low: float
    high: float
    per_store_day: float
    verdict: str


@dataclass(frozen=True)
class Adoption:
    """Of one kind of decisions whose day has passed: shares followed, changed, rejected and never looked at."""

    kind: str
    count: int
    followed: float
    changed: float
    rejected: float
    unseen: float


@dataclass(frozen=True)
class Change:
    """What one person's changes for one reason added to what the proposals would have brought."""

    kind: str
    currency: str
    who: str
    why: str
    count: int
    added: float
    low: float
    high: float
    verdict: str


def worth(rows: Sequence[Mapping[str, Any]], *, seed: int = 0) -> list[Worth]:
    """Sums over measured decisions, by kind and currency.

    Args:
        rows: decisions of the ledger with `measured`.
        seed: of the resampling.
    """
    found = []
    for (kind, currency), mine in _groups(rows, "kind", "currency"):
        measured = pd.DataFrame([row["measured"] for row in mine])
        chance = measured["chance"].fillna(0.0).to_numpy(float) if "chance" in measured else np.zeros(len(mine))
        money = measured["money"].to_numpy(float)
        least, most = (_in_common(money, measured[name].to_numpy(float), chance) for name in ("low", "high"))
        low, high = _interval(mine, least, most, chance, seed=seed)
        found.append(
            Worth(
                kind, currency, len(mine), sum(row["state"] in CARRIED_OUT for row in mine),
                expected=float(sum(row["money"] for row in mine)), measured=float(measured["money"].sum()),
                low=low, high=high, simulated=any("simulated" in row["source"] for row in mine),
                verdict=_verdict(low, high),
            )
        )  # fmt: skip
    return found


def span(kind: str, currency: str, parts: Sequence[Together], *, seed: int = 0) -> Span:
    """The sum over stores, with a 90 % interval that holds chance (stores drawn again) and what could not be seen.

    With fewer than `FEW_STORES` stores chance is not in it.
    """
    money, low, high = (np.array([getattr(part, name) for part in parts]) for name in ("money", "low", "high"))
    bounds = (float(low.sum()), float(high.sum()))
    if len(parts) >= FEW_STORES:
        bounds = _drawn_again(low, high, seed=seed)
    store_days = sum(part.days for part in parts)
    return Span(
        kind, currency, len(parts), max(part.days for part in parts), store_days, float(money.sum()), *bounds,
        float(money.sum()) / store_days, _verdict(*bounds),
    )  # fmt: skip


def changes(rows: Sequence[Mapping[str, Any]], *, seed: int = 0) -> list[Change]:
    """What people's overrides and rejections added, by kind, person and reason, the most first."""
    changed = [
        dict(row) | {"who": (row["override"] or {}).get("who", ""), "why": (row["override"] or {}).get("why", "")}
        for row in rows
        if row["measured"]["chosen"] is not None and row["state"] != "expired"
    ]
    found = []
    for (kind, currency, who, why), mine in _groups(changed, "kind", "currency", "who", "why"):
        added = np.array([row["measured"]["chosen"] - row["measured"]["money"] for row in mine])
        low, high = _interval(mine, added, added, np.zeros(len(mine)), seed=seed)
        verdict = "proof.verdict_few" if len(mine) < FEW_CHANGES else _verdict(low, high)
        found.append(Change(kind, currency, who, why, len(mine), float(added.sum()), low, high, verdict))
    return sorted(found, key=lambda change: -change.added)


def adoption(counts: Sequence[Mapping[str, Any]]) -> list[Adoption]:
    """Shares of each kind, from counts by kind, state and whether somebody changed the action."""
    found = []
    for (kind,), mine in _groups([row for row in counts if row["state"] not in ("proposed", "superseded")], "kind"):
        total = sum(row["count"] for row in mine)
        parts = {
            "changed": sum(row["count"] for row in mine if row["overridden"]),
            "followed": sum(row["count"] for row in mine if row["state"] in CARRIED_OUT and not row["overridden"]),
            "rejected": sum(row["count"] for row in mine if row["state"] == "rejected"),
            "unseen": sum(row["count"] for row in mine if row["state"] == "expired"),
        }
        found.append(Adoption(kind, total, **{name: part / total for name, part in parts.items()}))
    return found


def _groups(rows: Sequence[Mapping[str, Any]], *names: str) -> list[tuple[tuple[str, ...], list[Mapping[str, Any]]]]:
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in names), []).append(row)
    return sorted(groups.items())


def _in_common(money: FloatArray, bound: FloatArray, chance: FloatArray) -> FloatArray:
    """The bound without what is each decision's own chance."""
    own = np.minimum(np.abs(bound - money), Z90 * chance)
    return money + np.sign(bound - money) * np.sqrt((bound - money) ** 2 - own**2)


def _interval(
    rows: Sequence[Mapping[str, Any]], low: FloatArray, high: FloatArray, chance: FloatArray, *, seed: int
) -> tuple[float, float]:
    """5 % quantile of the sum of `low` and 95 % quantile of that of `high`, stores (or items) drawn again.

    Args:
        chance: standard error of each, shared by decisions on one subject and by no others.
    """
    by = "store" if len({row["store"] for row in rows}) >= FEW_STORES else "subject"
    code, names = pd.factorize(np.array([row[by] for row in rows], dtype=object))
    by_name = [np.bincount(code, part, len(names)).astype(np.float64) for part in (low, high)]
    subject = pd.factorize(np.array([row["subject"] for row in rows], dtype=object))[0]
    return _drawn_again(*by_name, luck=float(np.hypot.reduce(np.bincount(subject, chance))), seed=seed)


def _drawn_again(low: FloatArray, high: FloatArray, *, luck: float = 0.0, seed: int) -> tuple[float, float]:
    """5 % quantile of the sum of `low` and 95 % quantile of that of `high`, the units drawn again.

    Args:
        luck: standard error of the sum besides.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(low), np.full(len(low), 1 / len(low)), DRAWS)
    totals = drawn @ np.stack([low, high]).T + luck * rng.standard_normal(DRAWS)[:, None]
    return float(np.quantile(totals[:, 0], 0.05)), float(np.quantile(totals[:, 1], 0.95))


def _verdict(low: float, high: float) -> str:
    return "proof.verdict_gain" if low > 0 else "proof.verdict_loss" if high < 0 else "proof.verdict_none"


def spans(hub: Hub, since: date | None = None, until: date | None = None) -> list[Span]:
    """Of each kind whose capability can tell, what its decisions of those days brought together.

    Days are lived again for it, so without `since` they are the last ones, at most `LIVED_AGAIN`, and the answer is
    kept until a decision, a table or a setting changes: a page is opened more often than that.
    """
    policies = {kind: policy_of(judge) for kind, judge in hub.registry.together.items()}
    content = (
        since, until, hub.ledger.version(), tuple(hub.tables.version(name) for name in hub.registry.contracts),
        tuple(wanted.load(hub.home).digest() for wanted in policies.values() if wanted),
    )  # fmt: skip
    held = _held.get(hub.home)
    if held is None or held[0] != content:
        held = _held[hub.home] = content, _lived_again(hub, since, until)
    return held[1]


def _lived_again(hub: Hub, since: date | None, until: date | None) -> list[Span]:
    days = hub.ledger.days()
    if not days:
        return []
    since = since or days[0] - LIVED_AGAIN
    found = []
    for kind, judge in hub.registry.together.items():
        wanted = policy_of(judge)
        policy = {} if wanted is None else {"policy": wanted.load(hub.home)}
        for (currency,), mine in _groups(hub.ledger.decided(kind, since, until), "currency"):
            parts = judge(hub.tables, mine, today=days[0], **policy)
            found += [span(kind, currency, parts)] if parts else []
    return found


def _report(hub: Hub, since: date | None, until: date | None) -> dict[str, list[dict[str, Any]]]:
    rows = hub.ledger.measured(since, until)
    return {
        "worth": [asdict(part) for part in worth(rows)],
        "together": [asdict(part) for part in spans(hub, since, until)],
        "adoption": [asdict(part) for part in adoption(hub.ledger.followed(since, until))],
        "changes": [asdict(part) for part in changes(rows)],
    }


def judge(
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Decisions from this day on")] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Decisions up to this day")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
) -> None:
    """What decisions brought beside what was expected, who followed them, and what people's changes added.

    Decisions are measured by `aislehub day`, once their horizon has passed.

    Example: aislehub judge --since 2017-11-01 --json
    """
    with open_hub() as hub:
        report = _report(hub, since.date() if since else None, until.date() if until else None)
    if as_json:
        print_json(report)
        return
    out = Console()
    if not report["worth"]:
        out.print(say("proof.nothing_measured"))
    for table in _told(report):
        shown = Table(*map(say, table["columns"]), title=say(table["title"]), title_justify="left")
        for cells in table["rows"]:
            shown.add_row(*cells)
        out.print(shown)


def _page(hub: Hub, query: Mapping[str, list[str]]) -> dict[str, Any]:
    report = _report(hub, None, None)
    tables = [*_told(report), *cards_table(hub)]
    return {"tables": tables} | ({} if report["worth"] else {"empty": "proof.nothing_measured"})


def _told(report: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """The parts of the report that say anything, as titled tables; titles and columns are codes."""
    tables: list[dict[str, Any]] = [
        {
            "title": "proof.worth", "columns": ["proof.kind", "proof.count", "proof.carried_out", "proof.expected",
            "proof.measured", "proof.interval", "proof.verdict"],
            "rows": [
                [word("kind", row["kind"]), f"{row['count']:,}", f"{row['carried_out']:,}", _money(row, "expected"),
                 _money(row, "measured"), _range(row), _said(row)]
                for row in report["worth"]
            ],
        },
        {
            "title": "proof.together", "columns": ["proof.kind", "proof.stores", "proof.days", "proof.per_store_day",
            "proof.measured", "proof.interval", "proof.verdict"],
            "rows": [
                [word("kind", row["kind"]), f"{row['stores']:,}", f"{row['days']:,}", _money(row, "per_store_day"),
                 _money(row, "measured"), _range(row), say(row["verdict"])]
                for row in report["together"]
            ],
        },
        {
            "title": "proof.adoption", "columns": ["proof.kind", "proof.count", "proof.followed", "proof.changed",
            "proof.rejected", "proof.unseen"],
            "rows": [
                [word("kind", row["kind"]), f"{row['count']:,}", *(f"{row[name]:.1%}" for name in
                 ("followed", "changed", "rejected", "unseen"))]
                for row in report["adoption"]
            ],
        },
        {
            "title": "proof.changes", "columns": ["proof.kind", "proof.who", "proof.why", "proof.count", "proof.added",
            "proof.interval", "proof.verdict"],
            "rows": [
                [word("kind", row["kind"]), row["who"] or "–", row["why"] or say("proof.rejected"), f"{row['count']:,}",
                 _money(row, "added"), _range(row), say(row["verdict"])]
                for row in report["changes"]
            ],
        },
    ]  # fmt: skip
    return [table for table in tables if table["rows"]]


def _money(row: Mapping[str, Any], name: str) -> str:
    return f"{row[name]:,.2f} {row['currency']}"


def _range(row: Mapping[str, Any]) -> str:
    return f"{row['low']:,.2f} … {row['high']:,.2f}"


def _said(row: Mapping[str, Any]) -> str:
    return say(row["verdict"]) + (f" ({say('proof.simulated')})" if row["simulated"] else "")


commands = (judge,)
pages = (Page("worth", "proof.title", 60, _page),)
