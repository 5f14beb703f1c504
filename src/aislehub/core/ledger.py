"""The ledger: every decision with its reason, its expected money and, later, its measured money.

Each move of a decision is a row with who, when and why; nothing is overwritten, undoing is a move too, and undoing what
was already sent writes a compensating decision.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
from sqlalchemy import ColumnElement, Connection, and_, func, insert, literal, select, update

from aislehub.core.book import Book, Filter
from aislehub.core.decision import ID_DIGITS, MOVES, carried_out, decision_id, overridden
from aislehub.core.errors import HubError
from aislehub.core.experiments import Trial
from aislehub.core.guards import Vet
from aislehub.core.reasons import Reason, to_json
from aislehub.core.state import decisions, insert_rows, moves, writing

__all__ = ["Ledger", "Proposed"]

_CONTENT = (
    "action", "baseline", "money", "money_low", "money_high", "currency", "horizon_days", "outlay", "reasons",
    "bound", "model", "policy", "source", "arm",
)  # fmt: skip
_PORTION = 900  # ids in one statement: databases limit its parameters


@dataclass(frozen=True)
class Proposed:
    """What `propose` did with the rows of one kind and day."""

    new: int
    changed: int
    same: int
    kept: int  # no longer proposed: a person or a rule has moved them already
    superseded: int  # proposed before, not any more


@dataclass(frozen=True)
class Ledger(Book):
    """The decisions of one house, to be made and moved.

    Attributes:
        run: of the machine, noted at each move.
        guards: kind → what is asked before a decision of it is approved or overridden.
    """

    run: str = ""
    guards: Mapping[str, Vet] = field(default_factory=dict)

    # -- proposing -------------------------------------------------------------------------------

    def propose(
        self, kind: str, day: date, rows: pa.Table, *, currency: str, model: str = "", policy: str = "",
        versions: Mapping[str, int] | None = None, trial: Trial | None = None, once: bool = False,
    ) -> Proposed:  # fmt: skip
        """Copy the decision rows of one kind and day; only rows still `proposed` are replaced.

        Args:
            rows: the decision columns of `contract.DECISION_COLUMNS`, one row per store and subject.
            trial: the experiment on this kind of decision, which gives each row its arm.
            once: leave out what a decision of an earlier day, approved and not carried out yet, is about.
        """
        common = {
            "kind": kind, "day": day, "currency": currency, "model": model, "policy": policy,
            "versions": json.dumps(dict(versions or {}), sort_keys=True), "state": "proposed",
        }  # fmt: skip
        incoming = {}
        waiting = self._waiting(kind, day) if once else set()
        for row in rows.to_pylist():
            store = row["store"] or ""
            if (store, row["subject"]) in waiting:
                continue
            id = decision_id(kind, day, store, row["subject"])
            if id in incoming:
                raise HubError("ledger.twice", kind=kind, day=day, store=store or "—", subject=row["subject"])
            given = {name: row.get(name) for name in _CONTENT if name not in common}
            given |= {"reasons": given["reasons"] or "[]", "source": given["source"] or "", "arm": ""}
            drawn = _drawn(given, trial, day, store, row["subject"])
            if drawn is not None:
                incoming[id] = common | drawn | {"id": id, "store": store, "subject": row["subject"]}
        with writing(self.engine) as connection:
            return self._propose(connection, kind, day, incoming)

    def _waiting(self, kind: str, day: date) -> set[tuple[str, str]]:
        """Store and subject of decisions of earlier days that are approved and wait to be carried out."""
        where = and_(decisions.c.kind == kind, decisions.c.day < day, decisions.c.state.in_(("approved", "overridden")))
        return {
            (row.store, row.subject) for row in self._all(select(decisions.c.store, decisions.c.subject).where(where))
        }

    def _propose(self, connection: Connection, kind: str, day: date, incoming: dict[str, dict[str, Any]]) -> Proposed:
        here = and_(decisions.c.kind == kind, decisions.c.day == day, decisions.c.compensates.is_(None))
        content = [decisions.c[name] for name in _CONTENT]
        old = {
            row.id: row for row in connection.execute(select(decisions.c.id, decisions.c.state, *content).where(here))
        }
        new = [row for id, row in incoming.items() if id not in old]
        open_again = {id for id, row in old.items() if row.state in ("proposed", "superseded")}
        changed = [
            row for id, row in incoming.items()
            if id in open_again and (old[id].state == "superseded" or tuple(old[id][2:]) != _content(row))
        ]  # fmt: skip
        gone = [id for id, row in old.items() if row.state == "proposed" and id not in incoming]
        insert_rows(connection, decisions, new)
        self._note(connection, [row["id"] for row in new], "", "proposed", "day", "")
        for state in ("proposed", "superseded"):
            ids = [row["id"] for row in changed if old[row["id"]].state == state]
            self._note(connection, ids, state, "proposed", "day", "ledger.note_recalculated")
        if changed:  # a new version of the row, with the versions it was made from
            ids = [row["id"] for row in changed]
            for start in range(0, len(ids), _PORTION):
                connection.execute(decisions.delete().where(decisions.c.id.in_(ids[start : start + _PORTION])))
            insert_rows(connection, decisions, changed)
        self._move(connection, gone, "proposed", "superseded", "day", "ledger.note_gone")
        kept = sum(1 for id in incoming if id in old and id not in open_again)
        same = len(incoming) - len(new) - len(changed) - kept
        return Proposed(len(new), len(changed), same, kept, len(gone))

    # -- moving ----------------------------------------------------------------------------------

    def approve(
        self, which: Filter, *, who: str, why: str = "", expected: int | None = None,
        refused: Callable[[Mapping[str, Any], HubError], None] | None = None,
    ) -> int:  # fmt: skip
        """Approve what `which` selects; returns how many. Of named ids a guard's refusal stops all of them.

        Args:
            expected: as many as the person was shown; of another number none is approved.
            refused: told each decision that a guard refused, and why, where `which` names no ids; it stays as it is.

        Raises:
            HubError: `ledger.move`, `ledger.unknown`, `ledger.changed`, and what guards raise.
        """
        kept = []
        for decision in self._guarded(which):
            why_not = self.objection(decision)
            if why_not is not None and which.ids is not None:
                raise why_not
            if why_not is not None:
                kept.append(decision["id"])
                if refused is not None:
                    refused(decision, why_not)
        left = None if expected is None else expected - len(kept)
        return self._move_all(replace(which, without=(*which.without, *kept)), "approved", who, why, left)

    def objection(self, decision: Mapping[str, Any], action: Mapping[str, Any] | None = None) -> HubError | None:
        """What the guard of its kind has against an action, by default the proposed one; None = nothing."""
        guard = self.guards.get(decision["kind"])
        if guard is None:
            return None
        try:
            guard(decision, decision["action"] if action is None else action, self.find)
        except HubError as error:
            return error
        return None

    def _guarded(self, which: Filter) -> list[dict[str, Any]]:
        """The decisions that `which` selects, that can be approved, and whose kind has a guard."""
        if which.ids is not None:
            which = replace(which, ids=tuple(id if len(id) == ID_DIGITS else self._full(id) for id in which.ids))
        able = tuple(state for state, targets in MOVES.items() if "approved" in targets)
        states = tuple(state for state in able if state in which.states) if which.states else able
        kinds = [kind for kind in self.guards if which.kind in (None, kind)] if states else []
        return [one for kind in kinds for one in self.find(replace(which, kind=kind, states=states))]

    def reject(self, which: Filter, *, who: str, why: str = "") -> int:
        return self._move_all(which, "rejected", who, why)

    def override(self, id: str, to: float | Mapping[str, Any], *, who: str, why: str) -> dict[str, Any]:
        """Approve another action than the proposed one: a number for its main field, or the whole action.

        Raises:
            HubError: `ledger.why`, `ledger.action`, `ledger.action_field`, `ledger.move`, `ledger.unknown`, and what
                the guard of its kind raises.
        """
        if not why.strip():
            raise HubError("ledger.why")
        with writing(self.engine) as connection:
            decision = self.get(id, connection)
            action = overridden(decision, to)
            why_not = self.objection(decision, action)
            if why_not is not None:
                raise why_not
            if not self._move(connection, [decision["id"]], decision["state"], "overridden", who, why):
                raise self._refused(decision, "overridden")
            note = json.dumps({"action": action, "why": why, "who": who}, ensure_ascii=False)
            connection.execute(update(decisions).where(decisions.c.id == decision["id"]).values(override=note))
            return self.get(decision["id"], connection)

    def undo(self, id: str, *, who: str, why: str = "") -> dict[str, Any]:
        """Take the last human move back; what was sent already gets a compensating, approved decision.

        Returns the decision that is open now: the same one, or the compensating one.
        """
        note = why or "ledger.note_undone"
        with writing(self.engine) as connection:
            decision = self.get(id, connection)
            if decision["state"] in ("approved", "rejected", "overridden"):
                if not self._move(connection, [decision["id"]], decision["state"], "proposed", who, note):
                    raise self._refused(decision, "proposed")
                connection.execute(update(decisions).where(decisions.c.id == decision["id"]).values(override=None))
                return self.get(decision["id"], connection)
            if not self._move(connection, [decision["id"]], decision["state"], "reversed", who, note):
                raise self._refused(decision, "reversed")
            return self._compensate(connection, decision, who, why)

    def _compensate(self, connection: Connection, decision: dict[str, Any], who: str, why: str) -> dict[str, Any]:
        action = carried_out(decision)
        id = decision_id(decision["kind"], decision["day"], decision["store"], "cancel:" + decision["id"])
        stored = connection.execute(select(decisions).where(decisions.c.id == decision["id"])).mappings().one()
        row = dict(stored) | {
            "id": id, "action": json.dumps(action | {"cancel": True}, ensure_ascii=False),
            "baseline": json.dumps(action | {"name": "keep"}, ensure_ascii=False),
            "money": -stored["money"], "money_low": -stored["money_high"], "money_high": -stored["money_low"],
            "outlay": None if stored["outlay"] is None else -stored["outlay"],
            "reasons": to_json([Reason("ledger.undone", {"id": decision["id"], "why": why})]),
            "bound": "none", "state": "approved", "override": None, "batch": None, "measured": None,
            "compensates": decision["id"],
        }  # fmt: skip
        connection.execute(insert(decisions).values(row))
        self._note(connection, [id], "", "approved", who, why or "ledger.note_undone")
        return self.get(id, connection)

    def correct(
        self, id: str, action: Mapping[str, Any], *, who: str, why: str, money: tuple[float, float, float],
        reasons: Sequence[Reason] = (), source: str = "",
    ) -> dict[str, Any]:  # fmt: skip
        """Propose another action in the place of one that was carried out already.

        It is a decision of its own that stands beside what the day proposes, with the old action as its baseline.

        Args:
            money: expected, of the new action over the old one, and its 5 % and 95 % quantiles.
            source: what it was made from; empty = as the old one.

        Raises:
            HubError: `ledger.why`, `ledger.unknown`, `ledger.move` when the old one is not carried out.
        """
        if not why.strip():
            raise HubError("ledger.why")
        with writing(self.engine) as connection:
            old = self.get(id, connection)
            if old["state"] not in ("sent", "done", "judged"):
                raise self._refused(old, "corrected")
            stored = connection.execute(select(decisions).where(decisions.c.id == old["id"])).mappings().one()
            earlier = select(func.count()).select_from(decisions).where(decisions.c.compensates == old["id"])
            number = connection.execute(earlier).scalar_one()
            new = decision_id(old["kind"], old["day"], old["store"], f"correct:{old['id']}:{number}")
            row = dict(stored) | {
                "id": new, "action": json.dumps(dict(action), ensure_ascii=False),
                "baseline": json.dumps(carried_out(old) | {"name": "keep"}, ensure_ascii=False),
                "money": money[0], "money_low": money[1], "money_high": money[2], "outlay": None,
                "reasons": to_json(list(reasons)), "bound": "none", "state": "proposed", "override": None,
                "batch": None, "measured": None, "compensates": old["id"], "source": source or stored["source"],
            }  # fmt: skip
            connection.execute(insert(decisions).values(row))
            self._note(connection, [new], "", "proposed", who, why)
            return self.get(new, connection)

    def expire(self, before: date, *, who: str = "day") -> int:
        """Decisions of earlier days that nobody moved can no longer be carried out."""
        which = and_(decisions.c.day < before, decisions.c.state == "proposed")
        with writing(self.engine) as connection:
            return self._move_where(connection, which, "expired", who, "ledger.note_day_passed")

    def move(self, ids: Sequence[str], to: str, *, who: str, why: str = "") -> int:
        """Move decisions for the machinery (outbox, judge); all of them or none."""
        return self._move_all(Filter(ids=tuple(ids)), to, who, why) if ids else 0

    def measure(self, found: Mapping[str, Mapping[str, Any]], *, who: str = "day") -> int:
        """Write down what decisions turned out to be worth; those that were carried out become `judged`.

        Args:
            found: id → measurement, kept as JSON. One that stands already stays as it is.

        Returns:
            How many were written.
        """
        written = 0
        with writing(self.engine) as connection:
            for id, measurement in found.items():
                here = and_(decisions.c.id == id, decisions.c.measured.is_(None))
                note = json.dumps(dict(measurement), ensure_ascii=False, sort_keys=True)
                written += connection.execute(update(decisions).where(here).values(measured=note)).rowcount
            done = [state for state, targets in MOVES.items() if "judged" in targets]
            self.move_within(connection, list(found), done, "judged", who, "ledger.note_measured")
        return written

    def move_within(
        self, connection: Connection, ids: Sequence[str], states: Sequence[str], to: str, who: str, why: str
    ) -> int:
        """Move those of `ids` that are in one of `states`, inside the caller's transaction; returns how many."""
        return sum(self._move(connection, ids, state, to, who, why) for state in states)

    def _move_all(self, which: Filter, to: str, who: str, why: str, expected: int | None = None) -> int:
        """Move what `which` selects. Named ids must all allow it; a filter takes those that do."""
        allowed = [state for state, targets in MOVES.items() if to in targets]
        with writing(self.engine) as connection:
            if which.ids is None:
                moved = self._move_where(connection, and_(which.where(), decisions.c.state.in_(allowed)), to, who, why)
            else:
                states = self._states(connection, which, which.ids)
                blocked = next((id for id, state in states.items() if state not in (*allowed, to)), None)
                if blocked is not None:
                    raise self._refused(self.get(blocked, connection), to)
                moved = self.move_within(connection, list(states), allowed, to, who, why)
            if expected is not None and moved != expected:
                raise HubError("ledger.changed", expected=expected, count=moved)  # takes the moves back
            return moved

    def _states(self, connection: Connection, which: Filter, ids: Sequence[str]) -> dict[str, str]:
        """The state of each named decision; a shortened id under its whole one."""
        whole = [id if len(id) == ID_DIGITS else self._full(id, connection) for id in ids]
        states: dict[str, str] = {}
        for start in range(0, len(whole), _PORTION):
            portion = replace(which, ids=tuple(whole[start : start + _PORTION]))
            statement = select(decisions.c.id, decisions.c.state).where(portion.where())
            states |= {row.id: row.state for row in connection.execute(statement)}
        for id in whole:
            if id not in states:
                self._full(id, connection)  # raises for an id that does not exist; the filter may leave out others
        return states

    def _move(self, connection: Connection, ids: Sequence[str], state: str, to: str, who: str, why: str) -> int:
        """Move ids that are in `state`; 0 when another process was faster or the move is not allowed."""
        if to not in MOVES[state]:
            return 0
        moved = 0
        for start in range(0, len(ids), _PORTION):
            here = and_(decisions.c.id.in_(ids[start : start + _PORTION]), decisions.c.state == state)
            moved += self._move_where(connection, here, to, who, why)
        return moved

    def _move_where(self, connection: Connection, where: ColumnElement[bool], to: str, who: str, why: str) -> int:
        self._note_where(connection, where, to, who, why)
        return connection.execute(update(decisions).where(where).values(state=to)).rowcount

    def _note_where(self, connection: Connection, where: ColumnElement[bool], to: str, who: str, why: str) -> None:
        columns = ["decision", "state_from", "state_to", "who", "at", "why", "run"]
        now = literal(datetime.now(UTC), moves.c.at.type)
        rows = select(
            decisions.c.id, decisions.c.state, literal(to), literal(who), now, literal(why), literal(self.run)
        ).where(where)
        connection.execute(insert(moves).from_select(columns, rows))

    def _note(self, connection: Connection, ids: Sequence[str], old: str, to: str, who: str, why: str) -> None:
        common = {
            "state_from": old,
            "state_to": to,
            "who": who,
            "at": datetime.now(UTC),
            "why": why,
            "run": self.run,
        }
        rows = [common | {"decision": id} for id in ids]
        insert_rows(connection, moves, rows)

    @staticmethod
    def _refused(decision: dict[str, Any], to: str) -> HubError:
        possible = ", ".join(MOVES[decision["state"]]) or "—"
        return HubError("ledger.move", id=decision["id"], state=decision["state"], to=to, possible=possible)


def _drawn(given: dict[str, Any], trial: Trial | None, day: date, store: str, subject: str) -> dict[str, Any] | None:
    """A proposed row as its arm carries it out: the control's is the baseline, which is worth nothing over itself.

    None where that baseline is to do nothing at all: then there is nothing to decide.
    """
    arm = trial.arm_at(day, store, subject) if trial else ""
    if trial is None or not arm:
        return given
    stamped = given | {"arm": f"{trial.name}:{arm}"}
    if arm != "control":
        return stamped
    baseline, proposed = json.loads(given["baseline"]), json.loads(given["action"])
    action = {name: baseline[name] for name in proposed if name in baseline}
    if not action:
        return None
    action |= {name: proposed[name] for name in ("least", "most") if name in proposed}  # limits bind a person here, too
    why = Reason("ledger.control" if trial.state == "running" else "ledger.rolled_back", {"experiment": trial.name})
    return stamped | {
        "action": json.dumps(action, ensure_ascii=False), "money": 0.0, "money_low": 0.0, "money_high": 0.0,
        "outlay": baseline.get("outlay", given["outlay"]), "reasons": to_json([why]), "bound": "none",
    }  # fmt: skip


def _content(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in _CONTENT)
