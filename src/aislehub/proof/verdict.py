"""Verdict: what one experiment says at the close of a day, metric by metric, and whether it does harm."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import Any

import ibis.expr.types as ir

from aislehub.core.experiments import ARMS, Trial
from aislehub.proof.design import Design, active_units, arms_of, moments_of_arms, unit_parts
from aislehub.proof.effect import Effect, compare, sample_ratio
from aislehub.proof.metrics import Metric
from aislehub.proof.moments import PARTS, Moments
from aislehub.proof.multiple import holm
from aislehub.proof.outliers import without_outliers
from aislehub.proof.sequence import always_interval, always_p

__all__ = ["VERDICTS", "read_trial"]

VERDICTS = ("too_few", "withheld", "running", "none_yet", "none", "better", "worse", "harm", "guard_kept", "guard_open")
Row = dict[str, Any]
_FIGURES = (
    "control", "treatment", "estimate", "relative", "low", "high", "fixed_low", "fixed_high", "p_value", "p_fixed",
    "variance_kept",
)  # fmt: skip


def read_trial(trial: Trial, daily: ir.Table, day: date, assigned: Mapping[str, str], *, srm_limit: float) -> list[Row]:
    """One row a metric: levels, effect, intervals, p-values, the split's p-value and the verdict.

    A single-look interval is given from the planned end on only: looked at day by day it would call three experiments
    in ten without any effect a success. A split that chance does not explain withholds everything.

    Args:
        daily: `daily_figures` of its metrics, from `pre_days` before its start to `day`.
        assigned: unit → arm, where another system has drawn the lots.
        srm_limit: p-value of the split below which results are withheld.
    """
    design = Design.of(trial.definition)
    assert trial.start is not None and trial.last is not None
    units = active_units(daily, trial.start, design.pre_days)
    arms = arms_of(trial, units, day, assigned)
    counts = arms["arm"].value_counts()
    sizes = int(counts.get("control", 0)), int(counts.get("treatment", 0))
    split = sample_ratio(*sizes, trial.share)
    is_over = day >= trial.last
    common = {
        "experiment": trial.name, "unit": design.unit, "method": design.method, "n_control": sizes[0],
        "n_treatment": sizes[1], "srm_p": split, "days": (day - trial.start).days + 1, "harm": "",
    }  # fmt: skip
    rows: list[Row] = []
    effects: dict[str, Effect] = {}
    for name, metric in design.metrics.items():
        row: Row = {**common, "metric": name, "role": _role(name, design), "p_holm": None, "cut": None}
        effect = None
        if split >= srm_limit and min(sizes) >= 2:
            parts = unit_parts(
                daily, arms, metric, trial.start, day, design.pre_days, block_days=trial.block_days,
                washout_days=design.washout_days,
            )  # fmt: skip
            effect, row["cut"] = _effect(parts, design.outlier)
        if effect is None:
            verdict = "withheld" if split < srm_limit else "too_few"
            rows.append(row | dict.fromkeys(_FIGURES) | {"verdict": verdict})
            continue
        effects[name] = effect
        rows.append(row | _figures(effect, design.planned[name], design.alpha, is_over))
    judged = [row for row in rows if row["metric"] in effects and row["role"] != "guard"]
    for row, adjusted in zip(judged, holm([_p(row, design, is_over) for row in judged]), strict=True):
        row["p_holm"] = adjusted
        row["verdict"] = _verdict(row, design.metrics[row["metric"]], design, is_over)
    for row in rows:
        if row["metric"] in effects:
            _judge_harm(row, effects[row["metric"]], design)
    return rows


def _role(name: str, design: Design) -> str:
    return "primary" if name == design.metric else "other" if name in design.also else "guard"


def _effect(parts: ir.Table, outlier: float) -> tuple[Effect | None, int]:
    """The comparison, or None where so few blocks or sales are there that nothing can be compared yet; outliers cut."""
    cut = 0
    try:
        if outlier:
            rows = parts.order_by("unit").to_pandas()
            units, cut = without_outliers(rows[list(PARTS)].to_numpy(dtype=float), rows["arm"], outlier)
            control, treatment = (Moments.of(units[rows["arm"] == arm]) for arm in ARMS)
        else:
            control, treatment = moments_of_arms(parts)
        effect = compare(control, treatment)
    except ValueError:
        return None, cut
    return (effect if math.isfinite(effect.difference) and effect.se > 0 else None), cut


def _figures(effect: Effect, planned_se: float, alpha: float, is_over: bool) -> Row:
    low, high = always_interval(effect, planned_se, alpha)
    fixed = effect.interval(alpha) if is_over else (None, None)
    found = (
        effect.control, effect.treatment, effect.difference,
        effect.relative if math.isfinite(effect.relative) else None, low, high, *fixed,
        always_p(effect, planned_se, alpha), effect.p_value() if is_over else None, effect.kept,
    )  # fmt: skip
    return dict(zip(_FIGURES, found, strict=True))


def _p(row: Row, design: Design, is_over: bool) -> float:
    """The p-value that counts: the single look's for a fixed design at its end, else the always-valid one."""
    return float(row["p_fixed"] if design.method == "fixed" and is_over else row["p_value"])


def _verdict(row: Row, metric: Metric, design: Design, is_over: bool) -> str:
    if design.method == "fixed" and not is_over:
        return "running"
    if row["p_holm"] < design.alpha:
        return "better" if row["estimate"] * metric.better > 0 else "worse"
    return "none" if is_over else "none_yet"


def _judge_harm(row: Row, effect: Effect, design: Design) -> None:
    """Roll back when even the lower bound of the loss is above what is allowed; say of guards whether they hold."""
    name = row["metric"]
    if row["role"] == "other" and name not in design.guards:
        return
    metric = design.metrics[name]
    loss = design.guards.get(name, design.harm)
    beyond = effect.beyond(loss * metric.better * math.copysign(1.0, effect.control))
    low, high = always_interval(beyond, design.planned[name], design.alpha)
    worst, best = (low, high) if metric.better > 0 else (-high, -low)
    if best < 0:
        row["verdict"], row["harm"] = "harm", "experiment.note_harm"
    elif row["role"] == "guard":
        row["verdict"] = "guard_kept" if worst >= 0 else "guard_open"
