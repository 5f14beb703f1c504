"""What AI can do in a retail house: one line a scenario, built or not, with what it needs of the data.

`aislehub.proof.priorities` ranks them. A scenario without a `table` is not built yet: the hub says so, and says what
data there would be for it, but promises no money.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SCENARIOS", "Scenario"]


@dataclass(frozen=True)
class Scenario:
    """One thing that the hub does, or could do.

    Attributes:
        name: its name is the sentence `scenario.NAME`.
        table: the hub's table that carries it out, a decision table's name being the kind of its decisions; empty = not
            built yet.
        part: name and value of the field of the decision's action that sets it apart from others of its kind.
        data: capability of the table `readiness` whose score it leans on.
        reads: facts that it feeds on.
        needs: what it is nothing without: a table with rows, or `table.column` with values.
        is_reversible: whether what was carried out can be taken back the next day.
        is_regulated: whether the law limits what may be done.
        device: section of the settings that names a machine which takes its decisions; empty = files only.
    """

    name: str
    table: str
    data: str
    reads: tuple[str, ...]
    needs: tuple[str, ...] = ()
    part: tuple[str, str] | None = None
    is_reversible: bool = False
    is_regulated: bool = False
    device: str = ""


SCENARIOS = (
    Scenario("orders", "orders", "replenish", ("sales_lines", "stock", "lead_times", "receipts")),
    Scenario(
        "warehouse_orders", "warehouse_orders", "replenish", ("sales_lines", "stock", "lead_times", "receipts"),
        needs=("warehouse_state",),
    ),
    Scenario(
        "first_deliveries", "first_deliveries", "replenish", ("sales_lines", "stock", "items"),
        needs=("items.listed_from",),
    ),
    Scenario(
        "prices", "price_changes", "price", ("sales_lines", "prices", "competitor_prices", "stock"),
        part=("price_kind", "regular"), is_reversible=True, is_regulated=True, device="esl",
    ),
    Scenario(
        "markdowns", "price_changes", "price", ("sales_lines", "prices", "stock", "receipts"),
        needs=("items.shelf_life_days",), part=("price_kind", "clearance"), is_regulated=True, device="esl",
    ),
    Scenario(
        "promotions", "promotion_plan", "price", ("sales_lines", "prices", "promotions", "competitor_prices"),
        needs=("promotions",), is_regulated=True,
    ),
    Scenario("experiments", "experiment_results", "demand", ("sales_lines",), is_reversible=True),
    Scenario("rosters", "rosters", "roster", ("staff", "sales_lines", "footfall"), needs=("staff",), is_regulated=True),
    Scenario("routes", "routes", "route", ("customer_orders", "vehicles", "distances", "shipments"), needs=("routes",)),
    Scenario(
        "recommendations", "recommendations", "customer", ("sales_lines", "customers", "events"), is_reversible=True,
        is_regulated=True,
    ),
    Scenario(
        "campaigns", "campaigns", "customer", ("sales_lines", "customers", "consents", "contacts"),
        needs=("campaign_plans",), is_regulated=True,
    ),
    Scenario(
        "reviews", "range_advice", "customer", ("reviews",), needs=("reviews",), is_reversible=True, is_regulated=True
    ),
    Scenario(
        "shelf_vision", "", "store", ("sensor_events",), needs=("sensor_events",), is_reversible=True,
        is_regulated=True,
    ),
)  # fmt: skip
