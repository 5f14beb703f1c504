"""The page Reviews: complaints by item and aspect, one item's words and weeks, and advice on the range."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pyarrow as pa
from fastapi.testclient import TestClient

from aislehub.core.book import Filter
from aislehub.core.hub import Hub

from .conftest import DAY

SignIn = Callable[..., TestClient]
HOSTILE = "<img src=x onerror=steal()> The package leaked <script>steal()</script>, awful."


def queue_of(page: str) -> str:
    """The list of advice."""
    return page.partition('<section id="queue"')[2].partition("</section>")[0]


def table_of(page: str) -> list[str]:
    """The rows of the table of items."""
    return page.partition('<table class="heats">')[2].partition("</table>")[0].split("<tr>")[2:]


def test_a_house_without_reviews_says_what_to_do(sign_in: SignIn) -> None:
    """Before the first review is read the page says what to bring, and so does an item nobody wrote about."""
    page = sign_in().get("/reviews").text
    assert "No reviews have been read yet" in page and "aislehub ingest" in page
    assert "Nothing has been written about item 9" in sign_in().get("/reviews/item?item=9").text
    assert sign_in().get("/reviews/item?item=9&day=soon").status_code == 422


def test_advice_is_what_changes_something(reviewed: Hub, sign_in: SignIn) -> None:
    """Fix and drop are listed with their aspect, money and reason; what is kept is only counted."""
    page = sign_in().get("/reviews").text
    queue = queue_of(page)
    assert "fix: packaging" in queue and re.search(r"<strong>drop", queue)
    assert "Whole milk" in queue and "Sourdough" in queue and "Bananas" not in queue and "Eggs" not in queue
    assert re.search(r"1 / 1 / 1\s*<small>2 to keep", page)
    assert "6 of 10 mentions of its packaging are complaints" in queue
    assert "Bananas" not in queue_of(sign_in().get("/reviews?search=bananas").text)
    assert "Sourdough" in queue_of(sign_in().get("/reviews?search=sourdough").text)


def test_what_to_add_stands_in_its_store(reviewed: Hub, sign_in: SignIn) -> None:
    """An item to be added is listed with its store and why, and has a page though nobody wrote about it."""
    queue = queue_of(sign_in().get("/reviews").text)
    assert "<strong>add</strong>" in queue and "1006 · Store" in queue
    assert "3 of the 4 stores most like this one carry it and sold 90 in 182 days; here none was sold." in queue
    page = sign_in().get("/reviews/item?item=1006").text
    assert "Nothing has been written" in page and "leave out" in page and "here none was sold" in page


def test_a_decided_advice_leaves_the_list(reviewed: Hub, sign_in: SignIn) -> None:
    """An approved fix is no longer open, is shown with its state on the item's page, and can be looked up by state."""
    client = sign_in()
    (fix,) = reviewed.ledger.find(Filter(kind="range_advice", subject="1001"))
    assert f"/today/decision/{fix['id']}/approve" in client.get("/reviews/item?item=1001").text
    assert client.post(f"/today/decision/{fix['id']}/approve").status_code == 303
    assert "Whole milk" not in client.get("/reviews/list").text
    assert "Whole milk" in client.get("/reviews/list?state=approved").text
    page = client.get("/reviews/item?item=1001").text
    assert '<span class="badge approved">' in page and f"/today/decision/{fix['id']}/approve" not in page


def test_a_viewer_reads_and_does_not_decide(reviewed: Hub, sign_in: SignIn) -> None:
    """Without the role planner the page has no button that moves a decision."""
    client = sign_in("viewer")
    for path in ("/reviews", "/reviews/item?item=1001"):
        page = client.get(path)
        assert page.status_code == 200 and '/approve"' not in page.text.replace("selected/approve", "")


def test_the_table_counts_mentions_and_complaints(reviewed: Hub, sign_in: SignIn) -> None:
    """Each item has the share and number of its mentions by aspect; an aspect shows that alone, the worst first."""
    rows = table_of(sign_in().get("/reviews").text)
    assert len(rows) == 4 and all("1001" not in row or "60\xa0% <small>10</small>" in row for row in rows)
    rows = table_of(sign_in().get("/reviews?aspect=taste").text)
    assert "1003" in rows[0]
    assert re.search(r'heat4">100\xa0% <small>14</small>', rows[0])
    assert all(len(re.findall("heat", row)) == 1 for row in rows)
    assert len(table_of(sign_in().get("/reviews?search=1003").text)) == 1
    assert "No item matches" in sign_in().get("/reviews?search=caviar").text
    assert len(table_of(sign_in().get("/reviews?aspect=colour").text)) == 4


def test_an_item_shows_its_weeks_and_words(reviewed: Hub, sign_in: SignIn) -> None:
    """The trend has a week's share of complaints; quotes have their date and aspect, once each, and no customer."""
    page = sign_in().get("/reviews/item?item=1001").text
    (text,) = re.findall(r'data-chart><script type="application/json">(.*?)</script>', page)
    chart = json.loads(text)
    packaging = next(line for line in chart["lines"] if line["name"] == "packaging")
    assert chart["weeks"][-1] == "2017-10-30" and len(chart["weeks"]) == 8
    assert packaging["values"][-1] == 100 and packaging["told"][-1] == "2 of 2" and packaging["values"][0] == 0
    worst, best = (page.partition(f'<ul class="quotes {tone}">')[2].partition("</ul>")[0] for tone in ("bad", "good"))
    assert worst.count("Leaking package") == 1 and "written 3 times, last" in worst and "packaging" in worst
    assert "Leaking" not in best and "Fresh" in best
    assert "c-secret" not in page and "simulated" in page
    assert "recent mentions of its packaging are complaints" in page
    assert "Great taste" not in sign_in().get("/reviews/item?item=1001&aspect=packaging").text


def test_aspects_are_words_of_the_reader_s_language(reviewed: Hub, sign_in: SignIn) -> None:
    """In Chinese neither the page, the reasons nor the action on Today hold an English aspect or advice."""
    client = sign_in()
    client.cookies.set("language", "zh")
    page = client.get("/reviews").text
    assert "整改：包装" in queue_of(page) and "提到“包装”的" in queue_of(page) and "新鲜度" in page
    (fix,) = reviewed.ledger.find(Filter(kind="range_advice", subject="1001"))
    drawer = client.get(f"/today/decision/{fix['id']}").text
    assert "整改" in drawer and "包装" in drawer and "/reviews/item?item=1001" in drawer
    for text in (queue_of(page), drawer):
        assert not re.search(r">[^<]*\b(packaging|fix|keep)\b[^<]*<", text)


def test_a_pasted_review_is_read(sign_in: SignIn) -> None:
    """The try-it box answers with language, tone and quotes by aspect; what has no words or is hostile, too."""
    client = sign_in()
    told = client.post("/reviews/read", data={"text": "味道很好，但是包装破损，漏液了"}).text
    assert "Chinese" in told and "packaging" in told and "taste" in told and "漏液" in told
    assert "It names none of the aspects" in client.post("/reviews/read", data={"text": "👍👍"}).text
    assert "No words" in client.post("/reviews/read", data={}).text
    told = client.post("/reviews/read", data={"text": HOSTILE}).text
    assert "<img" not in told and "<script" not in told and "packaging" in told
    assert client.post("/reviews/read", data={"text": "坏" * 100_000}).status_code == 200
    assert client.post("/reviews/read", data={"text": "坏" * 100_001}).status_code == 422


def test_hostile_reviews_are_only_text(reviewed: Hub, sign_in: SignIn) -> None:
    """Mark-up in a quote is shown as it was written and is never an element of the page."""
    read = reviewed.tables.fetch("review_aspects").to_pandas()
    packaging = (read["item"] == "1001") & (read["aspect"] == "packaging") & (read["polarity"] < 0)
    read.loc[packaging, "quote"] = HOSTILE
    contract = reviewed.tables.contract("review_aspects")
    hostile = contract.require(contract.check(pa.Table.from_pandas(read, preserve_index=False)).good)
    reviewed.tables.write("review_aspects", hostile, DAY)
    page = sign_in().get("/reviews/item?item=1001").text
    assert HOSTILE not in page and "&lt;script&gt;steal()&lt;/script&gt;" in page


def test_one_must_be_signed_in(client: TestClient) -> None:
    """Neither the page nor the box that reads answers a stranger."""
    for path in ("/reviews", "/reviews/list", "/reviews/item?item=1001"):
        assert client.get(path, follow_redirects=False).status_code in (303, 401)
    assert client.post("/reviews/read", data={"text": "good"}).status_code in (303, 401)
