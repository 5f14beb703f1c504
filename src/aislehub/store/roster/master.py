"""The restricted master problem: the best blend of known lines, as a linear programme.

Each person works a blend of lines whose shares add up to 1; head counts are met by shares of people. Its dual prices
say what one more person at each time is worth, which is what the search for better lines needs (Dantzig & Wolfe 1960).
GLOP (OR-tools) keeps its basis between solves, so that a few new columns cost a few pivots.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from ortools.linear_solver import pywraplp

from aislehub.store.roster.arrays import Arrays, Lines, Numbers

__all__ = ["Blend", "Line", "Master"]

Line = tuple[int, NDArray[np.intp]]
"""A person, and their option or `FREE` on each day."""


@dataclass(frozen=True)
class Blend:
    """The best blend.

    Attributes:
        cost: of the blend, constants included.
        shares: of each column.
        prices: of one more person, for each cover; between −over and under.
    """

    cost: float
    shares: Numbers
    prices: Numbers


class Master:
    """Lines of some people, the others fixed.

    Attributes:
        people: those whose lines are blended, by number.
        columns: their lines, as added.
        required: people wanted for each cover, less those who are fixed.
    """

    def __init__(self, arrays: Arrays, people: Sequence[int], others: Lines | None = None) -> None:
        """`others`: lines of the people who are fixed, people × days; rows of `people` are not read."""
        rest = sorted(set(range(len(arrays.problem.staff))) - set(people)) if others is not None else []
        self.arrays, self.people = arrays, list(people)
        self.required, self.constant = arrays.required, arrays.constant
        if others is not None and rest:
            self.required = arrays.required - arrays.heads(others[rest])
            self.constant += float(arrays.wish_cost(others)[rest].sum())
        self.columns: list[Line] = []
        self._of: dict[int, dict[bytes, int]] = {person: {} for person in self.people}
        self._fixed: dict[int, int] = {}
        self._program = pywraplp.Solver.CreateSolver("GLOP")
        self._program.SetSolverSpecificParametersAsString("use_preprocessing: false use_dual_simplex: true")
        self._infinity = self._program.infinity()
        self._covers = [self._program.Constraint(value, value) for value in self.required.tolist()]
        self._whole = {person: self._program.Constraint(1, 1) for person in self.people}
        self._objective = self._program.Objective()
        for row, under, over in zip(self._covers, arrays.under.tolist(), arrays.over.tolist(), strict=True):
            for sign, cost in ((1, under), (-1, over)):
                variable = self._program.NumVar(0, self._infinity, "")
                row.SetCoefficient(variable, sign)
                self._objective.SetCoefficient(variable, cost)
        self._shares: list[pywraplp.Variable] = []

    @property
    def free(self) -> list[int]:
        """People who are not fixed."""
        return [person for person in self.people if person not in self._fixed]

    def add(self, lines: Iterable[Line]) -> int:
        """How many of these lines are new."""
        before = len(self.columns)
        for person, line in lines:
            if line.tobytes() not in self._of[person]:
                self._add(person, line.copy())
        return len(self.columns) - before

    def solve(self) -> Blend | None:
        """The best blend; None where the solver gave up, which it does once in some thousand times."""
        for how in (pywraplp.MPSolverParameters.INCREMENTALITY_ON, pywraplp.MPSolverParameters.INCREMENTALITY_OFF):
            parameters = pywraplp.MPSolverParameters()
            parameters.SetIntegerParam(parameters.INCREMENTALITY, how)
            parameters.SetIntegerParam(parameters.PRESOLVE, parameters.PRESOLVE_OFF)
            if self._program.Solve(parameters) == pywraplp.Solver.OPTIMAL:
                prices = np.array([row.dual_value() for row in self._covers])
                return Blend(
                    self._objective.Value() + self.constant,
                    np.array([share.solution_value() for share in self._shares]),
                    np.clip(prices, -self.arrays.over, self.arrays.under),
                )
        return None

    def best(self, blend: Blend) -> list[tuple[float, int]]:
        """Share and column of the greatest share of each person who is not fixed."""
        shares = blend.shares.tolist()
        shares += [0.0] * (len(self.columns) - len(shares))  # columns younger than the blend
        return [max((shares[at], at) for at in self._of[person].values()) for person in self.free]

    def fix(self, column: int) -> None:
        """Its person works this line."""
        person = self.columns[column][0]
        self._fixed[person] = column
        for at in self._of[person].values():
            if at != column:
                self._shares[at].SetUb(0)

    def release(self, column: int) -> None:
        """Its person works any line again."""
        person = self.columns[column][0]
        del self._fixed[person]
        for at in self._of[person].values():
            self._shares[at].SetUb(self._infinity)

    def fixed(self) -> list[Line]:
        """Lines of the people who are fixed."""
        return [self.columns[at] for at in self._fixed.values()]

    def rest(self) -> tuple[Numbers, float]:
        """People wanted for each cover, and what is paid already, with those who are fixed."""
        if not self._fixed:
            return self.required, self.constant
        people = [person for person, _ in self.fixed()]
        lines = np.array([line for _, line in self.fixed()])
        return self.required - self.arrays.heads(lines), self.constant + self.arrays.wish_cost(lines, people).sum()

    def _add(self, person: int, line: NDArray[np.intp]) -> None:
        share = self._program.NumVar(0, 0 if person in self._fixed else self._infinity, "")
        self._of[person][line.tobytes()] = len(self.columns)
        self.columns.append((person, line))
        self._shares.append(share)
        self._objective.SetCoefficient(share, float(self.arrays.wish_cost(line[None], [person])[0]))
        self._whole[person].SetCoefficient(share, 1)
        for row, count in self.arrays.counted(line):
            self._covers[row].SetCoefficient(share, count)
