"""Runs that a page asks for: carried out in a process of their own, told, kept, stopped."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from filelock import FileLock

from aislehub.core.errors import HubError
from aislehub.core.registry import registry
from aislehub.core.tables import Tables
from aislehub.twin.kept import MOST, Kept, ask, carry_out, find, kept, stop
from aislehub.twin.policy import TODAY, Policy
from aislehub.twin.report import FIGURES
from aislehub.twin.request import PRESETS, Request, answered, chosen, offered

LEAN = Policy("lean.toml", weeks_of_cover=0.5)
SMALL = Request(mine=LEAN, other=TODAY, stores=2, items=12, days=7, seeds=2)


def laid_down(home: Path, request: Request, name: str, *, ago: timedelta = timedelta(0)) -> Path:
    """The folder of a run that was asked for, and that no process has begun."""
    folder = home / "twin" / name
    folder.mkdir(parents=True)
    at = datetime.now(UTC) - ago
    (folder / "asked.json").write_text(json.dumps({"request": request.told(), "who": "ann", "at": at.isoformat()}))
    return folder


def ended(home: Path, id: str, seconds: float = 120) -> Kept:
    """The run, once its process has ended."""
    until = time.monotonic() + seconds
    while (run := find(home, id)).under_way:
        assert time.monotonic() < until, run
        time.sleep(0.2)
    return run


def test_a_run_is_carried_out_elsewhere_and_kept(home: Path) -> None:
    """Its result is what the same request gives here, and it says who asked."""
    id = ask(home, SMALL, who="ann")
    run = ended(home, id)
    assert (run.state, run.who, run.share, run.error) == ("done", "ann", 1.0, None)
    assert run.request == SMALL
    here = answered(SMALL, Tables(None, registry().contracts), registry(), lambda share, about: None)
    assert run.result == json.loads(json.dumps(here))
    assert [line["figure"] for line in here["lines"]] == 2 * list(FIGURES)


def test_one_run_at_a_time(home: Path) -> None:
    """While one is under way, another is refused with whose it is; afterwards it is not."""
    folder = laid_down(home, SMALL, "20260101-000000-aaaa")
    with FileLock(folder / ".lock"):
        assert find(home, folder.name).state == "running"
        with pytest.raises(HubError, match="ann") as refused:
            ask(home, SMALL, who="bob")
        assert refused.value.code == "twin.busy"
    carry_out(home, folder.name)
    assert find(home, folder.name).state == "done"


def test_a_run_can_be_stopped(home: Path) -> None:
    """It ends at the next day that it lives, and says who stopped it."""
    folder = laid_down(home, SMALL, "20260101-000000-aaaa")
    stop(home, folder.name, who="bob")
    carry_out(home, folder.name)
    run = find(home, folder.name)
    assert run.state == "stopped" and run.result is None and "bob" in str(run.error)


def test_a_run_whose_process_is_gone_is_lost(home: Path) -> None:
    """Without an end and without a process it begins at first, and is lost after a minute."""
    assert find(home, laid_down(home, SMALL, "20260101-000000-aaaa").name).state == "waiting"
    gone = laid_down(home, SMALL, "20260101-000000-bbbb", ago=timedelta(minutes=2))
    assert find(home, gone.name).state == "lost"


def test_what_fails_says_why(home: Path) -> None:
    """A twin of tables that are not there fails with the sentence of that refusal."""
    folder = laid_down(home, replace(SMALL, family="own"), "20260101-000000-aaaa")
    carry_out(home, folder.name)
    run = find(home, folder.name)
    assert run.state == "failed" and run.error is not None and run.error.code == "twin.no_sales"


def test_the_oldest_runs_go(home: Path) -> None:
    """At most some runs are kept; an unknown one is refused by its name."""
    done = laid_down(home, SMALL, "20260101-000000-aaaa")
    carry_out(home, done.name)
    for number in range(MOST):
        shutil.copytree(done, home / "twin" / f"20260102-0000{number:02}-aaaa")
    id = ask(home, SMALL, who="ann")
    assert len(kept(home)) == MOST and kept(home)[0].id == id
    with pytest.raises(HubError, match="20260101"):
        find(home, done.name)
    ended(home, id)


def test_progress_grows(home: Path) -> None:
    """The share that is done only grows, from 0 to below 1, and every day of every policy is told."""
    told = []
    answered(SMALL, Tables(None, registry().contracts), registry(), lambda share, about: told.append((share, about)))
    shares = [share for share, _ in told]
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] < 1
    assert len({(about["policy"], about["number"], about["day"]) for _, about in told}) == len(told) == 2 * 2 * 7


def test_policies_to_choose_from(home: Path) -> None:
    """Presets and the files in `policies/`; a name that is neither, a path or a faulty file is refused."""
    (home / "policies").mkdir(parents=True)
    (home / "policies" / "lean.toml").write_text("weeks_of_cover = 0.5\n")
    (home / "policies" / "odd.toml").write_text('prices = "hub"\n')
    (home / "hidden.toml").write_text("weeks_of_cover = 9.0\n")
    assert offered(home) == [*PRESETS, "lean.toml", "odd.toml"]
    assert chosen(home, "lean.toml") == LEAN
    assert chosen(home, "whole").hub_tables() == ["orders", "price_changes", "promotion_plan"]
    for name, code in (("../hidden.toml", "twin.no_policy"), ("odd.toml", "twin.policy_key")):
        with pytest.raises(HubError) as refused:
            chosen(home, name)
        assert refused.value.code == code


def test_a_request_has_two_policies_and_a_family() -> None:
    """A policy against itself and an unknown family are refused."""
    with pytest.raises(HubError, match="itself"):
        Request(mine=TODAY, other=TODAY)
    with pytest.raises(HubError, match="nowhere"):
        replace(SMALL, family="nowhere")
