"""The register of experiments: which decisions are drawn by lot, every move of an experiment, every look at it.

States: planned → running → stopped | rolled_back → stopped. While one runs, the decisions of its kind that fall to the
control arm carry out their baseline. Rolled back, all of them do, until a person stops it. What an experiment measures
is its room's business: the register keeps that part of the definition unread.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Engine, func, insert, select, update

from aislehub.core.assign import arm
from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.state import experiment_looks, experiment_moves, experiments, writing

__all__ = ["ARMS", "ELSEWHERE", "STATES", "Experiments", "Trial"]

ARMS = ("control", "treatment")
ELSEWHERE = "elsewhere"
"""The kind of an experiment on what no step decides; whoever carries it out asks for the arms."""
STATES: dict[str, tuple[str, ...]] = {
    "planned": ("running", "stopped"),
    "running": ("stopped", "rolled_back"),
    "rolled_back": ("stopped",),
    "stopped": (),
}
_OPEN = ("running", "rolled_back")


@dataclass(frozen=True)
class Trial:
    """One experiment, as far as decisions need to know it.

    Attributes:
        kind: kind of the decisions that are drawn by lot, or ELSEWHERE.
        unit: what is assigned, `store` or `subject` of a decision.
        block_days: days for which a unit keeps its arm; 0 = to the end.
        share: share of the treatment.
        salt: what makes this experiment's lots its own.
        days: planned days.
        definition: what its room measures.
        start, last: first and last day whose outcomes count.
    """

    name: str
    kind: str
    unit: str
    block_days: int
    share: float
    salt: str
    days: int
    definition: dict[str, Any] = field(default_factory=dict)
    state: str = "planned"
    start: date | None = None
    last: date | None = None

    def design(self) -> dict[str, Any]:
        """All that results depend on; not the state, which results change."""
        return {**asdict(self), "state": "", "start": str(self.start), "last": ""}

    def arm_of(self, unit: str, day: date) -> str:
        """The arm of a unit on a day of the experiment."""
        if self.block_days and self.start:
            unit = f"{unit}/{self.block(day)}"
        return arm(unit, {"control": 1 - self.share, "treatment": self.share}, salt=self.salt)

    def block(self, day: date) -> int:
        """Number of the block of days that `day` is in, from 0."""
        return (day - self.start).days // self.block_days if self.block_days and self.start else 0

    def measures(self, day: date) -> bool:
        """Whether outcomes of `day` count."""
        return self.start is not None and self.last is not None and self.start <= day <= self.last

    def holds_back(self, day: date) -> bool:
        """Whether it is rolled back, so that decisions made at the close of `day` carry out their baseline."""
        return self.state == "rolled_back" and self.last is not None and day >= self.last

    def draws(self, day: date) -> bool:
        """Whether decisions made at the close of `day`, which act from the next day on, get an arm."""
        return self.holds_back(day) or self.measures(day + timedelta(days=1))

    def arm_at(self, day: date, store: str, subject: str) -> str:
        """The arm of a decision made at the close of `day`; empty = none."""
        if self.holds_back(day):
            return "control"
        unit = store if self.unit == "store" else subject
        return self.arm_of(unit, day + timedelta(days=1)) if self.draws(day) else ""


@dataclass(frozen=True)
class Experiments:
    """The experiments of one house."""

    engine: Engine
    run: str = ""

    # -- people ----------------------------------------------------------------------------------

    def plan(self, trial: Trial, *, who: str) -> Trial:
        """Write a plan down; one that was planned before under that name and has not started is replaced.

        Raises:
            HubError: `experiments.known` (has started), `experiments.share`.
        """
        if not 0 < trial.share < 1:
            raise HubError("experiments.share", share=trial.share)
        with writing(self.engine) as connection:
            known = self._rows(connection, name=trial.name)
            if known and known[0].state != "planned":
                raise HubError("experiments.known", name=trial.name, state=known[0].state)
            connection.execute(experiments.delete().where(experiments.c.name == trial.name))
            row = asdict(trial) | {"definition": json.dumps(trial.definition, ensure_ascii=False, sort_keys=True)}
            connection.execute(insert(experiments).values(row | {"state": "planned"}))
            self._note(connection, trial.name, known[0].state if known else "", "planned", None, who, "")
        return self.get(trial.name)

    def start(self, name: str, day: date, *, who: str, why: str = "", salt: str = "") -> Trial:
        """Let it run: outcomes count from `day` on, decisions are drawn by lot from the close before.

        Args:
            salt: another one than the plan's.

        Raises:
            HubError: `experiments.unknown`, `experiments.move`, `experiments.overlap` (another one draws the same kind
                of decision for the same unit on one of its days).
        """
        with writing(self.engine) as connection:
            trial = self._movable(connection, name, "running")
            last = day + timedelta(days=trial.days - 1)
            for other in self._rows(connection, kind=trial.kind):
                until = date.max if other.state == "rolled_back" else other.last
                if other.state in _OPEN and other.start <= last and until >= day:
                    raise HubError(
                        "experiments.overlap", name=name, other=other.name, kind=trial.kind, unit=trial.unit,
                        first=other.start, last=other.last,
                    )  # fmt: skip
            self._move(connection, trial, "running", day, who, why, start=day, last=last, salt=salt or trial.salt)
        return self.get(name)

    def stop(self, name: str, day: date, *, who: str, why: str = "") -> Trial:
        """End it: `day` is the last whose outcomes count. From then on decisions are what their step proposes.

        Raises:
            HubError: `experiments.unknown`, `experiments.move`, `experiments.before_start`.
        """
        with writing(self.engine) as connection:
            trial = self._movable(connection, name, "stopped")
            if trial.start and day < trial.start:
                raise HubError("experiments.before_start", name=name, day=day, start=trial.start)
            last = trial.last if trial.last is None else min(day, trial.last)
            self._move(connection, trial, "stopped", day, who, why, last=last)
        return self.get(name)

    # -- the business day ------------------------------------------------------------------------

    def record(self, day: date, rows: pa.Table) -> list[Trial]:
        """Keep the looks of a day, roll back what its step says does harm, and end what has reached its last day.

        Recording a day again changes nothing.

        Args:
            rows: columns `experiment` and `harm` (why it is to be rolled back; empty = it is not), and the result.

        Returns:
            Those that moved.
        """
        results: dict[str, list[dict[str, Any]]] = {}
        for row in rows.to_pylist():
            results.setdefault(row["experiment"], []).append(row)
        moved = []
        with writing(self.engine) as connection:
            for name, found in results.items():
                trial = self._one(connection, name)
                self._look(connection, name, day, "day", found)
                harm = next((row["harm"] for row in found if row["harm"]), "")
                if trial.state == "running" and harm:
                    self._move(connection, trial, "rolled_back", day, "day", harm, last=day)
                elif trial.state == "running" and trial.last is not None and day >= trial.last:
                    self._move(connection, trial, "stopped", day, "day", "experiments.note_end")
                else:
                    continue
                moved.append(name)
        return [self.get(name) for name in moved]

    def look(self, name: str, day: date, result: Sequence[Mapping[str, Any]], *, who: str) -> None:
        """Keep that somebody looked, and what was to be seen."""
        with writing(self.engine) as connection:
            self._look(connection, self._one(connection, name).name, day, who, result)

    # -- reading ---------------------------------------------------------------------------------

    def get(self, name: str) -> Trial:
        """One experiment.

        Raises:
            HubError: `experiments.unknown`.
        """
        with self.engine.connect() as connection:
            return self._one(connection, name)

    def all(self) -> list[Trial]:
        """Every experiment, the last begun first, then those planned."""
        with self.engine.connect() as connection:
            found = [_opened(row) for row in self._rows(connection)]
        return sorted(found, key=lambda trial: (trial.start or date.min, trial.name), reverse=True)

    def on(self, day: date) -> list[Trial]:
        """Experiments that measure `day`, or draw its decisions by lot, or hold them back since a roll-back."""
        found = (trial for trial in self.all() if trial.measures(day) or trial.draws(day))
        return sorted(found, key=lambda trial: trial.name)

    def history(self, name: str) -> list[dict[str, Any]]:
        """Every move, oldest first."""
        mine = select(experiment_moves).where(experiment_moves.c.experiment == name)
        with self.engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(mine.order_by(experiment_moves.c.number))]

    def looks(self, name: str) -> list[dict[str, Any]]:
        """Every look, oldest first, its result opened."""
        mine = select(experiment_looks).where(experiment_looks.c.experiment == name)
        with self.engine.connect() as connection:
            rows = connection.execute(mine.order_by(experiment_looks.c.day, experiment_looks.c.number))
            return [dict(row._mapping) | {"result": json.loads(row.result)} for row in rows]

    # -- inside ----------------------------------------------------------------------------------

    def _rows(self, connection: Connection, **wanted: str) -> Sequence[Any]:
        statement = select(experiments)
        for name, value in wanted.items():
            statement = statement.where(experiments.c[name] == value)
        return connection.execute(statement.order_by(experiments.c.name)).all()

    def _one(self, connection: Connection, name: str) -> Trial:
        found = self._rows(connection, name=name)
        if not found:
            known = [row.name for row in self._rows(connection)]
            raise HubError("experiments.unknown", name=name, suggestion=did_you_mean(name, known))
        return _opened(found[0])

    def _movable(self, connection: Connection, name: str, to: str) -> Trial:
        trial = self._one(connection, name)
        if to not in STATES[trial.state]:
            raise HubError("experiments.move", name=trial.name, state=trial.state, to=to)
        return trial

    def _move(
        self, connection: Connection, trial: Trial, to: str, day: date | None, who: str, why: str, **changed: Any
    ) -> None:
        mine = experiments.c.name == trial.name
        connection.execute(update(experiments).where(mine).values(state=to, **changed))
        self._note(connection, trial.name, trial.state, to, day, who, why)

    def _note(self, connection: Connection, name: str, old: str, to: str, day: date | None, who: str, why: str) -> None:
        moves = experiment_moves
        count = connection.execute(select(func.count()).where(moves.c.experiment == name)).scalar_one()
        row = {
            "experiment": name, "number": count, "state_from": old, "state_to": to, "day": day, "who": who,
            "at": datetime.now(UTC), "why": why, "run": self.run,
        }  # fmt: skip
        connection.execute(insert(moves).values(row))

    def _look(
        self, connection: Connection, name: str, day: date, who: str, result: Sequence[Mapping[str, Any]]
    ) -> None:
        looks = experiment_looks
        told = json.dumps(list(result), default=str, ensure_ascii=False, sort_keys=True)
        mine = (looks.c.experiment == name) & (looks.c.day == day) & (looks.c.who == who)
        seen = {row.result for row in connection.execute(select(looks.c.result).where(mine))}
        if told not in seen:  # the same figures seen again are no other look
            row = {
                "experiment": name, "day": day, "who": who, "at": datetime.now(UTC), "result": told, "run": self.run,
            }  # fmt: skip
            connection.execute(insert(looks).values(row))


def _opened(row: Any) -> Trial:
    return Trial(**dict(row._mapping) | {"definition": json.loads(row.definition)})
