"""`aislehub segment`: who is in a segment, how many, and the list to work with, a drawn part held back."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer
from ibis import _
from rich.console import Console
from rich.table import Table

from aislehub.core.assign import arm
from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.hub import Hub, open_hub
from aislehub.core.output import print_json, who, write_table
from aislehub.core.reads import note_read
from aislehub.core.tables import end_of_day
from aislehub.core.text import has, say, word
from aislehub.customer.rules import CLUSTER, WITH_CLUSTER, Limits, Rule, conditions, matches, parse, scores
from aislehub.customer.segment_figures import figures_of
from aislehub.customer.segments import FEWEST, Policy, limits_of, rules_of
from aislehub.law.consent import may_use

__all__ = ["Built", "build", "commands", "members_on", "segment", "segment_name", "with_arms"]


class Built:
    """A segment as a rule finds it on a day.

    Attributes:
        members: profiles of all in it, with `score`.
        listed: which of them may be named, bool (n,).
        everyone: profiles of all members.
    """

    def __init__(self, members: pd.DataFrame, listed: Any, everyone: pd.DataFrame, limits: Limits) -> None:
        self.members, self.listed, self.everyone, self.limits = members, listed, everyone, limits

    def figures(self) -> dict[str, Any]:
        """Size and means; empty below five members."""
        return figures_of(self.members, self.everyone)


def segment(
    name: Annotated[
        str, typer.Argument(help="A built-in segment or one of `segments.own`; left out = all of them")
    ] = "",
    where: Annotated[str, typer.Option(help="A rule instead of a name, over the columns of the profile")] = "",
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Close of which day; the last profile if left out")
    ] = None,
    holdout: Annotated[float, typer.Option(help="Share of them held back, drawn by lot", min=0, max=0.9)] = 0.0,
    salt: Annotated[str, typer.Option(help="What the lot is drawn for; the name or rule if left out")] = "",
    out: Annotated[Path | None, typer.Option(help="Write the list to .parquet, .csv, .json or .xlsx")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
) -> None:
    """How large a segment is and what it is worth; with --out, its members, without those who objected.

    Example: aislehub segment --where "discount_share is high and recency_days < 60" --holdout 0.1 --out seekers.csv
    """
    with open_hub() as hub:
        policy, notes = Policy.load(hub.home), []
        when, everyone = members_on(hub, day.date() if day else None)
        if where and name:
            raise HubError("segment.both", name=name)
        if not where and not name:
            if out:
                raise HubError("segment.neither")
            documents = [
                _document(build(hub, rule, when, everyone, policy), one) for one, rule in rules_of(policy).items()
            ]
        else:
            rule = parse(where, WITH_CLUSTER) if where else rule_of(name, policy)
            found = build(hub, rule, when, everyone, policy)
            notes = _limits(rule, found.limits)
            listed = with_arms(found, holdout, salt or name or where)
            held = int((listed["arm"] == "holdout").sum())
            documents = [_document(found, name or where) | {"listed": len(listed), "holdout": held}]
        if out:
            write_table(listed, out)
            note_read(hub.state, who(), f"segment {name or where} --out {out.name}")
    if as_json:
        print_json({"day": when, "segments": documents})
    else:
        _print(documents, when)
        for note in notes:
            print(note)
        if out:
            print(say("segment.written", count=len(listed), holdout=held, file=out))


def members_on(hub: Hub, day: date | None) -> tuple[date, pd.DataFrame]:
    """Profiles of a day, of the last one without it.

    Raises:
        HubError: `segment.no_profiles`.
    """
    table = hub.tables.read("customer_profiles")
    when = day or hub.tables.run(lambda tables: table.aggregate(day=_.day.max())).to_pylist()[0]["day"]
    rows = hub.tables.run(lambda tables: table.filter(_.day == when)).to_pandas() if when else pd.DataFrame()
    if rows.empty:
        raise HubError("segment.no_profiles", day=when or "–")
    return when, rows.sort_values("customer", ignore_index=True)


def rule_of(name: str, policy: Policy) -> Rule:
    """The rule of a named segment.

    Raises:
        HubError: `segment.unknown`.
    """
    rules = rules_of(policy)
    if name not in rules:
        raise HubError("segment.unknown", name=name, suggestion=did_you_mean(name, rules))
    return rules[name]


def build(hub: Hub, rule: Rule, day: date, everyone: pd.DataFrame, policy: Policy) -> Built:
    """The members whom a rule holds for.

    Raises:
        HubError: `segment.no_clusters` where it asks for a cluster and the clustering of the day is not stable.
    """
    if any(one.column == CLUSTER.name for one in conditions(rule)):
        everyone = _with_clusters(hub, day, everyone)
    said = hub.tables.fetch("consents", as_of=day, columns=["customer", "purpose", "granted", "at"]).to_pandas()
    moment = end_of_day(day, hub.tables.timezone)
    limits = limits_of(everyone[may_use(everyone["customer"].tolist(), "analysis", said, moment)], policy)
    members = everyone.assign(score=scores(rule, everyone, limits))[matches(rule, everyone, limits)]
    return Built(members, may_use(members["customer"].tolist(), "personalisation", said, moment), everyone, limits)


def with_arms(found: Built, holdout: float, salt: str) -> pd.DataFrame:
    """Those who may be named, each `send` or `holdout`: the same arm again for the same salt."""
    listed = found.members[found.listed].reset_index(drop=True)
    shares = {"holdout": holdout, "send": 1 - holdout}
    arms = [arm(customer, shares, salt=f"segment:{salt}") for customer in listed["customer"]]
    listed.insert(listed.columns.get_loc("customer") + 1, "arm", arms)
    return listed


def segment_name(name: str) -> str:
    """A built-in segment in the reader's language; one's own as it is called."""
    return say(f"segment.name_{name}") if has(f"segment.name_{name}") else name


def _with_clusters(hub: Hub, day: date, everyone: pd.DataFrame) -> pd.DataFrame:
    """Profiles with the cluster of each member who is listed in one."""
    listed = hub.tables.read("customer_clusters").filter(_.day == day).select("customer", "cluster")
    clusters = hub.tables.run(lambda _tables: listed).to_pandas().set_index("customer")["cluster"]
    if clusters.empty:
        raise HubError("segment.no_clusters", day=day)
    return everyone.assign(cluster=clusters.reindex(everyone["customer"]).to_numpy())


def _document(found: Built, name: str) -> dict[str, Any]:
    figures = {key: value for key, value in found.figures().items() if key != "source"}
    return {"segment": name, **(figures or {"members": None, "fewer_than": FEWEST})}


def _limits(rule: Rule, limits: Limits) -> list[str]:
    """Where high begins and low ends in this house, a sentence each."""
    found = []
    for one in dict.fromkeys(conditions(rule)):
        if one.sign == "is" and one.value in ("high", "low"):
            facts = {"column": word("profile", one.column), "value": f"{limits.at(one.column, one.value):.4g}"}
            found.append(say(f"segment.limit_{one.value}", **facts))
    return found


def _print(documents: list[dict[str, Any]], day: date) -> None:
    table = Table(title=say("segment.title", day=day))
    columns = {"members": ",.0f", "spend_share": ".1%", "spend_90": ",.0f", "visits_90": ".1f", "discount_share": ".1%",
               "churn_probability": ".1%"}  # fmt: skip
    table.add_column(say("segment.column_segment"))
    for name in columns:
        table.add_column(say(f"segment.column_{name}"), justify="right")
    for row in documents:
        known = row["members"] is not None
        cells = ["–" if row.get(name) is None else format(row[name], style) for name, style in columns.items()]
        table.add_row(segment_name(row["segment"]), *(cells if known else [f"< {FEWEST}", *[""] * (len(columns) - 1)]))
    Console().print(table)


commands = (segment,)
