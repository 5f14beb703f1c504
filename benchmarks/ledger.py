"""100,000 decisions a day: written, listed, approved, and the page Today on top of them.

Baseline in the same run: the same rows in a plain SQLite table without states, history or re-proposal,
written by `executemany` and read by the same order. `--data` takes the URL of a state database
(PostgreSQL) instead of the default SQLite file.
"""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from aislehub.core.book import Filter
from aislehub.core.ledger import Ledger
from aislehub.core.reasons import Reason, to_json
from aislehub.core.state import open_state

__all__ = ["run"]

Row = dict[str, Any]
DAY = date(2026, 1, 5)
PAGE_TRIES = 5


def run(data: Path | None, *, quick: bool = False) -> list[Row]:
    """Seconds and CPU-seconds of each act on one day's decisions.

    Args:
        data: a state database's URL; None = SQLite in a temporary folder.
        quick: 10,000 decisions instead of 100,000.
    """
    count = 10_000 if quick else 100_000
    rows = _rows(count)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        url = str(data).replace(":/", "://", 1) if data else ""  # a URL read as a path lost one slash
        ledger = Ledger(open_state(url, home))
        today = Filter(day=DAY)
        measured = {
            "write_s": _timed(lambda: ledger.propose("orders", DAY, rows, currency="USD")),
            "write_again_s": _timed(lambda: ledger.propose("orders", DAY, rows, currency="USD")),
            "list_first_50_s": _timed(lambda: ledger.find(today, limit=50)),
            "list_all_s": _timed(lambda: ledger.find(today)),
            "summary_s": _timed(lambda: ledger.summary(today)),
        }
        measured["page_today_s"] = _page(home, url)
        measured["approve_all_s"] = _timed(lambda: ledger.approve(today, who="bench"))
        plain = _plain(home / "plain.db", rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    name = f"{count} decisions, {'SQLite' if not data else 'PostgreSQL'}"
    return [
        {"bench": "ledger", "data": name, "model": model, "metric": metric, "value": round(clock, 3), "low": None,
         "high": None, "cpu_s": round(cpu, 3), "peak_mb": round(peak)}
        for model, costs in (("aislehub", measured), ("plain_sqlite", plain)) for metric, (clock, cpu) in costs.items()
    ]  # fmt: skip


def _rows(count: int) -> pa.Table:
    """Decisions as a chain of 300 stores writes them: two reasons each, money with a long tail."""
    random = np.random.default_rng(1)
    money = random.lognormal(1.0, 1.2, count)
    quantities = random.integers(1, 96, count)
    reasons = to_json([
        Reason("demand.because.base", {"effect": 12.0, "days": 56, "units": 602, "mean": 10.75}, 0.7),
        Reason("demand.because.season", {"effect": 3.0, "share": 128, "weeks": 13}, 0.2),
    ])  # fmt: skip
    return pa.table({
        "store": [f"S{number % 300:03d}" for number in range(count)],
        "subject": [f"item-{number // 300:05d}" for number in range(count)],
        "action": [json.dumps({"quantity": int(q)}) for q in quantities],
        "baseline": [json.dumps({"name": "weeks_of_cover", "quantity": int(q) + 6}) for q in quantities],
        "money": money, "money_low": money * 0.2, "money_high": money * 2.5,
        "horizon_days": np.full(count, 7), "outlay": quantities * 2.5, "reasons": [reasons] * count,
        "bound": ["case_pack"] * count, "source": ["simulated"] * count,
    })  # fmt: skip


def _page(home: Path, url: str) -> tuple[float, float]:
    """Page Today as a browser asks for it, from a server in this process; the median of several tries."""
    from fastapi.testclient import TestClient

    from aislehub.serve.api import create_app

    os.environ |= {"AISLEHUB_ADMIN_PASSWORD": "bench-password-1", "AISLEHUB_HUB__STATE_URL": url}
    with TestClient(create_app(home)) as browser:
        answer = browser.post("/login", data={"user": "admin", "password": "bench-password-1"})
        answer.raise_for_status()
        costs = []
        for _ in range(PAGE_TRIES):
            page, *cost = _measured(lambda: browser.get("/", params={"day": DAY.isoformat()}))
            page.raise_for_status()
            if "item-" not in page.text:
                raise AssertionError("page Today shows no decision")
            costs.append(cost)
    return statistics.median(clock for clock, _ in costs), statistics.median(cpu for _, cpu in costs)


def _plain(path: Path, rows: pa.Table) -> dict[str, tuple[float, float]]:
    values = [tuple(row.values()) for row in rows.to_pylist()]
    database = sqlite3.connect(path)
    database.execute(f"CREATE TABLE plain ({', '.join(rows.column_names)})")

    def write() -> None:
        with database:
            database.executemany(f"INSERT INTO plain VALUES ({','.join('?' * rows.num_columns)})", values)

    order = "SELECT * FROM plain ORDER BY money DESC"
    return {
        "write_s": _timed(write),
        "list_first_50_s": _timed(lambda: database.execute(order + " LIMIT 50").fetchall()),
        "list_all_s": _timed(lambda: database.execute(order).fetchall()),
    }


def _timed(work: Callable[[], Any]) -> tuple[float, float]:
    _, clock, cpu = _measured(work)
    return clock, cpu


def _measured(work: Callable[[], Any]) -> tuple[Any, float, float]:
    clock, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - clock, time.process_time() - cpu
