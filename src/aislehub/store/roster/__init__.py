"""Rosters: who works which shift, with which skill, under contracts and wishes.

`problem.py` says what a problem is; `nottingham.py` and `document.py` read one from a file. `solve.py` finds a roster
and bounds its cost: `arrays.py` is the problem in numbers, `table.py` and `lines.py` find one person's cheapest days,
`master.py` and `generate.py` blend them, `dive.py` makes a roster of the blend; `settle.py`, `improve.py`, `pool.py`
and `beside.py` improve it; `model.py` is the whole problem for CP-SAT. `infeasible.py` says why there is none;
`cost.py` counts what a roster costs and which rules it breaks; `command.py` is `aislehub roster`.
"""
