"""The console's pages as the server sends them."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from datetime import date

import pandas as pd
import pyarrow as pa
import pytest
from fastapi.testclient import TestClient

from aislehub.core.alerts import AlertFilter
from aislehub.core.book import Filter
from aislehub.core.hub import Hub
from aislehub.core.text import language
from aislehub.serve import formats
from aislehub.serve.api import application
from aislehub.serve.console.pages import PAGES

SignIn = Callable[..., TestClient]
PATHS = [
    "/today",
    "/demand",
    "/prices",
    "/promotions",
    "/rosters",
    "/prices/item?store=367&item=1001",
    "/accuracy",
    "/accuracy?level=store&store=367",
    "/alerts",
    "/twin",
    "/data",
    "/account",
    "/range",
    "/data/table/items",
    "/data/mapping/sales_lines-1a2b.toml",
]


def first(hub: Hub, **which: object) -> dict:
    """The decision of the most money."""
    return hub.ledger.find(Filter(**which), limit=1)[0]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        *PATHS,
        "/today/list",
        "/alerts/list",
        "/alerts/0123456789abcdef",
        "/today/figures",
        "/today/export.csv",
        "/today/bulk",
    ],
)
def test_a_stranger_is_asked_to_sign_in(client: TestClient, path: str) -> None:
    """Every page leads to the sign-in and back; a part of a page tells htmx to go there."""
    response = client.get(path)
    assert response.status_code == 303 and response.headers["location"].startswith("/login")
    part = client.get(path, headers={"HX-Request": "true"})
    assert part.status_code == 401 and part.headers["hx-redirect"] == "/login"


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("path", PATHS)
def test_every_page_is_whole(sign_in: SignIn, path: str, lang: str) -> None:
    """Each page names its language, has one h1, only own files, no inline script or style, and no bare text code."""
    client = sign_in("admin")
    client.cookies.set("language", lang)
    page = client.get(path)
    assert page.status_code == 200 and f'<html lang="{"zh-CN" if lang == "zh" else "en"}"' in page.text
    assert page.text.count("<h1") == 1
    assert not re.search(r"https?://|<style|\sstyle=|\son\w+=", page.text)
    assert all('type="application/json"' in tag or "src=" in tag for tag in re.findall(r"<script[^>]*>", page.text))
    assert not re.search(r"\bserve\.[a-z_]+", page.text)
    assert len(page.content) < 200_000


def test_navigation_comes_from_the_registry(sign_in: SignIn) -> None:
    """Own pages and a capability's page stand in their order, the open one is marked, and data make a page."""
    page = sign_in().get("/range").text
    links = re.findall(r'<a href="/(\w+)"( aria-current="page")?>', page.partition("</nav>")[0])
    paths = [path for path, _ in links]
    assert paths == [
        "today", "demand", "accuracy", "prices", "promotions", "rosters", "reviews", "routes", "recommendations",
        "customers", "alerts", "campaigns", "range", "experiments", "worth", "scenarios", "twin", "data",
    ]  # fmt: skip
    assert links[paths.index("range")][1]
    assert "Whole milk 1 L" in page and "All items" in page
    assert len({page.path for page in PAGES}) == len(PAGES)


def test_headers_keep_foreign_code_out(client: TestClient) -> None:
    """Every answer allows only own scripts and styles, no frames, and is not stored."""
    for path in ("/login", "/api/health", "/nothing", "/static/console.css"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "script-src 'self'" in policy and "style-src 'self'" in policy and "unsafe" not in policy
        assert headers["x-frame-options"] == "DENY" and headers["x-content-type-options"] == "nosniff"
    assert client.get("/login").headers["cache-control"] == "no-store"


def test_signing_in_and_out(client: TestClient) -> None:
    """The session's cookie is out of scripts' reach, leads only to own pages, and ends with signing out."""
    form = {"user": "planner", "password": "correct horse"}
    for next, place in (("/data", "/data"), ("//evil.example", "/"), ("https://evil.example", "/"), ("/\\evil", "/")):
        response = client.post("/login", data=form | {"next": next})
        assert response.status_code == 303 and response.headers["location"] == place
    cookie = response.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie
    assert client.get("/today").status_code == 200
    client.post("/logout")
    assert client.get("/today").status_code == 303


def test_guessing_is_slowed_down(client: TestClient) -> None:
    """A wrong password is 401, the sixth try waits, even with the right one; another user is not stopped."""
    wrong = {"user": "planner", "password": "wrong"}
    for _ in range(5):
        assert client.post("/login", data=wrong).status_code == 401
    right = {"user": "planner", "password": "correct horse"}
    assert client.post("/login", data=right).status_code == 429
    assert client.post("/login", data=right | {"user": "viewer"}).status_code == 303


def test_today_shows_what_a_decision_rests_on(sign_in: SignIn, hub: Hub) -> None:
    """The list is by money, marks simulated facts, stands beside the baseline and says why in both languages."""
    client = sign_in("planner")
    page = client.get("/today").text
    money = [float(text.replace(",", "")) for text in re.findall(r"<strong>\$([\d.,]+)</strong>\s*<svg", page)]
    assert len(money) == 50 and money == sorted(money, reverse=True)
    assert page.count("simulated") >= 30 and "instead of: Order 12 (weeks of cover)" in page
    assert "on_hand is 2; the lowest allowed value is 9." in page
    client.cookies.set("language", "zh")
    assert "on_hand 为 2；最小允许值为 9。" in client.get("/today").text


def test_the_list_is_filtered_and_paged(sign_in: SignIn) -> None:
    """Filters narrow by kind, store, state and item number; pages hold 50; nonsense falls back."""
    client = sign_in("viewer")
    shown = lambda query: client.get(f"/today/list?{query}").text  # noqa: E731
    assert shown("").count("data-row") == 50 and shown("page=3").count("data-row") == 20
    assert shown("page=99").count("data-row") == 20 and shown("page=x&day=x").count("data-row") == 50
    assert "60 decisions" in shown("store=367") and "No decision" in shown("kind=nothing")
    assert shown("search=1001").count("data-row") == 1 and "No decision" in shown("state=approved")
    assert "120 decisions" in shown("state=")


def test_the_drawer_tells_everything(sign_in: SignIn, hub: Hub) -> None:
    """Why: action beside baseline, interval, bound, horizon, reasons, model, policy, versions, source, history."""
    found = first(hub)
    text = sign_in("planner").get(f"/today/decision/{found['id']}", headers={"HX-Request": "true"}).text
    for part in ("Order 6", "weeks of cover", "over 7 days", "Known: Sat, Sun.", "seasonal_mean", "0a1b2c", "stock 3"):
        assert part in text, part
    for move in ("approve", "reject", "override"):
        assert f"/today/decision/{found['id']}/{move}" in text
    whole = sign_in("planner").get(f"/today/decision/{found['id']}").text
    assert "<html" in whole and "<html" not in text


def test_moving_from_the_console(sign_in: SignIn, hub: Hub) -> None:
    """Override needs a reason and a number; undo takes it back; the page hears that something moved."""
    client, id = sign_in("planner"), first(hub)["id"]
    part = {"HX-Request": "true"}
    post = lambda move, **data: client.post(f"/today/decision/{id}/{move}", data=data, headers=part)  # noqa: E731
    assert post("override", to="30").status_code == 422 and post("override", to="x", why="x").status_code == 422
    done = post("override", to="30", why="holiday")
    assert done.headers["hx-trigger"] == "decisions-changed" and "holiday" in done.text
    assert hub.ledger.get(id)["override"]["action"]["quantity"] == 30
    assert post("approve").status_code == 409
    assert hub.ledger.get(id)["state"] == "overridden"
    assert post("undo").status_code == 200 and hub.ledger.get(id)["state"] == "proposed"
    without_script = client.post(f"/today/decision/{id}/reject", data={})
    assert without_script.status_code == 303 and hub.ledger.get(id)["state"] == "rejected"


def test_ticked_decisions_move_together_and_back(sign_in: SignIn, hub: Hub) -> None:
    """Approving the selection moves all of it or nothing, and the message offers to undo it."""
    client = sign_in("planner")
    ids = [row["id"] for row in hub.ledger.find(Filter(), limit=3)]
    told = client.post("/today/selected/approve", data={"ids": ids}).text
    assert "3 decisions approved" in told and all(id in told for id in ids)
    again = client.post("/today/selected/reject", data={"ids": [*ids, first(hub, states=("proposed",))["id"]]})
    assert again.status_code == 409 and hub.ledger.get(ids[0])["state"] == "approved"
    client.post("/today/selected/undo", data={"ids": ids})
    assert {hub.ledger.get(id)["state"] for id in ids} == {"proposed"}
    assert client.post("/today/selected/approve", data={}).status_code == 422


def test_bulk_approval_shows_and_keeps_its_number(sign_in: SignIn, hub: Hub) -> None:
    """The confirmation says how many and for how much; if it would be another number, nothing moves."""
    client = sign_in("planner")
    shown = client.get("/today/bulk?outlay=30&safe=true&store=367").text
    count = int(re.search(r'name="expected" value="(\d+)"', shown)[1])
    assert 0 < count < 60
    data = {"outlay": "30", "safe": "true", "expected": count}
    assert client.post("/today/bulk?store=367", data=data | {"expected": count + 1}).status_code == 409
    assert not hub.ledger.find(Filter(states=("approved",)))
    client.post("/today/bulk?store=367", data=data)
    approved = hub.ledger.find(Filter(states=("approved",)))
    assert len(approved) == count
    assert all(row["store"] == "367" and row["outlay"] <= 30 and row["money_low"] >= 0 for row in approved)
    assert client.get("/today/bulk?outlay=many").status_code == 422


def test_a_viewer_sees_no_buttons_and_moves_nothing(sign_in: SignIn, hub: Hub) -> None:
    """A viewer reads everything but persons; every move is refused."""
    client, id = sign_in("viewer"), first(hub)["id"]
    assert "/approve" not in client.get("/today").text.replace("/today/selected/approve", "")
    assert "<form" not in client.get(f"/today/decision/{id}", headers={"HX-Request": "true"}).text
    for path in (f"decision/{id}/approve", "selected/approve", "bulk"):
        assert client.post(f"/today/{path}", data={"ids": [id], "expected": 1}).status_code == 403
    assert client.post("/data/mapping/sales_lines-1a2b.toml", data={"text": ""}).status_code == 403
    assert client.get("/data/table/sales_lines").status_code == 403
    assert (
        client.post("/account/users", data={"name": "x", "password": "long enough", "role": "admin"}).status_code == 403
    )


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_the_list_goes_to_a_spreadsheet(sign_in: SignIn, hub: Hub, suffix: str) -> None:
    """The export holds the filtered list with words and numbers, and no cell that a spreadsheet would run."""
    hub.ledger.propose("orders", first(hub)["day"], _formula(hub), currency="USD")
    response = sign_in("viewer").get(f"/today/export.{suffix}?search=cmd")
    content = io.BytesIO(response.content)
    sheet = pd.read_csv(content) if suffix == "csv" else pd.read_excel(content)
    assert sheet["subject"].tolist() == ["'=cmd|' /C calc'!A0"] and sheet["money"].tolist() == [5.0]
    assert sheet["action"].tolist() == ["Order 6"]


def _formula(hub: Hub):
    row = {name: first(hub)[name] for name in ("store", "horizon_days", "bound", "source")}
    row |= {"subject": "=cmd|' /C calc'!A0", "action": '{"quantity": 6}', "baseline": '{"name": "nothing"}'}
    return pa.Table.from_pylist(
        [row | {"money": 5.0, "money_low": 1.0, "money_high": 9.0, "outlay": 1.0, "reasons": "[]"}]
    )


def test_demand_draws_history_band_and_stock_outs(sign_in: SignIn) -> None:
    """Chart and table hold the same: sales by day, the forecast's band, empty shelves, promotions, reasons."""
    client = sign_in("viewer")
    page = client.get("/demand?store=367&item=1001&weeks=8").text
    assert '"out": ["2017-' in page and '"promoted": ["2017-10-16"' in page and page.count("<tr>") == 1 + 56 + 14
    assert "Days promoted</li>" in page
    assert "Whole milk 1 L" in client.get("/demand").text, "without a choice: the largest forecast"
    assert "Nothing is known" in client.get("/demand?store=367&item=nothing").text
    options = client.get("/demand/items?item=MILK").text
    assert "1001" in options and "1002" not in options


def test_why_is_asked_for_and_adds_up(sign_in: SignIn) -> None:
    """The part of the page that says why has both charts, the sentences and each day; unknown items are refused."""
    client = sign_in("viewer")
    assert "/demand/why?store=367&amp;item=1001" in client.get("/demand?store=367&item=1001").text
    page = client.get("/demand/why?store=367&item=1001").text
    waterfall, days = (json.loads(found) for found in re.findall(r'application/json">(.*?)</script>', page))
    assert sum(waterfall["values"]) == pytest.approx(sum(days["mean"]), abs=0.1)
    for at, mean in enumerate(days["mean"]):
        assert sum(part["values"][at] for part in days["parts"]) == pytest.approx(mean, abs=0.02)
    assert "a day." in page
    refused = client.get("/demand/why?store=367&item=100", headers={"HX-Request": "true"})
    assert refused.status_code == 404 and "Did you mean" in refused.text
    held = client.get("/demand?store=367&item=1001").text
    assert 'hx-trigger="load"' in held, "held in memory now, so it loads by itself"


def test_what_if_compares_or_refuses(sign_in: SignIn) -> None:
    """A second placement is compared in units and money; a price that never moved, and nonsense, are refused."""
    client = sign_in("viewer")
    ask = {"store": "367", "item": "1001"}
    page = client.get("/demand/whatif", params=ask | {"promo": "display"}).text
    assert all(word in page for word in ("Revenue", "Margin", "90 % interval", "Second placement"))
    every = client.get("/demand/whatif", params=ask | {"promo": "display", "everywhere": "true"}).text
    assert "2 stores" in every
    for wrong in (
        {},
        {"price": "2"},
        {"price": "abc"},
        {"promo": "poster"},
        {"discount": "200"},
        {"first": "2017-01-01"},
    ):
        refused = client.get("/demand/whatif", params=ask | wrong, headers={"HX-Request": "true"})
        assert refused.status_code == 422, wrong
        assert "fault" in refused.text


def test_data_shows_readiness_rejected_rows_and_tables(sign_in: SignIn) -> None:
    """Scores with their faults, every rejected row with its sentence, and each table that has rows."""
    page = sign_in("viewer").get("/data").text
    assert page.count("<meter") == 7 and "price is -8; the lowest allowed value is 0." in page
    assert "sales_lines-1a2b.toml" in page and "/data/table/stock" in page


def test_a_row_as_written_is_for_admins(sign_in: SignIn) -> None:
    """A rejected row may name a person in any of its cells, so others see what is wrong and where, not the row."""
    client = sign_in("viewer")
    assert "Preis" not in client.get("/data").text and client.get("/data/table/rejected").status_code == 403
    client = sign_in("admin")
    assert "/data/table/rejected" in client.get("/data").text and "Preis" in client.get("/data/table/rejected").text


def test_a_mapping_is_edited_only_into_a_mapping(sign_in: SignIn, hub: Hub) -> None:
    """A faulty mapping comes back with what is wrong and the file stays; a good one is kept."""
    client, file = sign_in("planner"), hub.home / "mappings" / "sales_lines-1a2b.toml"
    before = file.read_text()
    for text in (
        "table =",
        'table = "sales_lines"\n[columns]\nshop = "x"\n',
        'table = "x"\n[columns]\nstore = "x"\n',
        "colour = 1",
    ):
        response = client.post(f"/data/mapping/{file.name}", data={"text": text})
        assert response.status_code == 422 and 'role="alert"' in response.text and file.read_text() == before
    good = before + 'line = "#row"\n'
    assert client.post(f"/data/mapping/{file.name}", data={"text": good.replace("\n", "\r\n")}).status_code == 200
    assert file.read_text() == good and not list(file.parent.glob("*.draft"))
    for name in ("nothing.toml", "..%2Fhub.toml"):
        assert client.get(f"/data/mapping/{name}").status_code == 404


def test_account(sign_in: SignIn, hub: Hub) -> None:
    """An admin adds users; anybody makes a token that works until it is revoked, and changes the password."""
    client = sign_in("admin")
    assert (
        client.post("/account/users", data={"name": "new", "password": "long enough", "role": "viewer"}).status_code
        == 200
    )
    assert (
        client.post("/account/users", data={"name": "new", "password": "long enough", "role": "viewer"}).status_code
        == 422
    )
    page = client.post("/account/tokens", data={"label": "till"}).text
    token = re.search(r"<code>([\w-]{40,})</code>", page)[1]
    headers = {"Authorization": f"Bearer {token}"}
    assert client.get("/api/tables", headers=headers).status_code == 200
    digest = re.search(r'name="digest" value="(\w+)"', page)[1]
    client.post("/account/tokens/revoke", data={"digest": digest})
    assert client.get("/api/tables", headers=headers).status_code == 401
    assert client.post("/account/password", data={"old": "wrong", "new": "another one"}).status_code == 422
    assert client.post("/account/password", data={"old": "correct horse", "new": "another one"}).status_code == 303
    assert client.get("/today").status_code == 303


def test_an_empty_house_says_what_to_run(empty_hub: Hub) -> None:
    """Without data every page says which command comes first."""
    with TestClient(application(empty_hub)) as client:
        client.post("/login", data={"user": "admin", "password": "correct horse"})
        for path, verb in {"today": "day", "accuracy": "day", "demand": "ingest", "data": "readiness"}.items():
            page = client.get(f"/{path}")
            assert page.status_code == 200 and f"aislehub {verb}" in page.text


def test_numbers_read_as_the_language_writes_them() -> None:
    """Money, intervals and days follow the language; a minus is a minus."""
    with language("en"):
        assert formats.money(-1234.5, "USD") == "−$1,234" and formats.day(date(2017, 11, 5)) == "Sun 5 Nov 2017"
        assert formats.action({"name": "nothing"}) == "nothing"
    with language("zh"):
        assert formats.money(12.5, "CNY") == "¥12.50" and formats.day(date(2017, 11, 5)) == "2017年11月5日 周日"
        assert formats.action({"quantity": 24.0}, "orders") == "订货 24"
    assert formats.number(float("nan")) == formats.money(None, "USD") == "–" and formats.number(-0.04) == "0"


# -- alerts ----------------------------------------------------------------------------------------


def test_today_shows_the_alerts_with_the_most_money(sign_in: SignIn, hub: Hub) -> None:
    """Today says how many are open and for how much, shows the first five, and leads to all of them."""
    page = sign_in().get("/today").text
    panel = page.partition('class="card alerts"')[2].partition("</details>")[0]
    assert "Alerts: 13 open" in panel and panel.count("<li>") == 5 and 'href="/alerts"' in panel
    top = hub.alerts.find(AlertFilter(states=("open",)), limit=1)[0]
    assert f"/alerts/{top['id']}" in panel and "$41.50" in panel


def test_alerts_are_grouped_by_cause(sign_in: SignIn) -> None:
    """The cause with the most money first, each with its sum; filters narrow; closed ones only when asked for."""
    client = sign_in()
    page = client.get("/alerts").text
    headings = re.findall(r"<h2>([^<]+?) <small>", page)
    assert headings == ["Will run out before an order can arrive", "Book stock below zero"]
    assert page.count("data-row") == 13
    for query, count in (("state=closed", 2), ("state=", 16), ("owner=store", 4), ("store=-&state=closed", 1)):
        assert client.get(f"/alerts/list?{query}").text.count("data-row") == count, query
    assert "No alert matches" in client.get("/alerts?owner=it").text
    assert client.get("/alerts?state=nonsense").text.count("data-row") == 13


def test_a_long_cause_is_shown_in_parts(sign_in: SignIn, hub: Hub) -> None:
    """Of each cause the first ten rows stand on the page, all of it where it is chosen."""
    names = ("cause", "store", "subject", "owner", "facts", "source")
    row = dict.fromkeys(names, "x") | {"owner": "it", "facts": "{}", "money_at_risk": 1.0}
    many = pa.Table.from_pylist([row | {"subject": str(n)} for n in range(30)])
    hub.alerts.record(date(2017, 11, 6), {"others": many}, currency="USD")
    client = sign_in()
    assert client.get("/alerts?owner=it").text.count("data-row") == 10
    assert client.get("/alerts?owner=it&cause=x").text.count("data-row") == 30


def test_suppressing_needs_a_day_a_reason_and_a_planner(sign_in: SignIn, hub: Hub) -> None:
    """What is missing is said and nothing moves; with both the alert leaves the list, and resuming brings it back."""
    client = sign_in()
    id = hub.alerts.find(AlertFilter(states=("open",)), limit=1)[0]["id"]
    for form, said in (
        ({"until": "soon", "why": "x"}, "is no date"), ({"until": "2017-11-20", "why": " "}, "needs a reason"),
        ({"until": "2017-11-05", "why": "x"}, "is not after"),
    ):  # fmt: skip
        response = client.post(f"/alerts/{id}/suppress", data=form, headers={"HX-Request": "true"})
        assert response.status_code == 422 and said in response.text
    response = client.post(f"/alerts/{id}/suppress", data={"until": "2017-11-20", "why": "strike"})
    assert response.status_code == 303 and "strike" in client.get(response.headers["location"]).text
    assert id not in client.get("/alerts/list").text
    assert client.post(f"/alerts/{id}/resume").status_code == 303 and id in client.get("/alerts/list").text
    client.post("/logout")
    assert sign_in("viewer").post(f"/alerts/{id}/suppress", data={"until": "2017-11-20", "why": "x"}).status_code == 403
    assert "data-act" not in client.get("/alerts").text
    assert client.get("/alerts/0000000000000000").status_code == 404


# -- accuracy --------------------------------------------------------------------------------------


def test_accuracy_tells_what_each_class_is_forecast_with(sign_in: SignIn) -> None:
    """Each class with its contenders, the shares of the forecast, the closest marked, why, and why it was learnt."""
    page = sign_in().get("/accuracy").text
    champions = page.partition('id="champions"')[2]
    assert "because there was none yet" in page and "mean of 28 days" in champions
    assert champions.count('class="card champion"') == 1 and champions.count("closest</span>") == 1
    widths = [float(width) for width in re.findall(r'<rect class="part\d" x="[\d.]+" width="([\d.]+)"', champions)]
    assert len(widths) == 2 and sum(widths) == pytest.approx(100, abs=0.1)


def test_accuracy_goes_down_from_level_to_part(sign_in: SignIn) -> None:
    """Levels lead to their parts, the largest error first; a part shows its weeks; filters by number and by name."""
    client = sign_in()
    page = client.get("/accuracy").text
    assert re.findall(r"/accuracy\?level=(\w+)", page) == ["chain", "store", "item_store"] and 'id="parts"' not in page
    stores = client.get("/accuracy?level=store&sort=money").text
    parts = re.findall(r'href="/accuracy\?level=store&amp;store=(\d+)&amp;sort=money"', stores)
    assert sorted(parts) == ["367", "406"]
    units = re.findall(r'</th>\s*<td class="figure">([\d.]+)</td><td class="figure">\$', stores)
    errors = [float(text) for text in units]
    assert len(errors) == 2 and errors == sorted(errors, reverse=True)
    for search, found in (("harb", ["406"]), ("36", ["367"]), ("nowhere", [])):
        page = client.get(f"/accuracy?level=store&search={search}").text
        assert re.findall(r'href="/accuracy\?level=store&amp;store=(\d+)&amp;', page) == found, search
    one = client.get("/accuracy?level=store&store=367").text
    drawn = json.loads(re.search(r'data-chart><script type="application/json">(.*?)</script>', one)[1])
    assert "367 Main St" in one and drawn["days"] == ["2017-10-29", "2017-11-05"] and drawn["sold"][1] == 500


def test_an_unknown_part_falls_back_to_the_chain(sign_in: SignIn) -> None:
    """What the address asks for and the table lacks, nonsense too, shows the chain."""
    client = sign_in()
    for query in ("level=store&store=nowhere", "level=nonsense&store=367", "level=region", "sort=x&search=%00"):
        page = client.get(f"/accuracy?{query}")
        assert page.status_code == 200 and "<small>Chain</small>" in page.text, query


def test_an_alert_of_a_part_is_linked(sign_in: SignIn, hub: Hub) -> None:
    """A part that monitoring alerts about leads to that alert."""
    schema = hub.tables.contract("demand_alerts").schema
    row = {
        "cause": "demand.alert_store_below", "store": "406", "subject": "store", "owner": "planner",
        "money_at_risk": 99.0, "facts": "{}", "source": "till",
    }  # fmt: skip
    hub.alerts.record(date(2017, 11, 6), {"demand_alerts": pa.Table.from_pylist([row], schema)}, currency="USD")
    id = next(alert["id"] for alert in hub.alerts.find(AlertFilter()) if alert["cause"] == row["cause"])
    page = sign_in().get("/accuracy?level=store").text
    assert page.count(f'href="/alerts/{id}"') == 1
    assert f'href="/alerts/{id}"' in page[page.index("406 Harbour</a>") :]


def test_demand_leads_to_the_accuracy_of_its_store(sign_in: SignIn) -> None:
    """Below the chart of an item."""
    assert "/accuracy?level=store&amp;store=406" in sign_in().get("/demand?store=406&item=1001").text


def test_before_the_first_week_accuracy_tells_the_model(sign_in: SignIn, hub: Hub) -> None:
    """With a model and no week to compare, the champions are there and the page says what is missing."""
    hub.tables.write("forecast_accuracy", hub.tables.contract("forecast_accuracy").empty(), date(2017, 11, 5))
    page = sign_in().get("/accuracy").text
    assert "No week can be compared yet" in page and "champion" in page
