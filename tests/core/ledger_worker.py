"""Two processes that move the same decisions at once: a script that test_ledger runs.

python tests/core/ledger_worker.py URL HOME
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pg8000  # noqa: F401 - imported before the forks, so that both start at once
import pyarrow as pa

from aislehub.core.book import Filter
from aislehub.core.errors import HubError
from aislehub.core.ledger import Ledger
from aislehub.core.state import open_state

DAY = date(2017, 11, 5)


def rows(subjects: list[str], money: float) -> pa.Table:
    """Decision rows on these subjects."""
    row = {
        "store": "s", "action": '{"quantity": 1}', "baseline": '{"name": "none"}', "money": money, "money_low": 0.0,
        "money_high": 2.0, "horizon_days": 7, "bound": "none", "outlay": 1.0, "reasons": "[]", "source": "",
    }  # fmt: skip
    return pa.Table.from_pylist([row | {"subject": subject} for subject in subjects])


def run(work: Callable[[Ledger], Any], url: str, home: Path, start: float) -> int:
    """In a child: open the ledger, wait for the common start, work, and tell the outcome through a file."""
    child = os.fork()
    if child:
        return child
    ledger = Ledger(open_state(url, home))
    time.sleep(max(0.0, start - time.time()))
    try:
        outcome = work(ledger)
    except HubError as error:
        outcome = error.code
    (home / f"outcome-{os.getpid()}").write_text(json.dumps(outcome))
    os._exit(0)


def together(works: list[Callable[[Ledger], Any]], url: str, home: Path) -> list[Any]:
    """Outcomes of all `works`, done at once."""
    start = time.time() + 0.5
    children = [run(work, url, home, start) for work in works]
    for child in children:
        os.waitpid(child, 0)
    return [json.loads((home / f"outcome-{child}").read_text()) for child in children]


def main(url: str, home: Path) -> None:
    """Approve against reject, approve against approve, approve against propose; one JSON object of outcomes."""
    subjects = [f"item{number}" for number in range(200)]
    ledger = Ledger(open_state(url, home))
    ledger.propose("orders", DAY, rows(subjects, 1.0), currency="EUR")
    ids = [row["id"] for row in ledger.find(Filter())]
    ledger.engine.dispose()
    everything = Filter(states=("proposed",))
    told = {
        "named": together(
            [
                lambda ledger: ledger.approve(Filter(ids=tuple(ids[:50])), who="ann"),
                lambda ledger: ledger.reject(Filter(ids=tuple(reversed(ids[:50]))), who="bob"),
            ],
            url, home,
        ),
        "filter": together(
            [lambda ledger: ledger.approve(everything, who="ann"), lambda ledger: ledger.reject(everything, who="bob")],
            url, home,
        ),
    }  # fmt: skip
    again = [f"again{number}" for number in range(200)]
    Ledger(open_state(url, home)).propose("orders", DAY, rows(again, 1.0), currency="EUR")
    told["propose"] = together(
        [
            lambda ledger: ledger.approve(everything, who="ann"),
            lambda ledger: vars(ledger.propose("orders", DAY, rows(again, 2.0), currency="EUR")),
        ],
        url, home,
    )  # fmt: skip
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
