"""The page Twin: begin a run, follow it, read its result; who may, and what is refused."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from aislehub.core.hub import Hub
from aislehub.twin.kept import carry_out, find
from aislehub.twin.request import Request

SignIn = Callable[..., TestClient]
FORM = {
    "mine": "lean.toml", "other": "today", "family": "heterogeneous", "stores": 2, "items": 12, "days": 7, "seeds": 2,
    "seed": 1,
}  # fmt: skip


@pytest.fixture
def lean(hub: Hub) -> None:
    """A policy file of the house that no hub has to be run for."""
    (hub.home / "policies").mkdir()
    (hub.home / "policies" / "lean.toml").write_text("weeks_of_cover = 0.5\n")


def followed(client: TestClient, id: str, seconds: float = 120) -> str:
    """The page of a run, once its process has ended."""
    until = time.monotonic() + seconds
    while (part := client.get(f"/twin/progress/{id}", headers={"HX-Request": "true"})).status_code == 200:
        assert "<progress" in part.text and time.monotonic() < until
        time.sleep(0.2)
    assert part.headers["hx-redirect"] == f"/twin?run={id}"
    return client.get(f"/twin?run={id}").text


def test_a_policy_is_tried_from_the_page(sign_in: SignIn, lean: None, hub: Hub) -> None:
    """The form begins a run, its progress is shown, then the figures of both with intervals, charts, all simulated."""
    client = sign_in()
    begun = client.post("/twin/run", data=FORM)
    assert begun.status_code == 204
    id = begun.headers["hx-redirect"].partition("=")[2]
    page = followed(client, id)
    assert find(hub.home, id).who == "planner"
    assert "simulated" in page and "Fill rate" in page
    charts = [
        json.loads(found) for found in re.findall(r'data-chart><script type="application/json">(.*?)</script>', page)
    ]
    ahead, daily = charts
    assert len(ahead["at"]) == FORM["days"] == len(daily["lines"][0]["values"])
    gained = sum(daily["lines"][1]["values"]) - sum(daily["lines"][0]["values"])
    assert ahead["lines"][0]["values"][-1] == pytest.approx(gained, abs=0.1)
    client.cookies.set("language", "zh")
    chinese = client.get(f"/twin?run={id}").text
    assert "模拟" in chinese and "满足率" in chinese
    for shown in (page, chinese):
        assert not re.search(r"\btwin\.[a-z_]+", re.sub(r"<[^>]*>", " ", shown))


def test_a_twin_of_the_house_is_measured(sign_in: SignIn, hub: Hub) -> None:
    """Where there are sales, the page compares a twin with them: figures, and a chart of each curve."""
    client = sign_in()
    begun = client.post("/twin/fidelity")
    assert begun.status_code == 204
    page = followed(client, begun.headers["hx-redirect"].partition("=")[2])
    assert "Share of days without a sale" in page and page.count("data-chart>") >= 3


def test_only_planners_begin_and_stop(sign_in: SignIn, lean: None) -> None:
    """A viewer sees the page without the form, and is refused."""
    client = sign_in("viewer")
    assert "/twin/run" not in client.get("/twin").text
    for path, form in (("/twin/run", FORM), ("/twin/fidelity", {}), ("/twin/stop/any", {})):
        assert client.post(path, data=form).status_code == 403


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"mine": "today"}, "itself"),
        ({"mine": "../hub.toml"}, "No policy"),
        ({"family": "nowhere"}, "nowhere"),
        ({"stores": 5000}, ""),
        ({"days": "many"}, ""),
    ],
)
def test_what_cannot_be_run_is_refused(sign_in: SignIn, lean: None, hub: Hub, change: dict, told: str) -> None:
    """Wrong choices are refused with their reason, and nothing is begun."""
    refused = sign_in().post("/twin/run", data=FORM | change, headers={"HX-Request": "true"})
    assert 400 <= refused.status_code < 500 and told in refused.text
    assert not (hub.home / "twin").exists()


def test_unknown_runs_are_not_found(sign_in: SignIn) -> None:
    """A run that is not there is 404, as a page and as a part of one."""
    client = sign_in()
    for path in ("/twin?run=nothing", "/twin/progress/nothing"):
        assert client.get(path).status_code == 404


def test_a_stopped_run_says_so(sign_in: SignIn, hub: Hub) -> None:
    """Stop is heard, and the page of the run names who stopped it."""
    client = sign_in()
    folder: Path = hub.home / "twin" / "20260101-000000-aaaa"
    folder.mkdir(parents=True)
    asked = {"request": Request(stores=2, items=12, days=7).told(), "who": "ann", "at": "2999-01-01T00:00:00+00:00"}
    (folder / "asked.json").write_text(json.dumps(asked))
    assert client.post(f"/twin/stop/{folder.name}").status_code == 204
    carry_out(hub.home, folder.name)
    page = client.get(f"/twin?run={folder.name}").text
    assert "planner stopped this run" in page
