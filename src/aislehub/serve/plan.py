"""The plan on the terminal: what forecasts it, decisions by money with reasons, alerts, readiness of the data."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rich.console import Console
from rich.table import Table

from aislehub.core.alerts import AlertFilter, Recorded
from aislehub.core.book import Filter
from aislehub.core.day import DayReport
from aislehub.core.decision import carried_out
from aislehub.core.hub import Hub
from aislehub.core.reasons import sentence
from aislehub.core.text import say
from aislehub.serve import formats
from aislehub.serve.documents import alert_document
from aislehub.serve.learned import choice_line, forecaster
from aislehub.serve.lookup import names, readiness

__all__ = ["console", "show_alerts", "show_decisions", "show_plan", "show_steps"]

_ALERTS_SHOWN = 5
_FAULTS_SHOWN = 5


def console() -> Console:
    """Standard output; a fixed width where it is no terminal, so that files and pipes read well."""
    return Console(markup=False) if sys.stdout.isatty() else Console(markup=False, width=150, color_system=None)


def show_plan(hub: Hub, report: DayReport, *, top: int) -> None:
    """What demand is forecast with, tomorrow's decisions by money, alerts and the readiness of the data."""
    out = console()
    which, currency = Filter(day=report.day), hub.settings.currency
    summary = hub.ledger.summary(which)
    out.rule(say("plan.title", day=report.day))
    _show_forecaster(out, hub, report)
    for group in summary:
        out.print(say(
            "plan.summary", count=group["count"], kind=formats.word("kind", group["kind"]),
            state=say(f"state.{group['state']}"), money=formats.money(group["money"], currency),
            outlay=formats.money(group["outlay"] or 0.0, currency),
        ))  # fmt: skip
    for kind, count in report.measured.items():
        if count:
            out.print(say("plan.measured", count=count, kind=formats.word("kind", kind)))
    if top:
        out.print()
        kinds = dict.fromkeys(group["kind"] for group in summary)
        show_decisions(hub, _leading(hub, which, list(kinds), top), total=sum(group["count"] for group in summary))
    _show_open_alerts(out, hub, report)
    _show_readiness(out, hub, report)


def show_decisions(hub: Hub, found: Sequence[Mapping[str, Any]], *, total: int) -> None:
    """A table of decisions: what to do, what today's rule would do, money with its interval, why."""
    out = console()
    items = names(hub, "items", "item") if found else {}
    headers = ("id", "state", "store", "subject", "action", "baseline", "money", "why")
    table = Table(*(say(f"plan.{header}") for header in headers), header_style="bold", box=None, pad_edge=False)
    for decision in found:
        kind, subject, currency = decision["kind"], decision["subject"], decision["currency"]
        expected = formats.money(decision["money"], currency)
        interval = formats.interval(decision["money_low"], decision["money_high"], currency)
        table.add_row(
            decision["id"][:8], say(f"state.{decision['state']}"), decision["store"],
            f"{items[subject]} ({subject})" if items.get(subject) else subject,
            formats.action(carried_out(decision), kind), formats.action(decision["baseline"], kind),
            f"{expected} [{interval}]", _why(decision),
        )  # fmt: skip
    out.print(table)
    if total > len(found):
        out.print(say("plan.more", count=total - len(found)))
    if any("simulated" in decision["source"] for decision in found):
        out.print(say("plan.simulated"))


def show_alerts(found: Sequence[Mapping[str, Any]], *, total: int) -> None:
    """A table of alerts: money at risk, what is wrong, who can mend it and since when it has been so."""
    out = console()
    headers = ("id", "at_risk", "what", "owner", "since", "state")
    table = Table(*(say(f"plan.{header}") for header in headers), header_style="bold", box=None, pad_edge=False)
    for alert in map(alert_document, found):
        table.add_row(
            alert["id"][:8], formats.money(alert["money_at_risk"], alert["currency"]), alert["sentence"],
            formats.word("owner", alert["owner"]), str(alert["first_day"]), formats.alert_state(alert),
        )  # fmt: skip
    out.print(table)
    if total > len(found):
        out.print(say("plan.rest_of_alerts", count=total - len(found)))
    if any("simulated" in alert["source"] for alert in found):
        out.print(say("plan.simulated"))


def show_steps(report: DayReport) -> None:
    """What went wrong, on standard error; a step that went well says nothing."""
    for step in report.steps:
        if step.state in ("failed", "skipped"):
            print(say(f"plan.step_{step.state}", step=step.step, why=step.why), file=sys.stderr)


def _leading(hub: Hub, which: Filter, kinds: Sequence[str], top: int) -> list[dict[str, Any]]:
    """The best decisions of each kind, as many of each, by money: a roster is worth more than any order of milk."""
    each = max(1, top // max(1, len(kinds)))
    found = [one for kind in kinds for one in hub.ledger.find(replace(which, kind=kind), limit=each)]
    return sorted(found, key=lambda one: (-one["money"], one["id"]))[:top]


def _why(decision: Mapping[str, Any]) -> str:
    sentences = [sentence(reason) for reason in decision["reasons"][:2]]
    if decision["bound"] != "none":
        sentences.append(say("plan.bound", bound=formats.word("bound", decision["bound"])))
    return " ".join(sentences)


def _show_forecaster(out: Console, hub: Hub, report: DayReport) -> None:
    model = forecaster(hub, report.day)
    if model is None:
        return
    metrics = model["metrics"]
    counts = {name: formats.number(metrics[name], 0) for name in ("series", "days")}
    told = [model["sentence"], say("accuracy.learned_from", **counts)]
    if "levels" in metrics:
        told.append(say(f"accuracy.levels_{metrics['levels']}"))
    out.print(say("plan.forecast", told=" ".join(told)))
    for choice in model["choices"]:
        out.print(f"- {choice_line(choice)}")
    out.print()


def _show_open_alerts(out: Console, hub: Hub, report: DayReport) -> None:
    which = AlertFilter(states=("open",))
    count = sum(group["count"] for group in hub.alerts.summary(which))
    out.rule(say("plan.alerts", count=count))
    if report.alerts != Recorded():
        out.print(say("plan.alerts_moved", **vars(report.alerts)))
    for alert in map(alert_document, hub.alerts.find(which, limit=_ALERTS_SHOWN)):
        money = formats.money(alert["money_at_risk"], alert["currency"])
        owner = formats.word("owner", alert["owner"])
        out.print(say("plan.alert", id=alert["id"][:8], sentence=alert["sentence"], money=money, owner=owner))
    if count > _ALERTS_SHOWN:
        out.print(say("plan.more_alerts", count=count - _ALERTS_SHOWN))


def _show_readiness(out: Console, hub: Hub, report: DayReport) -> None:
    found = readiness(hub, report.day)
    out.rule(say("plan.readiness", count=len(found["faults"])))
    scores = (f"{row['name']} {row['score']:.0f} ({row['verdict']})" for row in found["capabilities"])
    out.print(" · ".join(scores))
    for fault in found["faults"][:_FAULTS_SHOWN]:
        out.print(f"- {fault['what']} {fault['cost']}")
    if len(found["faults"]) > _FAULTS_SHOWN:
        out.print(say("plan.more_faults", count=len(found["faults"]) - _FAULTS_SHOWN))
