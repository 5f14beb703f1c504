"""`aislehub day DATE`: run one business day and show the plan."""

from __future__ import annotations

import sys
from datetime import date, datetime
from typing import Annotated

import typer

from aislehub.core.alerts import AlertFilter
from aislehub.core.book import Filter
from aislehub.core.day import DayReport
from aislehub.core.errors import HubError
from aislehub.core.hub import Hub, open_hub
from aislehub.core.output import print_json
from aislehub.core.text import say
from aislehub.data.loading import ingest_inbox
from aislehub.serve.commands.alerts import tell_webhook
from aislehub.serve.documents import alert_document, decision_document
from aislehub.serve.learned import learned_models
from aislehub.serve.plan import show_plan, show_steps

__all__ = ["commands", "day", "run"]


def day(
    date_: Annotated[datetime, typer.Argument(metavar="DATE", formats=["%Y-%m-%d"], help="Business day, YYYY-MM-DD")],
    learn: Annotated[bool, typer.Option("--learn", help="Learn the models anew even if they are young")] = False,
    top: Annotated[int, typer.Option(help="How many decisions to show", min=0)] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
) -> None:
    """Run one business day at its close: forecasts, tomorrow's decisions, alerts. Running it again changes nothing.

    Example: aislehub day 2017-12-03
    """
    with open_hub() as hub:
        report = run(hub, date_.date(), learn=learn)
        if as_json:
            print_json(_document(hub, report))
        else:
            show_plan(hub, report, top=top)
    if report.failed:
        raise typer.Exit(1)


def run(hub: Hub, day: date, *, learn: bool = False) -> DayReport:
    """Take in the events that wait, run the day, with progress on a terminal's standard error, and tell the webhook.

    Raises:
        HubError: `day.no_data` when nothing was sold up to that day.
    """
    sales = hub.tables.read("sales_lines")
    span = hub.tables.run(lambda _: sales.aggregate(first=sales.day.min(), last=sales.day.max())).to_pylist()[0]
    if span["first"] is None or not span["first"] <= day:
        raise HubError("day.no_data", day=day, first=span["first"] or "—", last=span["last"] or "—")
    ingest_inbox(hub)
    interactive = sys.stderr.isatty()

    def progress(step: str) -> None:
        if interactive:
            print(f"\r\033[K{say('cli.step', step=step)}", end="", file=sys.stderr, flush=True)

    report = hub.run_day(day, learn_now=learn, progress=progress)
    if interactive:
        print("\r\033[K", end="", file=sys.stderr)
    show_steps(report)
    tell_webhook(hub)
    return report


def _document(hub: Hub, report: DayReport) -> dict[str, object]:
    return {
        "day": report.day,
        "steps": [vars(step) for step in report.steps],
        "models": learned_models(hub, report.day),
        "summary": hub.ledger.summary(Filter(day=report.day)),
        "alerts": [alert_document(alert) for alert in hub.alerts.find(AlertFilter(states=("open",)))],
        "decisions": [decision_document(decision) for decision in hub.ledger.find(Filter(day=report.day))],
    }


commands = (day,)
