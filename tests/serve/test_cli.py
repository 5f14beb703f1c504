"""The command line acts on the ledger as its help says: JSON alone on standard output, 0, 1 and 2 as exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pandas as pd
import pytest

from aislehub import __version__
from aislehub.core.book import Filter
from aislehub.core.hub import Hub
from aislehub.serve.cli import main
from aislehub.serve.commands.alerts import tell_webhook

Run = Callable[..., tuple[int, str, str]]

PROMISED = {
    "id", "kind", "day", "store", "subject", "action", "baseline", "money", "money_low", "money_high", "reasons",
    "bound", "state", "model", "policy", "versions", "source",
}  # fmt: skip


@pytest.fixture
def run(hub: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """(words of a command) → exit code, standard output, standard error, in the furnished house."""
    monkeypatch.setenv("AISLEHUB_HOME", str(hub.home))
    monkeypatch.setenv("AISLEHUB_LANG", "en")

    def run(*words: str) -> tuple[int, str, str]:
        code = main(words)
        return code, *capsys.readouterr()

    return run


def told(run: Run, *words: str) -> Any:
    """The one JSON document that a command prints."""
    code, out, _ = run(*words, "--json")
    assert code == 0
    return json.loads(out)


def test_decisions_are_listed_by_money_with_every_field(run: Run) -> None:
    """The filters narrow, the most money comes first, and each reason has its sentence."""
    found = told(run, "decisions", "--kind", "orders", "--store", "367", "--state", "proposed", "--limit", "5")
    assert len(found) == 5 and all(found[0].keys() >= PROMISED and row["store"] == "367" for row in found)
    assert [row["money"] for row in found] == sorted((row["money"] for row in found), reverse=True)
    assert found[0]["reasons"][0]["sentence"] == "on_hand is 2; the lowest allowed value is 9."
    assert told(run, "decisions", "--kind", "price_changes") == []
    assert (
        len(told(run, "decisions", "--day", "2017-11-05")) == 120
        and told(run, "decisions", "--day", "2017-11-06") == []
    )


def test_a_list_is_read_by_people(run: Run) -> None:
    """As a table: names for numbers, money in the chain's currency, what is simulated, and how many more there are."""
    code, out, err = run("decisions", "--limit", "3")
    assert (code, err) == (0, "")
    assert "Whole milk 1 L (1001)" in out and "Order 6" in out and "$" in out and "simulated" in out
    assert "批准" not in out and "订货 6" in run("--lang", "zh", "decisions", "--limit", "1")[1]


@pytest.mark.parametrize("suffix", ["csv", "parquet", "json", "xlsx"])
def test_a_list_goes_to_a_file(run: Run, hub: Hub, suffix: str) -> None:
    """`--out` writes a file by its suffix and nothing on standard output."""
    path = hub.home / f"plan.{suffix}"
    assert run("decisions", "--limit", "7", "--out", str(path)) == (0, "", "")
    read = {"csv": pd.read_csv, "parquet": pd.read_parquet, "json": pd.read_json, "xlsx": pd.read_excel}[suffix]
    assert len(read(path)) == 7 and "action_quantity" in read(path).columns


def test_one_decision_is_moved_by_the_beginning_of_its_id(run: Run, hub: Hub) -> None:
    """Approve, undo, override and reject tell what became of it; the ledger knows who and why."""
    id = hub.ledger.find(Filter(), limit=1)[0]["id"]
    assert told(run, "approve", id[:8], "--why", "agreed") == {"moved": 1, "state": "approved"}
    assert told(run, "undo", id[:8])["state"] == "proposed"
    changed = told(run, "override", id[:8], "--to", "24", "--why", "school fair")
    assert changed["state"] == "overridden" and changed["override"]["action"]["quantity"] == 24
    assert run("undo", id[:8])[1] == f"{id} is proposed again.\n"
    assert told(run, "reject", id[:8], "--why", "cancelled") == {"moved": 1, "state": "rejected"}
    moves = hub.ledger.history(id)
    assert [move["state_to"] for move in moves[1:]] == ["approved", "proposed", "overridden", "proposed", "rejected"]
    assert moves[1]["why"] == "agreed" and all(move["who"].startswith("cli") for move in moves[1:])


def test_all_of_a_filter_are_approved_and_sent_once(run: Run, hub: Hub) -> None:
    """`--all` takes what the filters select; `send` writes each decision to one file, once."""
    count = len(hub.ledger.find(Filter(store="406")))
    assert run("approve", "--all", "--store", "406")[1] == f"{count} decisions now approved.\n"
    (file,) = told(run, "send", "--kind", "orders")["files"]
    assert len(pd.read_csv(file)) == count and set(pd.read_csv(file)["store"]) == {406}
    assert told(run, "send") == {"files": []}
    assert {row["state"] for row in hub.ledger.find(Filter(store="406"))} == {"done"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["approve", "0" * 16], "There is no decision 0000000000000000."),
        (["override", "ID", "--to", "-3", "--why", "x"], "-3 is no value for quantity"),
        (["override", "ID", "--to", "many", "--why", "x"], "'many' is neither a number nor a JSON object."),
        (["override", "ID", "--to", "3", "--why", " "], "An override needs a reason."),
        (["undo", "ID"], "it cannot become"),
        (["decisions", "--state", "lost"], "lost is no state of a decision; known: proposed"),
        (["decisions", "--kind", "order"], "No decisions are of the kind 'order'. Did you mean orders?"),
        (["decisions", "--kind", "x"], "Known: campaigns, first_deliveries, model_changes"),
        (["decisions", "--store", "3677"], "There is no store '3677'. Did you mean 367?"),
        (["approve", "--all", "--kind", "ordres"], "Did you mean orders?"),
        (["approve", "--all", "--store", "none"], "There is no store 'none'."),
        (["send", "--kind", "prices_changes"], "Did you mean price_changes?"),
        (["check", "--kind", "order"], "Did you mean orders?"),
        (["alerts", "--store", "none"], "There is no store 'none'."),
        (["alerts", "--owner", "stores"], "known: planner, store"),
        (["decisions", "--out", "plan.doc"], "ends in '.doc'"),
        (["kpis", "--store", "none"], "none"),
        (["token", "nobody"], "There is no user nobody."),
        (["bench", "replenishh"], "Did you mean replenish?"),
    ],
)
def test_a_refusal_says_why_and_exits_1(run: Run, hub: Hub, words: list[str], sentence: str) -> None:
    """The sentence stands on standard error, nothing on standard output, and nothing has moved."""
    id = hub.ledger.find(Filter(), limit=1)[0]["id"]
    code, out, err = run(*(id if word == "ID" else word for word in words))
    assert (code, out) == (1, "") and sentence in err
    assert {group["state"] for group in hub.ledger.summary(Filter())} == {"proposed"}


@pytest.mark.parametrize(
    "words", [["approve"], ["approve", "1f3a9c", "--all"], ["decisions", "--colour", "red"], ["fly"]]
)
def test_wrong_use_exits_2(run: Run, words: list[str]) -> None:
    """An unknown verb or option, or neither or both of ids and --all."""
    assert run(*words)[0] == 2


def test_the_house_describes_itself(run: Run) -> None:
    """Settings with help and variable, tables with rows, and a token that is printed alone."""
    settings = {row["setting"]: row for row in told(run, "settings")}
    assert settings["hub.currency"]["env"] == "AISLEHUB_HUB__CURRENCY" and settings["hub.currency"]["help"]
    assert next(row for row in told(run, "tables") if row["table"] == "items")["rows"] == 8
    learned = next(row for row in told(run, "models") if row["source"] == "learned")
    assert (learned["name"], learned["day"], learned["why"]) == ("demand", "2017-11-05", "first")
    code, out, err = run("token", "admin", "--label", "test")
    assert (code, err) == (0, "") and len(out.split()) == 1


def test_facts_are_counted_again(run: Run) -> None:
    """`check` says how many decisions it went through."""
    assert told(run, "check", "--limit", "20") == {"checked": 20, "wrong": []}


def test_the_version_needs_no_command() -> None:
    """`--version` alone prints it and is done."""
    done = subprocess.run(
        [sys.executable, "-m", "aislehub.serve.cli", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"aislehub {__version__}\n"


# -- alerts ----------------------------------------------------------------------------------------


def test_alerts_are_listed_by_money(run: Run) -> None:
    """Open ones as they come, the most money first, with their sentences; the filters narrow."""
    found = told(run, "alerts")
    assert len(found) == 13 and {row["state"] for row in found} == {"open"}
    assert [row["money_at_risk"] for row in found] == sorted((row["money_at_risk"] for row in found), reverse=True)
    assert found[0]["sentence"].startswith("Store 367, item 1001")
    assert len(told(run, "alerts", "--state", "all")) == 16 and len(told(run, "alerts", "--state", "closed")) == 2
    assert {row["owner"] for row in told(run, "alerts", "--owner", "store")} == {"store"}
    assert {row["store"] for row in told(run, "alerts", "--store", "406", "--limit", "3")} == {"406"}
    assert "lost" in run("alerts", "--state", "lost")[2]
    code, out, err = run("alerts", "--limit", "2")
    assert (code, err) == (0, "") and "$41.50" in out and "the planner" in out and "since" in out


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_alerts_go_to_a_file(run: Run, hub: Hub, suffix: str) -> None:
    """`--out` writes sentences and money; an empty list is a file too."""
    file = hub.home / f"alerts.{suffix}"
    read = {"csv": pd.read_csv, "xlsx": pd.read_excel}[suffix]
    assert run("alerts", "--out", str(file)) == (0, "", "")
    assert len(read(file)) == 13 and {"id", "sentence", "money_at_risk"} <= set(read(file).columns)
    assert run("alerts", "--owner", "it", "--out", str(file)) == (0, "", "")


def test_an_alert_is_suppressed_and_resumed_by_its_beginning(run: Run) -> None:
    """Six characters name it; the reason and the day are in its history, who moved it too."""
    id = told(run, "alerts")[0]["id"]
    code, out, _ = run("suppress", id[:6], "--until", "2017-11-20", "--why", "supplier is on strike")
    assert code == 0 and out == f"{id} is suppressed until 2017-11-20.\n"
    code, out, _ = run("alert", id[:6])
    assert code == 0 and "suppressed until 2017-11-20" in out and "supplier is on strike" in out and "cli" in out
    assert told(run, "alert", id)["history"][-1]["why"] == "supplier is on strike"
    assert id not in {row["id"] for row in told(run, "alerts")}
    assert told(run, "resume", id)["state"] == "open"
    code, _, err = run("resume", id)
    assert code == 1 and "cannot become open" in err


def test_no_webhook_is_said(run: Run) -> None:
    """`notify` without an address is refused with what to set."""
    code, out, err = run("notify")
    assert (code, out) == (1, "") and "[webhook]" in err


def test_notify_posts_and_says_what_became_of_it(run: Run, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Delivered: exit 0 and a count; no secret or a receiver that is down: exit 1, why, and all waits."""
    monkeypatch.setenv("AISLEHUB_WEBHOOK__URL", "http://127.0.0.1:9/")
    assert "no secret" in run("notify")[2]
    monkeypatch.setenv("AISLEHUB_WEBHOOK__SECRET", "0123456789abcdef0123456789abcdef")
    monkeypatch.setenv("AISLEHUB_WEBHOOK__ATTEMPTS", "1")
    code, out, _ = run("notify")
    assert code == 1 and "0 events delivered, 0 refused, 13 waiting" in out and "127.0.0.1 took no event" in out
    assert "0123456789abcdef" not in run("settings")[1] + run("settings", "--json")[1]
    with HTTPServer(("127.0.0.1", 0), Taker) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AISLEHUB_WEBHOOK__URL", f"http://127.0.0.1:{server.server_port}/")
        assert told(run, "notify") == {"delivered": 13, "refused": 0, "waiting": 0, "why": []}
        server.shutdown()


class Taker(BaseHTTPRequestHandler):
    """A receiver that takes everything."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Stay silent."""


def test_a_failing_webhook_does_not_fail_the_day(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """At the end of a day a wrong setting, a missing secret and a receiver that is down are said, and no more."""
    monkeypatch.setenv("AISLEHUB_WEBHOOK__ATTEMPTS", "1")
    for url, secret, said in (
        ("", "", ""),
        ("ftp://x", "", "webhook.url cannot be"),
        ("http://127.0.0.1:9/", "", "no secret"),
        ("http://127.0.0.1:9/", "0123456789abcdef0123456789abcdef", "13 waiting"),
    ):
        monkeypatch.setenv("AISLEHUB_WEBHOOK__URL", url)
        monkeypatch.setenv("AISLEHUB_WEBHOOK__SECRET", secret)
        tell_webhook(hub)
        out, err = capsys.readouterr()
        assert out == "" and said in err and bool(said) == bool(err)
