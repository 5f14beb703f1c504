"""The scorecard of a change: how well it forecasts *and* what it earns. Only a change that passes both is proposed.

A change is one setting with today's value and a candidate, as a rule the forecasting model. Accuracy is its weekly WAPE
on the chain's own past; money is what decisions made with it earn: replayed on the sales that followed, lived in the
twin, or measured by an experiment. The verdict is a pure function of both differences and their intervals. What passes
becomes a decision of kind `model_changes`, which a person approves; nothing changes by itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from aislehub.core.contract import Column, Contract
from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.hub import Hub
from aislehub.core.judging import Measured
from aislehub.core.reasons import Reason, to_json
from aislehub.core.settings import Settings, all_settings, field
from aislehub.core.step import step
from aislehub.core.tables import Tables
from aislehub.core.text import say
from aislehub.proof.two_way import Estimate, FloatArray, two_way

__all__ = [
    "HORIZON", "METHODS", "MODEL_CHANGES", "SCORECARDS", "VERDICTS", "Change", "Compared", "Evidence", "Policy",
    "Tried", "Verdict", "card", "cards_table", "compared", "in_force", "judge_model_changes", "model_changes", "told",
    "typed", "verdict", "weekly",
]  # fmt: skip

HORIZON = 28
"""Days for which the money of a change is told."""
CARDS_SHOWN = 20
FEW_STORES = 8
"""Fewer stores than this are too few to tell chance from; then items are the units."""
METHODS = ("replay", "twin", "experiment")
VERDICTS = ("promote", "keep_accuracy", "keep_money", "keep_both")

SCORECARDS = Contract(
    "scorecards",
    "What one change of a setting was found to be worth, in accuracy and in money, with the facts up to `day`",
    (
        Column("day", "date", "Last day whose facts count"),
        Column("setting", "text", "The setting that changes, e.g. demand.model"),
        Column("today", "text", "Today's value"),
        Column("candidate", "text", "The value that is tried"),
        Column("since", "date", "First day whose sales count", required=False),
        Column("stores", "int", "Stores that count", low=0),
        Column("lines", "int", "Store-items that count", low=0),
        Column("wape_today", "float", "Weekly WAPE of today's", "fraction", required=False, low=0),
        Column("wape_candidate", "float", "Weekly WAPE of the candidate", "fraction", required=False, low=0),
        Column("wape_low", "float", "Lower end of the 90 % interval of candidate − today", "fraction", required=False),
        Column("wape_high", "float", "Its upper end", "fraction", required=False),
        Column("bias_today", "float", "Bias of today's; above 0 = forecast too high", "fraction", required=False),
        Column("bias_candidate", "float", "Bias of the candidate", "fraction", required=False),
        Column("method", "text", "How the money was found", values=METHODS),
        Column("money_today", "float", "What today's earns in 28 days", "money"),
        Column("money", "float", "What the candidate earns more in 28 days", "money"),
        Column("money_low", "float", "Lower end of its interval", "money"),
        Column("money_high", "float", "Its upper end", "money"),
        Column("verdict", "text", "What it comes to: promote it, or keep today's and why", values=VERDICTS),
        Column("disagree", "bool", "One of accuracy and money is clearly better, the other is not"),
        Column("margin", "float", "How much worse the WAPE might have been, as a share of today's", "fraction", low=0),
        Column("source", "text", "Where the facts came from; says `simulated` when any of them was", required=False),
    ),
    key="day setting today candidate method",
    known_from="day",
)  # fmt: skip

MODEL_CHANGES = Contract(
    "model_changes",
    "A change of a setting that has passed its scorecard, to be approved by a person",
    (
        Column("today", "text", "Today's value"),
        Column("candidate", "text", "The value to change to"),
        Column("method", "text", "How the money was found", values=METHODS),
    ),
    key="day store subject",
    decision=True,
)


class Policy(Settings, section="scorecard"):
    """When a change of a model is good enough to be proposed."""

    margin: float = field(0.01, "How much worse a candidate's weekly WAPE may be, as a share of today's", ge=0, le=0.5)
    weeks: int = field(8, "Weeks of the chain's own past on which a change is rehearsed; whole fours", ge=4, le=52)


@dataclass(frozen=True)
class Change:
    """One setting and its two values."""

    setting: str
    today: str
    candidate: str

    @property
    def text(self) -> str:
        return f"{self.setting}: {self.today} → {self.candidate}"


@dataclass(frozen=True)
class Tried:
    """What one side did on weeks past, (lines, weeks) each.

    Attributes:
        error: |forecast − sold|, units.
        excess: forecast − sold, units.
        money: earned by the orders made from it.
    """

    error: FloatArray
    excess: FloatArray
    money: FloatArray


@dataclass(frozen=True)
class Compared:
    """A figure of both sides, and candidate − today with its interval."""

    today: float
    candidate: float
    difference: Estimate

    def times(self, scale: float) -> Compared:
        """The same for another length of time."""
        apart = self.difference
        scaled = Estimate(scale * apart.value, scale * apart.low, scale * apart.high)
        return Compared(scale * self.today, scale * self.candidate, scaled)

    def figures(self) -> dict[str, float]:
        return {
            "today": self.today, "candidate": self.candidate, "low": self.difference.low, "high": self.difference.high,
        }  # fmt: skip


@dataclass(frozen=True)
class Evidence:
    """What has been found out of a change so far.

    Attributes:
        method: how the money was found, one of METHODS.
        since: first day whose sales count.
        stores, lines: that count.
        accuracy: weekly WAPE; None = the change forecasts nothing.
        bias: of today's forecasts and of the candidate's.
        money: of the candidate over today's, in `HORIZON` days.
        money_today: what today's earns in them.
        source: says `simulated` when any of the facts was.
    """

    method: str
    since: date | None = None
    stores: int = 0
    lines: int = 0
    accuracy: Compared | None = None
    bias: tuple[float | None, float | None] = (None, None)
    money: Estimate | None = None
    money_today: float = 0.0
    source: str = ""

    def replaced(
        self, method: str, money: Estimate, money_today: float, *, source: str, since: date | None = None
    ) -> Evidence:
        """The same with money that was found in another way."""
        told = "; ".join(dict.fromkeys(part for part in (self.source, source) if part))
        return replace(
            self, method=method, money=money, money_today=money_today, source=told, since=since or self.since
        )


@dataclass(frozen=True)
class Verdict:
    """`code` is one of VERDICTS; `disagree`: one of accuracy and money is clearly better, the other is not."""

    code: str
    disagree: bool


def in_force(hub: Hub, setting: str) -> str:
    """The value that the settings of the house give, as text.

    Raises:
        HubError: `scorecard.setting`.
    """
    section, _, name = setting.partition(".")
    sections = all_settings()
    if section not in sections or name not in sections[section].model_fields:
        known = [f"{one}.{field}" for one, kind in sections.items() for field in kind.model_fields]
        raise HubError("scorecard.setting", setting=setting, suggestion=did_you_mean(setting, known))
    return told(getattr(sections[section].load(hub.home), name))


def weekly(forecasts: Sequence[FloatArray], sold: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Errors of weekly totals by the week that was forecast, of all forecasts of it together.

    Args:
        forecasts: made a week apart, the first before the first day of `sold`; (lines, horizon) each, NaN where a line
            has none.
        sold: units a day, (lines, days), whole weeks.

    Returns:
        |forecast − sold|, forecast − sold, and sold counted once for each forecast of it; (lines, weeks) each.
    """
    real = sold.reshape(len(sold), -1, 7).sum(axis=2)
    weeks = real.shape[1]
    error, excess, weight = (np.zeros(real.shape) for _ in range(3))
    for first, forecast in enumerate(forecasts):
        ahead = min(forecast.shape[1] // 7, weeks - first)
        guess = forecast[:, : 7 * ahead].reshape(len(sold), ahead, 7).sum(axis=2)
        known = ~np.isnan(guess)
        came = real[:, first : first + ahead]
        apart = np.where(known, guess - came, 0)
        error[:, first : first + ahead] += np.abs(apart)
        excess[:, first : first + ahead] += apart
        weight[:, first : first + ahead] += np.where(known, came, 0)
    return error, excess, weight


def compared(
    lines: pd.DataFrame, today: FloatArray, candidate: FloatArray, whole: FloatArray | None = None
) -> Compared:
    """Sums of both sides, or their quotients over `whole`, and the difference with its 90 % interval.

    Args:
        lines: columns store and item, (n,).
        today, candidate, whole: (n, weeks).
    """
    by = "store" if lines["store"].nunique() >= FEW_STORES else "item"
    code, names = pd.factorize(lines[by])

    def sums(values: FloatArray) -> FloatArray:
        return np.column_stack([np.bincount(code, week, len(names)) for week in values.T])

    total = 1.0 if whole is None else max(float(whole.sum()), 1e-12)
    difference = two_way(sums(candidate - today), None if whole is None else sums(whole))
    return Compared(float(today.sum()) / total, float(candidate.sum()) / total, difference)


def verdict(accuracy: Compared | None, money: Estimate, margin: float) -> Verdict:
    """Both gates: accuracy is surely not worse by more than the margin, and money is surely above today's.

    Args:
        accuracy: WAPE, less is better; None = the change forecasts nothing, and money alone decides.
        money: of the candidate over today's.
        margin: share of today's WAPE.
    """
    accurate = accuracy is None or accuracy.difference.high <= margin * accuracy.today
    earns = money.low > 0
    code = {(True, True): "promote", (False, True): "keep_accuracy", (True, False): "keep_money"}
    better = None if accuracy is None else accuracy.difference.high < 0
    return Verdict(code.get((accurate, earns), "keep_both"), better is not None and better != earns)


def card(change: Change, evidence: Evidence, *, day: date, margin: float) -> dict[str, Any]:
    """A row of `scorecards` for evidence that has money."""
    assert evidence.money is not None
    found = verdict(evidence.accuracy, evidence.money, margin)
    names = ("today", "candidate", "low", "high")
    wape = dict.fromkeys(names) if evidence.accuracy is None else evidence.accuracy.figures()
    return {
        "day": day, **asdict(change), "since": evidence.since, "stores": evidence.stores, "lines": evidence.lines,
        **{f"wape_{name}": wape[name] for name in names},
        **dict(zip(("bias_today", "bias_candidate"), evidence.bias, strict=True)),
        "method": evidence.method, "money_today": evidence.money_today, "money": evidence.money.value,
        "money_low": evidence.money.low, "money_high": evidence.money.high, "verdict": found.code,
        "disagree": found.disagree, "margin": margin, "source": evidence.source,
    }  # fmt: skip


def typed(text: str) -> Any:
    """A setting's value from its text: what the text is as JSON, else the text itself.

    Example:
        >>> typed("boosted"), typed("0.5"), typed("true")
        ('boosted', 0.5, True)
    """
    try:
        return json.loads(text)
    except ValueError:
        return text


def told(value: Any) -> str:
    """A setting's value as text: the other way round."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@step(reads="scorecards", writes=MODEL_CHANGES)
def model_changes(scorecards: ir.Table, *, day: date) -> pd.DataFrame:
    """The change of each setting that the day's scorecards let pass; of several, that of the highest lower bound.

    What an experiment has measured replaces what was replayed or lived in the twin; otherwise all cards of a change
    must say so.
    """
    passed = _passed(scorecards.filter(scorecards.day == ibis.literal(day)).to_pandas())
    rows = []
    for setting, cards in passed.sort_values("money_low").groupby("setting"):
        best = cards.iloc[-1].to_dict()
        action = {"value": typed(best["candidate"]), "instead_of": typed(best["today"])}
        rows.append(
            {
                "store": "", "subject": setting, "today": best["today"], "candidate": best["candidate"],
                "method": best["method"], "action": json.dumps(action, ensure_ascii=False),
                "baseline": json.dumps({"name": "keep", "value": action["instead_of"]}, ensure_ascii=False),
                "money": best["money"], "money_low": best["money_low"], "money_high": best["money_high"],
                "horizon_days": HORIZON, "outlay": None, "reasons": to_json(_reasons(best)), "bound": "none",
                "source": best["source"],
            }
        )  # fmt: skip
    names = [column.name for column in MODEL_CHANGES.columns if column.name != "day"]
    return pd.DataFrame(rows, columns=names)


def judge_model_changes(
    tables: Tables, decisions: Sequence[Mapping[str, Any]], *, day: date, today: date
) -> dict[str, Measured]:
    """Measure changes by a scorecard of the same two values whose days all lie after the decision's.

    Where an experiment has measured it, that counts; else a replay on the sales since. The twin cannot say what
    happened. A decision for which another value was chosen than the two that were compared is left out.
    """
    cards = tables.fetch("scorecards", as_of=today).to_pandas()
    later = cards[pd.to_datetime(cards["since"]) > pd.Timestamp(day)] if len(cards) else cards
    found = {}
    for decision in decisions:
        before, after = told(decision["baseline"]["value"]), told(decision["action"]["value"])
        mine = later[
            (later["setting"] == decision["subject"]) & (later["today"] == before) & (later["candidate"] == after)
        ]
        ranked = mine[mine["method"] != "twin"].sort_values(["method", "day"], ascending=[True, False])
        chosen = _chosen(decision)
        if ranked.empty or chosen not in (before, after):
            continue
        best = ranked.iloc[0]
        found[decision["id"]] = Measured(
            money=float(best["money"]), low=float(best["money_low"]), high=float(best["money_high"]),
            chosen=0.0 if chosen == before else None, method=f"scorecard.measured_{best['method']}",
            facts={"since": str(best["since"]), "until": str(best["day"])},
        )  # fmt: skip
    return found


judges = {"model_changes": judge_model_changes}


def cards_table(hub: Hub) -> list[dict[str, Any]]:
    """The last cards as a titled table for a page, the latest first; nothing where there is none."""
    cards = hub.tables.fetch("scorecards").to_pandas().sort_values("day", ascending=False).head(CARDS_SHOWN)
    if cards.empty:
        return []
    rows = []
    for row in cards.to_dict("records"):
        wape = "–" if pd.isna(row["wape_today"]) else f"{row['wape_today']:.1%} → {row['wape_candidate']:.1%}"
        money = f"{row['money']:+,.2f} ({row['money_low']:,.2f} … {row['money_high']:,.2f}) {hub.settings.currency}"
        verdict = say(f"scorecard.short_{row['verdict']}")
        notes = [say("scorecard.disagree_short")] * row["disagree"]
        notes += [say("proof.simulated")] * ("simulated" in (row["source"] or ""))
        rows.append(
            [
                str(row["day"]), Change(row["setting"], row["today"], row["candidate"]).text, wape, money,
                say(f"scorecard.method_{row['method']}"), verdict + (f" ({', '.join(notes)})" if notes else ""),
            ]
        )  # fmt: skip
    columns = [f"scorecard.{name}" for name in ("day", "change", "wape", "money_column", "method_column", "verdict")]
    return [{"title": "scorecard.page", "columns": columns, "rows": rows}]


def _passed(cards: pd.DataFrame) -> pd.DataFrame:
    """One card of each change that passes: the experiment's, else the least promising one."""
    change = ["setting", "today", "candidate"]
    measured = cards.groupby(change)["method"].transform(lambda methods: (methods == "experiment").any())
    counted = cards[(cards["method"] == "experiment") | ~measured.astype(bool)]
    agreed = counted.groupby(change)["verdict"].transform(lambda verdicts: (verdicts == "promote").all())
    return counted[agreed.astype(bool)].sort_values("money_low").drop_duplicates(change)


def _chosen(decision: Mapping[str, Any]) -> str:
    """The value that was in force: today's where the change was rejected or nobody looked."""
    if decision["state"] in ("rejected", "expired"):
        return told(decision["baseline"]["value"])
    return told((decision["override"] or {}).get("action", decision["action"]).get("value"))


def _reasons(row: Mapping[str, Any]) -> list[Reason]:
    money = {"low": round(row["money_low"], 2), "high": round(row["money_high"], 2)}
    reasons = [Reason(f"scorecard.because_{row['method']}", money, row["money"])]
    if pd.notna(row["wape_today"]):
        wape = {"today": round(100 * row["wape_today"], 1), "candidate": round(100 * row["wape_candidate"], 1)}
        reasons.append(Reason("scorecard.because_accuracy", wape, row["wape_today"] - row["wape_candidate"]))
    if row["disagree"]:
        reasons.append(Reason("scorecard.because_disagree", {}, 0.0))
    return reasons
