"""`aislehub uplift`: from the result of a trial, whose behaviour the offer changes, and whom to send it to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.output import check_target, print_json, read_table, write_table
from aislehub.core.text import say
from aislehub.customer.uplift.learners import DEFAULT, LEARNERS, cross_fitted
from aislehub.customer.uplift.qini import Estimate, qini
from aislehub.customer.uplift.randomised import Balance, needs_lots
from aislehub.customer.uplift.trial import FloatArray, Trial, trial_of
from aislehub.customer.uplift.value import policy_value, scores, within_budget

__all__ = ["Answer", "commands", "study", "uplift"]


@dataclass(frozen=True)
class Answer:
    """What a trial tells.

    Attributes:
        balance: that the arms were drawn by lot.
        effect: mean effect of the treatment on one unit.
        qini: how well the uplift ranks, in the outcome's unit, per unit of the population.
        uplift: expected effect on each unit of the trial by models that have not seen it, (n,).
        send: whom to treat, (n,).
        rules: rule → share of the units it treats, and what that brings over treating nobody, net of cost, per unit.
    """

    balance: Balance
    effect: Estimate
    qini: Estimate
    uplift: FloatArray
    send: NDArray[np.bool_]
    rules: dict[str, tuple[float, Estimate]]


def study(
    trial: Trial, *, learner: str = DEFAULT, worth: float = 1.0, cost: float = 0.0, budget: float | None = None,
    seed: int = 0,
) -> Answer:  # fmt: skip
    """What a trial tells of whom to treat.

    Args:
        worth: money that one unit of the outcome is worth; cost and budget are in money.
        cost: of treating one unit.
        budget: for as many units as the trial has; None = no limit.

    Raises:
        HubError: `uplift.not_random`, `uplift.learner`.
    """
    if learner not in LEARNERS:
        raise HubError("uplift.learner", learner=learner, suggestion=did_you_mean(learner, LEARNERS))
    found = needs_lots(trial, seed=seed)
    outcomes = worth * cross_fitted(learner, trial, seed=seed)
    gain = outcomes[:, 1] - outcomes[:, 0]
    paid = Trial(trial.features, trial.names, trial.treated, worth * trial.outcome, trial.rows)
    scored = scores(paid, outcomes)
    send = within_budget(gain, cost, budget)
    everyone = np.ones(len(gain), dtype=bool)
    chosen = {"nobody": ~everyone, "all": everyone, "random": np.full(len(gain), send.mean()), "uplift": send}
    return Answer(
        found, policy_value(everyone, scored), qini(gain, paid.treated, paid.outcome, seed=seed), gain, send,
        {name: (float(np.mean(who)), policy_value(who, scored, cost)) for name, who in chosen.items()},
    )  # fmt: skip


def uplift(
    file: Annotated[Path, typer.Argument(help="Result of a trial, a row a member, .csv or .parquet")],
    treatment: Annotated[str, typer.Option(help="Column that says who was treated, drawn by lot")],
    outcome: Annotated[str, typer.Option(help="Column of what came of it: spend, or 1 and 0")],
    features: Annotated[
        list[str] | None, typer.Option(help="A column known before the treatment; repeat it. Default: all others")
    ] = None,
    treated: Annotated[str, typer.Option(help="Value of the treated, where there are several arms")] = "",
    control: Annotated[str, typer.Option(help="Value of the untreated, where there are several arms")] = "",
    worth: Annotated[float, typer.Option(help="Money that one unit of the outcome is worth", min=0)] = 1.0,
    cost: Annotated[float, typer.Option(help="Money that treating one member costs", min=0)] = 0.0,
    budget: Annotated[
        float | None, typer.Option(help="Money there is for as many members as the file's trial has", min=0)
    ] = None,
    learner: Annotated[str, typer.Option(help=f"Model: {', '.join(LEARNERS)}")] = DEFAULT,
    seed: Annotated[int, typer.Option(help="Seed of folds and bootstrap", min=0)] = 0,
    out: Annotated[Path | None, typer.Option(help="Write the trial's rows with `uplift` and `send`")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
) -> None:
    """Whose behaviour an offer changes: uplift, its Qini, and what sending within a budget is worth.

    Data that were not drawn by lot are refused: from them nobody can tell what the offer changed. Features have to be
    from before the treatment.

    Example: aislehub uplift trial.csv --treatment segment --treated mail --control none --outcome spend --cost 0.1
    """
    if budget is not None and not cost:
        raise typer.BadParameter(say("uplift.budget_needs_cost"))
    if out:
        check_target(out)
    frame = read_table(file)
    trial = trial_of(frame, treatment, outcome, tuple(features or ()), treated=treated, control=control)
    answer = study(trial, learner=learner, worth=worth, cost=cost, budget=budget, seed=seed)
    if out:
        kept = frame.iloc[trial.rows].assign(uplift=answer.uplift, send=answer.send)
        write_table(kept, out)
    if as_json:
        print_json(_document(trial, answer, learner) | {"rows_left_out": len(frame) - len(trial.rows)})
    else:
        _show(trial, answer, len(frame) - len(trial.rows))


def _document(trial: Trial, answer: Answer, learner: str) -> dict[str, Any]:
    rules = {name: {"share": share, **_numbers(value)} for name, (share, value) in answer.rules.items()}
    return {
        "units": len(trial.treated), "treated": int(trial.treated.sum()), "learner": learner,
        "features": list(dict.fromkeys(trial.names)), "left_out": trial.left_out, "balance": vars(answer.balance),
        "effect": _numbers(answer.effect), "qini": _numbers(answer.qini), "send": int(answer.send.sum()),
        "rules": rules,
    }  # fmt: skip


def _numbers(found: Estimate) -> dict[str, float]:
    return {"value": found.value, "low": found.low, "high": found.high}


def _show(trial: Trial, answer: Answer, left_out: int) -> None:
    treated = int(trial.treated.sum())
    out = Console(highlight=False, soft_wrap=True)
    out.print(say("uplift.trial", units=len(trial.treated), treated=treated, control=len(trial.treated) - treated))
    if left_out:
        out.print(say("uplift.rows_left_out", count=left_out))
    out.print(say("uplift.used", columns=", ".join(dict.fromkeys(trial.names))))
    if trial.left_out:
        out.print(say("uplift.left_out", columns=", ".join(trial.left_out)))
    for name in ("effect", "qini"):
        found: Estimate = getattr(answer, name)
        out.print(say(f"uplift.{name}", value=f"{1000 * found.value:,.2f}", interval=_interval(found)))
    table = Table(*(say(f"uplift.{name}") for name in ("rule", "share", "brings", "interval")))
    for rule, (share, value) in answer.rules.items():
        brings = f"{1000 * value.value:,.2f}"
        table.add_row(say(f"uplift.rule_{rule}"), f"{100 * share:.1f} %", brings, _interval(value))
    out.print(table)
    if answer.qini.low <= 0:
        out.print(say("uplift.no_rank"))


def _interval(found: Estimate) -> str:
    return f"{1000 * found.low:,.2f} … {1000 * found.high:,.2f}"


commands = (uplift,)
