"""The console in a real Chromium: what scripts, styles and a keyboard do to it."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import expect, sync_playwright

from aislehub.core.alerts import AlertFilter
from aislehub.core.book import Filter
from aislehub.core.hub import Hub

pytestmark = pytest.mark.browser
PASSWORD = "correct horse"
SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
PAGES = (
    "today", "demand", "prices", "prices?goods=clearance&state=", "accuracy", "accuracy?level=store&store=367",
    "recommendations", "customers", "reviews", "reviews/item?item=1001", "alerts", "alerts?state=", "twin", "data",
    "account", "range", "data/table/items",
)  # fmt: skip

# Every visible text: the contrast of its colour with the first opaque background behind it, by WCAG 2.2.
CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const linear = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = rgba(getComputedStyle(e).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!hasText || !element.checkVisibility() || element.matches(":disabled, script")) continue;
    if (element.closest(".hidden, .tabulator")) continue;
    const pair = [rgba(getComputedStyle(element).color), behind(element)].map(light).sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (ratio < 4.5) faint.push(`${element.tagName} ${element.textContent.trim().slice(0, 20)} ${ratio.toFixed(2)}`);
  }
  return faint;
}"""
# Every visible control or picture without a name that a screen reader could say.
UNLABELLED = """() => {
  const named = "input:not([type=hidden]), select, textarea, button, a[href], dialog, [role=img]";
  const hasName = (e) => e.labels?.length || e.ariaLabel || e.getAttribute("aria-labelledby") || e.textContent.trim();
  return [...document.querySelectorAll(named)]
    .filter((e) => e.checkVisibility() && !e.closest(".tabulator") && !hasName(e))
    .map((e) => e.outerHTML.slice(0, 120));
}"""
LOOKS = [
    ("desktop", "en", "light"),
    ("phone", "zh", "dark"),
    ("desktop", "zh", "dark"),
    ("phone", "en", "light"),
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A real browser; without the system package the tests skip, unless CI=true.

    It ends with this file: playwright holds the thread's event loop, and others want one of their own.
    """
    program = shutil.which("chromium")
    missing = [] if program else ["chromium"]
    try:
        ctypes.CDLL("libatomic.so.1")
    except OSError:
        missing.append("libatomic1")  # playwright's own Node wants it
    if missing:
        told = f"a real browser needs: apt install {' '.join(missing)}"
        pytest.fail(told) if os.environ.get("CI") == "true" else pytest.skip(told)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


Visit = Callable[..., Any]


@pytest.fixture
def visit(chromium: Any, serve: Callable[[Hub], str], hub: Hub) -> Iterator[Visit]:
    """A signed-in page in a window; what the browser complains about fails the test."""
    address, complaints, contexts = serve(hub), [], []

    def open_page(role: str = "planner", size: str = "desktop", lang: str = "en", theme: str = "light") -> Any:
        width, height = SIZES[size]
        context = chromium.new_context(
            base_url=address, viewport={"width": width, "height": height}, color_scheme=theme, locale=f"{lang}-XX"
        )
        contexts.append(context)
        context.add_cookies([{"name": "language", "value": lang, "url": address}])
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda m: complaints.append(m.text) if _is_complaint(m) else None)
        page.on("request", lambda r: complaints.append(r.url) if not r.url.startswith((address, "data:")) else None)
        page.goto("/login")
        page.fill("input[name=user]", role)
        page.fill("input[name=password]", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/my-roster" if role == "staff" else "**/today")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not complaints


def _is_complaint(message: Any) -> bool:
    """Errors and warnings, but for what tests ask for: refusals, a dead network, requests that a newer one replaced."""
    asked_for = re.search(
        r"status of 4\d\d|Response Status Error Code 4\d\d|htmx:(sendAbort|afterRequest)|ERR_INTERNET_DISCONNECTED",
        message.text,
    )
    return message.type in ("error", "warning") and not asked_for


@pytest.mark.parametrize(("size", "lang", "theme"), LOOKS)
def test_pages_fit_and_can_be_read(visit: Visit, size: str, lang: str, theme: str) -> None:
    """Every page, in both languages, themes and sizes: nothing too wide, contrast 4.5:1, everything labelled."""
    page = visit("admin", size, lang, theme)
    for path in PAGES:
        page.goto(f"/{path}")
        page.wait_for_load_state("networkidle")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= SIZES[size][0], f"{path} is {width} px wide"
        assert page.evaluate(CONTRAST) == [], path
        assert page.evaluate(UNLABELLED) == [], path
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != (
        "rgb(246, 247, 246)" if theme == "dark" else "rgb(19, 23, 22)"
    )


def test_a_decision_is_approved_by_keyboard(visit: Visit, hub: Hub) -> None:
    """Enter on Approve moves the decision, the list closes up, and the focus is on the next row's button."""
    page = visit()
    before = page.locator(".what a").nth(1).text_content()
    page.locator("[data-act=approve]").first.focus()
    page.keyboard.press("Enter")
    page.get_by_text("1 decision approved").wait_for()
    expect(page.locator(".what a").first).to_have_text(before)
    expect(page.locator("[data-act=approve]").first).to_be_focused()
    expect(page.locator("#figures")).to_contain_text("119")
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("1 decision undone").wait_for()
    assert not hub.ledger.find(Filter(states=("approved",)))


def test_the_drawer_opens_acts_and_closes(visit: Visit, hub: Hub) -> None:
    """Why opens a drawer; an override without a reason is refused in it, with one it is kept; Escape closes it."""
    page = visit(size="phone")
    id = hub.ledger.find(Filter(), limit=1)[0]["id"]
    page.locator("[data-act=why]").first.click()
    drawer = page.locator("#drawer")
    drawer.get_by_label("Instead: quantity").fill("48")
    drawer.get_by_role("button", name="Override").click()
    drawer.get_by_text("An override needs a reason").wait_for()
    drawer.get_by_label("Your reason").fill("street market")
    drawer.get_by_role("button", name="Override").click()
    drawer.get_by_text("planner chose: Order 48 — street market").wait_for()
    assert hub.ledger.get(id)["override"]["action"]["quantity"] == 48
    page.keyboard.press("Escape")
    assert not drawer.is_visible()


def test_many_are_approved_after_a_look(visit: Visit, hub: Hub) -> None:
    """Limits change the number that would be approved; confirming approves that many and closes the drawer."""
    page = visit()
    page.get_by_role("button", name="Approve many").click()
    page.get_by_role("button", name="Approve 120").wait_for()
    page.get_by_label("Outlay of one decision at most").fill("20")
    page.get_by_label("Only where even").check()
    which = Filter(states=("proposed",), outlay_at_most=20.0, money_low_at_least=0.0)
    count = len(hub.ledger.find(which))
    button = page.get_by_role("button", name=f"Approve {count}")
    assert 0 < count < 120
    button.click()
    page.get_by_text(f"{count} decisions approved").wait_for()
    assert not page.locator("#drawer").is_visible()
    assert len(hub.ledger.find(Filter(states=("approved",)))) == count


def test_selected_decisions_are_rejected(visit: Visit, hub: Hub) -> None:
    """Nothing can be rejected before something is ticked; ticking the page rejects the page."""
    page = visit()
    button = page.get_by_role("button", name="Reject selected")
    assert button.is_disabled()
    page.locator("[data-all]").check()
    button.click()
    page.get_by_text("50 decisions rejected").wait_for()
    page.get_by_text("70 decisions").wait_for()
    assert len(hub.ledger.find(Filter(states=("rejected",)))) == 50


def test_an_alert_is_suppressed_and_resumed(visit: Visit, hub: Hub) -> None:
    """From the list into the drawer, a reason and a day; it leaves the list, and stands among the suppressed ones."""
    page = visit()
    page.goto("/alerts")
    page.get_by_text("13 alerts", exact=False).first.wait_for()
    top = hub.alerts.find(AlertFilter(states=("open",)), limit=1)[0]["id"]
    page.locator("[data-act=suppress]").first.click()
    drawer = page.locator("#drawer")
    drawer.get_by_label("Your reason").fill("shelf is being rebuilt")
    drawer.get_by_label("Quiet until").fill("2017-11-20")
    drawer.get_by_role("button", name="Suppress").click()
    drawer.get_by_text("shelf is being rebuilt").wait_for()
    assert (hub.alerts.get(top)["state"], str(hub.alerts.get(top)["until"])) == ("suppressed", "2017-11-20")
    page.keyboard.press("Escape")
    page.get_by_text("12 alerts", exact=False).first.wait_for()
    page.get_by_label("State").select_option("suppressed")
    page.locator("#queue").get_by_text("suppressed until 2017-11-20").wait_for()
    page.locator("[data-act=resume]").first.click()
    page.get_by_text("The alert is open again").wait_for()
    expect(page.locator("[data-row]")).to_have_count(1)
    assert {a["state"] for a in hub.alerts.find(AlertFilter(states=("open", "suppressed")))} == {"open", "suppressed"}


def test_an_alert_without_a_reason_stays_open(visit: Visit, hub: Hub) -> None:
    """The browser asks for the reason before anything is sent; nothing has moved."""
    page = visit(size="phone")
    page.goto("/alerts")
    page.locator("[data-act=suppress]").first.click()
    page.locator("#drawer").get_by_role("button", name="Suppress").click()
    assert page.locator("#drawer input:invalid").count() == 1
    assert len(hub.alerts.find(AlertFilter(states=("open",)))) == 13


def test_filters_work_without_leaving_the_page(visit: Visit) -> None:
    """Choosing a store and typing an item number narrow the list while one types, and the address follows."""
    page = visit("viewer")
    page.get_by_label("Store").select_option("406")
    page.get_by_text("60 decisions").wait_for()
    page.get_by_label("Search").type("1002")
    page.get_by_text("1 decision", exact=True).wait_for()
    assert page.locator("[data-row]").count() == 1
    assert "store=406" in page.url and "search=1002" in page.url
    page.reload()
    assert page.locator("[data-row]").count() == 1


def test_the_theme_is_a_choice_that_stays(visit: Visit) -> None:
    """The button turns light into dark at once, charts too, and the next page remembers."""
    page = visit(theme="light")
    page.goto("/demand")
    page.locator("[data-chart] canvas").wait_for()
    light = page.locator("[data-chart]").screenshot()
    page.locator("[data-theme-toggle]").click()
    page.wait_for_timeout(200)
    assert page.locator("[data-chart]").screenshot() != light
    page.goto("/data")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(19, 23, 22)"


def test_grids_sort_and_filter(visit: Visit) -> None:
    """The rejected rows stand in a grid that filters while one types."""
    page = visit()
    page.goto("/data")
    page.locator(".tabulator-row").first.wait_for()
    expect(page.locator(".tabulator-row")).to_have_count(8)
    page.locator(".tabulator-header-filter input").first.press_sequentially("-8")
    expect(page.locator(".tabulator-row")).to_have_count(1)


def test_the_language_is_a_choice_that_stays(visit: Visit) -> None:
    """One button changes the language of this page, at this address, and of the next."""
    page = visit()
    page.goto("/today?store=406")
    page.get_by_role("button", name="中文").click()
    page.wait_for_load_state()
    assert page.get_attribute("html", "lang") == "zh-CN" and "store=406" in page.url
    page.goto("/data")
    page.get_by_role("heading", name="数据就绪度").wait_for()


def test_today_is_ready_within_a_second(visit: Visit, hub: Hub, propose: Callable[..., None]) -> None:
    """With 100,000 decisions of the day, Today is loaded within one second of work (best of three)."""
    propose(hub, 100_000)
    page = visit()
    times = []
    for _ in range(3):
        started = time.perf_counter()
        page.goto("/today")
        page.locator("[data-row]").nth(49).wait_for()
        times.append(time.perf_counter() - started)
    assert "100,000" in page.locator("#figures").inner_text()
    assert min(times) <= 1.0, times


def test_a_forecast_is_taken_apart_and_asked_what_if(visit: Visit) -> None:
    """Why and what if answer on the page, on a phone, too: charts, a table, refusals as messages."""
    page = visit("viewer", size="phone")
    page.goto("/demand?store=367&item=1001")
    button = page.get_by_role("button", name="Explain every day")
    if button.count():  # the panel may be held already, and then it loads by itself
        button.click()
    expect(page.locator("#why canvas")).to_have_count(2, timeout=60_000)
    page.locator("#whatif select[name=promo]").select_option("display")
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("#whatif-result canvas")).to_have_count(1, timeout=60_000)
    expect(page.locator("#whatif-result")).to_contain_text("Margin")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(CONTRAST) == []
    assert page.evaluate(UNLABELLED) == []
    page.locator("#whatif input[name=price]").fill("3.8")
    page.get_by_role("button", name="Compare").click()
    page.get_by_text("cannot be told").wait_for()


@pytest.mark.parametrize(("size", "lang", "theme"), LOOKS)
def test_an_item_s_prices_fit_and_can_be_read(visit: Visit, priced: Hub, size: str, lang: str, theme: str) -> None:
    """The list of changes and an item's ladder, in both languages, themes and sizes, with all their charts."""
    page = visit("planner", size, lang, theme)
    for path, drawn in (("prices", 2), ("prices/item?store=367&item=1001&day=2017-11-05", 3)):
        page.goto(f"/{path}")
        page.wait_for_load_state("networkidle")
        expect(page.locator("[data-chart] canvas")).to_have_count(drawn)
        assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
        assert page.evaluate(CONTRAST) == [], path
        assert page.evaluate(UNLABELLED) == [], path


@pytest.mark.parametrize(("size", "lang", "theme"), LOOKS[:2])
def test_promotions_fit_and_can_be_read(visit: Visit, promoted: Hub, size: str, lang: str, theme: str) -> None:
    """The plan with its gate, draws and beliefs, on a desk and on a phone; a trial is approved where it stands."""
    page = visit("planner", size, lang, theme)
    page.goto("/promotions")
    expect(page.locator("[data-chart] canvas")).to_have_count(3)
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    assert page.evaluate(CONTRAST) == []
    assert page.evaluate(UNLABELLED) == []
    page.locator("[data-act=approve]").click()
    expect(page.locator("#queue [data-row]")).to_have_count(0)
    assert [row["state"] for row in promoted.ledger.find(Filter(kind="promotion_plan"))] == ["approved"]


@pytest.mark.parametrize(("size", "lang", "theme"), LOOKS[:2])
def test_reviews_are_read_and_decided(visit: Visit, reviewed: Hub, size: str, lang: str, theme: str) -> None:
    """A pasted review is read in place, an item's weeks are drawn, and its fix is approved; all fits and has names."""
    page = visit("planner", size, lang, theme)
    page.goto("/reviews")
    page.locator("textarea").fill("味道很好，但是包装破损 <b>漏液</b>")
    page.locator("form[action='/reviews/read'] button").click()
    expect(page.locator("#read li")).to_have_count(2)  # its taste and its packaging
    for path in ("/reviews", "/reviews/item?item=1001"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
        assert page.evaluate(CONTRAST) == []
        assert page.evaluate(UNLABELLED) == []
    expect(page.locator("[data-chart] canvas")).to_have_count(1)
    page.locator("#decided button.primary").click()
    expect(page.locator("#decided .badge.approved")).to_have_count(1)
    expect(page.locator("#decided button.primary")).to_have_count(0)


@pytest.mark.parametrize(("size", "lang", "theme"), LOOKS[:2])
def test_a_list_answers_to_what_is_done(visit: Visit, recommending: Hub, size: str, lang: str, theme: str) -> None:
    """A member is found by typing, their list is there by itself; what goes into the cart leaves it, and comes back."""
    page = visit("admin", size, lang, theme)
    page.goto("/recommendations")
    rows = page.locator(".offers > li")
    expect(rows).to_have_count(10, timeout=30_000)
    expect(page.locator(".beside-item")).to_be_hidden()
    page.locator("input[name=customer]").press_sequentially("c0")
    expect(page.locator("#members option")).to_have_count(10)
    page.locator("input[name=customer]").fill("c03")
    page.keyboard.press("Tab")
    page.wait_for_url("**customer=c03*")
    first = rows.first.locator(".what strong").text_content()
    rows.first.locator(".acts button").nth(1).click()
    expect(page.locator(".cart .badge")).to_contain_text(first)
    expect(page.locator("#list .note")).to_contain_text(first)
    expect(rows.first.locator(".what strong")).not_to_have_text(first)
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    assert page.evaluate(CONTRAST) == []
    assert page.evaluate(UNLABELLED) == []
    page.locator(".cart button").click()
    expect(rows.first.locator(".what strong")).to_have_text(first)
    page.select_option("select[name=place]", "similar")
    expect(page.locator(".beside-item")).to_be_visible()
    expect(page.locator("#list h3")).to_contain_text("Item 0")


def test_a_price_is_approved_on_the_item_s_page(visit: Visit, priced: Hub) -> None:
    """A change is approved beside its ladder, and another price is asked for with a reason; both are seen at once."""
    page = visit()
    page.goto("/prices/item?store=367&item=1001&day=2017-11-05")
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("#decided .badge")).to_have_text("approved")
    page.goto("/prices?goods=clearance")
    page.get_by_role("button", name="Why").click()
    page.locator("#drawer input[name=why]").fill("school fair")
    page.locator("#drawer input[name=to]").fill("3.49")
    page.get_by_role("button", name="Override").click()
    expect(page.locator("#drawer .badge.overridden").first).to_be_visible()
    states = {row["subject"]: row["state"] for row in priced.ledger.find(Filter(kind="price_changes"))}
    assert states == {"1001": "approved", "1002": "overridden"}


def test_a_policy_is_tried_without_leaving_the_page(visit: Visit, hub: Hub) -> None:
    """Begin shows how far the run is, and its end brings the result by itself; a policy against itself is refused."""
    (hub.home / "policies").mkdir()
    (hub.home / "policies" / "lean.toml").write_text("weeks_of_cover = 0.5\n")
    page = visit(size="phone")
    page.goto("/twin")
    page.select_option("select[name=mine]", "today")
    page.click("form[hx-post='/twin/run'] button")
    expect(page.locator("#toast")).to_contain_text("itself")
    page.select_option("select[name=mine]", "lean.toml")
    for name, value in {"stores": "2", "items": "12", "days": "7", "seeds": "2"}.items():
        page.fill(f"input[name={name}]", value)
    page.click("form[hx-post='/twin/run'] button")
    expect(page.locator("#progress progress")).to_be_visible(timeout=30_000)
    expect(page.locator("#result")).to_contain_text("lean.toml", timeout=120_000)
    assert "?run=" in page.url


@pytest.mark.parametrize(("size", "lang", "theme"), LOOKS)
def test_routes_fit_and_can_be_read(visit: Visit, routed: Hub, size: str, lang: str, theme: str) -> None:
    """The map and its tours, one of them open, in both languages, themes and sizes."""
    page = visit("planner", size, lang, theme)
    page.goto("/routes")
    page.locator(".tour summary").first.click()
    expect(page.locator(".map .tour")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    assert page.evaluate(CONTRAST) == []
    assert page.evaluate(UNLABELLED) == []


def test_the_map_answers_to_mouse_and_keyboard(visit: Visit, routed: Hub) -> None:
    """The wheel zooms, a stop tells its name and opens its tour, arrows lead along it, and fixed tours can be shown."""
    page = visit()
    page.goto("/routes")
    scale, tip = page.locator(".map .scale text"), page.locator(".map-tip")
    before = scale.text_content()
    box = page.locator(".map").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -1500)
    assert scale.text_content() != before
    page.get_by_role("button", name="Show everything").click()
    expect(scale).to_have_text(before)
    page.locator(".map .stop", has_text="2").first.click()  # while no tour is chosen, stops tell their tour's number
    expect(page.locator(".tour[open] summary strong")).to_have_text("van 2")
    expect(page.locator("tr.here")).to_contain_text("W1")
    expect(tip).to_contain_text("W1")
    page.locator(".map .stop[tabindex='0']").focus()
    expect(tip).to_contain_text("Main St")
    page.keyboard.press("ArrowRight")
    expect(tip).to_contain_text("Harbour")
    page.keyboard.press("ArrowDown")
    expect(tip).to_contain_text("W1")
    expect(page.locator(".map .fixed polyline").first).to_be_hidden()
    page.get_by_label("Show today's fixed tours").check()
    expect(page.locator(".map .fixed polyline").first).to_be_visible()


def test_tours_are_approved_beside_the_map(visit: Visit, routed: Hub) -> None:
    """Approving moves the decision and tells it, and the map stays as the reader left it."""
    page = visit()
    page.goto("/routes")
    page.locator(".tour summary").first.click()
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("#decided .badge")).to_have_text("approved")
    expect(page.locator(".map.has-chosen")).to_be_visible()
    assert [row["state"] for row in routed.ledger.find(Filter(kind="routes"))] == ["approved"]


@pytest.mark.parametrize(("lang", "theme"), [("en", "light"), ("zh", "dark")])
def test_a_driver_s_reports_survive_a_dead_spot(visit: Visit, routed: Hub, lang: str, theme: str) -> None:
    """Without a network taps are shown and kept, over a reload too, and sent once when it is back."""
    page = visit("planner", "phone", lang, theme)
    page.goto("/routes")
    page.locator(".tour summary").first.click()
    page.locator("[hx-post='/routes/link']:visible").click()
    link = page.locator("#drawer input[readonly]").input_value()
    page.goto(link)
    page.locator(".halt.next [data-act=arrived]").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(CONTRAST) == []
    assert page.evaluate(UNLABELLED) == []
    page.wait_for_function("caches.open('driver').then((shelf) => shelf.match(location.pathname))")
    page.locator(".halt.next [data-act=delivered]").click()
    expect(page.locator("[data-wire]")).to_be_hidden(timeout=60_000)
    page.context.set_offline(True)
    page.locator(".halt.next [data-act=refused]").click()
    page.locator(".halt.next [data-reason=not_ordered]").click()
    page.reload()
    expect(page.locator(".halt.done")).to_have_count(2)
    expect(page.locator(".halt [data-unsent]:visible")).to_have_count(1)
    expect(page.locator("[data-finished]")).to_be_visible()
    assert page.evaluate(CONTRAST) == []
    page.context.set_offline(False)
    expect(page.locator("[data-wire]")).to_be_hidden(timeout=60_000)
    rows = routed.tables.fetch("shipments").to_pylist()
    assert {row["store"]: (row["outcome"], row["reason"]) for row in rows} == {
        "367": ("delivered", None), "406": ("refused", "not_ordered"),
    }  # fmt: skip
    assert page.evaluate("localStorage.getItem('tour:2017-11-06/D1/van 1')") == "[]"


def test_the_map_answers_to_fingers(visit: Visit, routed: Hub) -> None:
    """On a phone two fingers zoom the map, and a tap tells a stop and opens its tour without moving the page."""
    page = visit(size="phone")
    page.goto("/routes")
    page.locator(".map").scroll_into_view_if_needed()
    box = page.locator(".map").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touches = page.context.new_cdp_session(page)
    for kind, apart in (("touchStart", 20), *(("touchMove", d) for d in range(30, 110, 10)), ("touchEnd", None)):
        points = [] if apart is None else [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
        touches.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    expect(page.locator(".map.zoomed")).to_be_visible()
    page.get_by_role("button", name="Show everything").click()
    above = page.evaluate("scrollY")
    dot = page.locator(".map .stop", has_text="2").first.bounding_box()
    place = {"x": dot["x"] + dot["width"] / 2, "y": dot["y"] + dot["height"] / 2, "id": 0}
    touches.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [place]})
    touches.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(page.locator(".tour[open] summary strong")).to_have_text("van 2")
    expect(page.locator(".map-tip")).to_contain_text("van 2")
    assert page.evaluate("scrollY") == above


@pytest.mark.parametrize(("size", "lang", "theme"), LOOKS)
def test_rosters_fit_and_can_be_read(
    visit: Visit, rostered: Hub, tell: Callable[[Hub], None], size: str, lang: str, theme: str
) -> None:
    """The week, a day with a shift chosen, and somebody's own roster, in both languages, themes and sizes."""
    page = visit("planner", size, lang, theme)
    for path, chosen in (("rosters", ""), ("rosters?day=2017-11-06", "anna")):
        page.goto(f"/{path}")
        if chosen:
            page.locator(f"[data-bar={chosen}]").click()
            expect(page.locator("#roster-editor")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
        assert page.evaluate(CONTRAST) == [], path
        assert page.evaluate(UNLABELLED) == [], path
    tell(rostered)
    own = visit("staff", size, lang, theme)
    assert own.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    assert own.evaluate(CONTRAST) == [] and own.evaluate(UNLABELLED) == []


def test_a_bar_is_dragged_and_saved(visit: Visit, rostered: Hub) -> None:
    """With the mouse a shift is made longer by its end, then given to a colleague; saved with a reason it is kept."""
    page = visit()
    page.goto("/rosters?day=2017-11-06")
    bar = page.locator("[data-bar=anna]")
    expect(bar).to_contain_text("08:00–13:00")
    box = bar.bounding_box()
    quarter = box["width"] / 20
    page.mouse.move(box["x"] + box["width"] - 3, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 3 + 4 * quarter, box["y"] + 8, steps=4)
    page.mouse.up()
    expect(page.locator("[data-bar=anna]")).to_contain_text("08:00–14:00")
    expect(page.locator("#roster-changes")).to_contain_text("08:00–14:00 till instead of 08:00–13:00 till")
    box, to = page.locator("[data-bar=anna]").bounding_box(), page.locator(".lane[data-staff=ben]").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, to["y"] + to["height"] / 2, steps=6)
    page.mouse.up()
    expect(page.locator("#roster-changes li")).to_have_count(2)
    page.get_by_label("Your reason").fill("school play")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1 .badge.overridden")).to_be_visible(timeout=30_000)
    (kept,) = rostered.ledger.find(Filter(kind="rosters"))
    assert kept["override"]["why"] == "school play"
    monday = [s for s in kept["override"]["action"]["shifts"] if (s["day"], s["skill"]) == ("2017-11-06", "till")]
    assert [(s["staff"], s["begins"], s["ends"]) for s in monday] == [("ben", "08:00", "14:00")]


def test_a_bar_obeys_the_keyboard_and_the_law(visit: Visit, rostered: Hub) -> None:
    """Arrows move and stretch; seven hours without a break turn red with the article and are not saved."""
    page = visit()
    page.goto("/rosters?day=2017-11-06")
    page.locator("[data-bar=anna]").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-bar=anna]")).to_contain_text("08:15–13:15")
    expect(page.locator("[data-bar=anna]")).to_be_focused()
    for _ in range(8):
        page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("[data-bar=anna].bad")).to_contain_text("08:15–15:15")
    expect(page.locator("#roster-faults")).to_contain_text("Directive 2003/88/EC, art. 4")
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    page.get_by_label("Breaks").fill("11:00-11:30")
    page.keyboard.press("Tab")
    expect(page.locator("[data-bar=anna]:not(.bad) .pause")).to_have_count(1)
    expect(page.get_by_role("button", name="Save")).to_be_enabled()
    page.locator("[data-bar=anna]").focus()
    page.keyboard.press("Delete")
    expect(page.locator("[data-bar=anna]")).to_have_count(0)
    page.get_by_role("button", name="Undo the last change").click()
    expect(page.locator("[data-bar=anna]")).to_have_count(1)
    assert rostered.ledger.find(Filter(kind="rosters"))[0]["state"] == "proposed"


def test_a_finger_chooses_before_it_drags(chromium: Any, serve: Callable[[Hub], str], rostered: Hub) -> None:
    """On a phone the first touch chooses a bar, the next one drags it; the page scrolls in between."""
    context = chromium.new_context(
        base_url=serve(rostered), viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.goto("/login")
    page.fill("input[name=user]", "planner")
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/today")
    page.goto("/rosters?day=2017-11-06")
    touch = context.new_cdp_session(page)

    def drag(by: float) -> None:
        bar = page.locator("[data-bar=anna]")
        bar.scroll_into_view_if_needed()
        box = bar.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
        for step in (0.5, 1):
            touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x + by * step, "y": y}]})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    width = page.locator("[data-bar=anna]").bounding_box()["width"]
    drag(width / 10)
    expect(page.locator("[data-bar=anna]")).to_contain_text("08:00–13:00")
    page.locator("[data-bar=anna]").tap()
    expect(page.locator("[data-bar=anna][aria-pressed=true]")).to_be_visible()
    drag(width / 10)
    expect(page.locator("[data-bar=anna]")).to_contain_text("08:30–13:30")
    context.close()


def test_a_call_in_sick_shows_who_stands_in(visit: Visit, rostered: Hub, tell: Callable[[Hub], None]) -> None:
    """The button writes the fact and fills the draft, whose reason is there already; saving proposes it."""
    tell(rostered)
    page = visit()
    page.goto("/rosters?day=2017-11-08")
    page.locator("[data-bar=anna]").click()
    page.get_by_role("button", name="Called in sick").click()
    expect(page.locator("#roster-changes")).to_contain_text("ben, Wed 8 Nov: new, 08:00–14:00 till", timeout=30_000)
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1 .badge.proposed")).to_be_visible(timeout=30_000)
    assert [row["kind"] for row in rostered.tables.fetch("availability").to_pylist()].count("sick") == 1
