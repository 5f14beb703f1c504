"""The plan on the terminal: decisions by money with their reasons, alerts and the readiness of the data."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from aislehub.core.day import DayReport
from aislehub.core.hub import Hub
from aislehub.core.ledger import Filter
from aislehub.core.reasons import sentence
from aislehub.core.text import has, say
from aislehub.data.quality import document

__all__ = ["action_text", "console", "money_text", "show_decisions", "show_plan", "show_steps"]

_ALERTS_SHOWN = 5
_FAULTS_SHOWN = 5


def console() -> Console:
    """Standard output; a fixed width where it is no terminal, so that files and pipes read well."""
    return Console() if sys.stdout.isatty() else Console(width=150, color_system=None)


def show_plan(hub: Hub, report: DayReport, *, top: int) -> None:
    """Tomorrow's decisions, the most money first, then alerts and the readiness of the data."""
    out = console()
    which = Filter(day=report.day)
    summary = hub.ledger.summary(which)
    out.rule(say("plan.title", day=report.day))
    for group in summary:
        out.print(say(
            "plan.summary", count=group["count"], kind=say(f"kind.{group['kind']}"),
            state=say(f"state.{group['state']}"), money=money_text(group["money"]),
            outlay=money_text(group["outlay"] or 0.0), currency=hub.settings.currency,
        ))  # fmt: skip
    if top:
        out.print()
        show_decisions(hub, hub.ledger.find(which, limit=top), total=sum(group["count"] for group in summary))
    _show_alerts(out, hub, report)
    _show_readiness(out, hub, report)


def show_decisions(hub: Hub, found: Sequence[Mapping[str, Any]], *, total: int) -> None:
    """A table of decisions: what to do, what today's rule would do, money with its interval, why."""
    out = console()
    names = _item_names(hub, [decision["subject"] for decision in found])
    headers = ("id", "state", "store", "subject", "action", "baseline", "money", "why")
    table = Table(*(say(f"plan.{header}") for header in headers), header_style="bold", box=None, pad_edge=False)
    for decision in found:
        carried_out = (decision["override"] or {}).get("action") or decision["action"]
        low, high = money_text(decision["money_low"]), money_text(decision["money_high"])
        table.add_row(
            decision["id"][:8], say(f"state.{decision['state']}"), decision["store"],
            _named(decision["subject"], names), action_text(carried_out), action_text(decision["baseline"]),
            f"{money_text(decision['money'])} [{low} … {high}]", _why(decision),
        )  # fmt: skip
    out.print(table)
    if total > len(found):
        out.print(say("plan.more", count=total - len(found)))
    if any("simulated" in decision["source"] for decision in found):
        out.print(say("plan.simulated"))


def show_steps(report: DayReport) -> None:
    """What went wrong, on standard error; a step that went well says nothing."""
    for step in report.steps:
        if step.state in ("failed", "skipped"):
            print(say(f"plan.step_{step.state}", step=step.step, why=step.why), file=sys.stderr)


def action_text(action: Mapping[str, Any]) -> str:
    """`{"quantity": 24, "name": "weeks_of_cover"}` as `24 (weeks of cover)`."""
    numbers = [
        f"{value:g}" for value in action.values() if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    words = [_word(value) for name, value in action.items() if isinstance(value, str) and name == "name"]
    return f"{' / '.join(numbers)} ({', '.join(words)})" if words and numbers else " / ".join(numbers or words)


def money_text(value: float) -> str:
    """Money for reading: cents below 1,000."""
    return f"{value:,.2f}" if abs(value) < 1000 else f"{value:,.0f}"


def _why(decision: Mapping[str, Any]) -> str:
    sentences = [sentence(reason) for reason in decision["reasons"][:2]]
    if decision["bound"] != "none":
        sentences.append(say("plan.bound", bound=_word(decision["bound"], "bound")))
    return " ".join(sentences)


def _word(name: str, group: str = "baseline") -> str:
    return say(f"{group}.{name}") if has(f"{group}.{name}") else name.replace("_", " ")


def _item_names(hub: Hub, items: Sequence[str]) -> dict[str, str]:
    if not items or "items" not in hub.registry.contracts:
        return {}
    listed = hub.tables.run(
        lambda t: (rows := t.read("items")).filter(rows.item.isin(list(set(items)))).select("item", "name")
    )
    return {row["item"]: row["name"] or "" for row in listed.to_pylist()}


def _named(subject: str, names: Mapping[str, str]) -> str:
    return f"{names[subject]} ({subject})" if names.get(subject) else subject


def _show_alerts(out: Console, hub: Hub, report: DayReport) -> None:
    rows = hub.tables.run(lambda t: (table := t.read("alerts")).filter(table.day == report.day)).to_pylist()
    rows.sort(key=lambda row: -row["money_at_risk"])
    out.rule(say("plan.alerts", count=len(rows)))
    for row in rows[:_ALERTS_SHOWN]:
        told = sentence({"code": row["cause"], "facts": json.loads(row["facts"])})
        money, owner = money_text(row["money_at_risk"]), say(f"owner.{row['owner']}")
        out.print(say("plan.alert", sentence=told, money=money, currency=hub.settings.currency, owner=owner))
    if len(rows) > _ALERTS_SHOWN:
        out.print(say("plan.more_alerts", count=len(rows) - _ALERTS_SHOWN))


def _show_readiness(out: Console, hub: Hub, report: DayReport) -> None:
    rows = hub.tables.run(lambda t: (table := t.read("readiness")).filter(table.day == report.day))
    found = document(rows)
    out.rule(say("plan.readiness", count=len(found["faults"])))
    scores = (f"{row['name']} {row['score']:.0f} ({row['verdict']})" for row in found["capabilities"])
    out.print(" · ".join(scores))
    for fault in found["faults"][:_FAULTS_SHOWN]:
        out.print(f"- {fault['what']} {fault['cost']}", markup=False)
    if len(found["faults"]) > _FAULTS_SHOWN:
        out.print(say("plan.more_faults", count=len(found["faults"]) - _FAULTS_SHOWN))
