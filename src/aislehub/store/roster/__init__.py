"""Rosters: who works which shift, with which skill, under contracts and wishes.

`problem.py` says what a problem is; `nottingham.py` and `document.py` read one from a file; `head_count.py` bounds
its cost; `model.py`, `solve.py` and `improve.py` find a roster, `infeasible.py` says why there is none; `cost.py`
counts what a roster costs and which rules it breaks; `command.py` is `aislehub roster`.
"""
