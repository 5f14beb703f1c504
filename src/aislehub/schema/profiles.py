"""What the chain knows of a member at the close of a day, in figures that a rule, a model or a marketer can use."""

from __future__ import annotations

from aislehub.core.contract import Column, Contract
from aislehub.schema.provenance import SOURCE

__all__ = ["CUSTOMER_PROFILES", "STAGES"]

STAGES = ("prospect", "new", "active", "lapsing", "lapsed")
"""A member's life: has not bought yet, began lately, buys in their own rhythm, is late by it, away too long."""

CUSTOMER_PROFILES = Contract(
    "customer_profiles",
    "One member at the close of business day `day`, from what was known by then; 28, 90 and 365 are days up to and "
    "with that day, and a figure without a number is over the last 365",
    (
        Column("customer", "text", "Random key of the member", person=True),
        # Life and rhythm.
        Column("first_bought", "date", "First day with a purchase; empty = never bought", required=False),
        Column("last_bought", "date", "Last day with a purchase; empty = never bought", required=False),
        Column("tenure_days", "int", "Days since they joined or first bought, whichever was earlier; empty = neither "
               "is known", "days", required=False, low=0),
        Column("recency_days", "int", "Days since the last purchase; empty = never bought", "days",
               required=False, low=0),
        Column("visits_28", "int", "Visits of the last 28 days: receipts and orders on which something was bought",
               "visits", low=0),
        Column("visits_90", "int", "Visits of the last 90 days", "visits", low=0),
        Column("visits_365", "int", "Visits of the last 365 days", "visits", low=0),
        Column("gap_days", "float", "Mean days from one shopping day to the next; empty below two shopping days",
               "days", required=False, low=0),
        Column("gap_sd", "float", "Standard deviation of those days; empty below three shopping days", "days",
               required=False, low=0),
        Column("overdue", "float", "Days since the last purchase per usual gap, where that is empty per the "
               "median member's: 1 = due, 3 = away for three of their usual gaps", "gaps", required=False, low=0),
        Column("stage", "text", "Where in their life as a customer: prospect = has not bought, new, active, lapsing = "
               "late by their own rhythm, lapsed = away too long", values=STAGES),
        Column("churn_probability", "float", "Chance that they buy nothing within `customer.churn_days`; empty = "
               "never bought, or nothing learned yet", "fraction", required=False, low=0, high=1),
        Column("next_purchase_7", "float", "Chance that they buy within 7 days", "fraction",
               required=False, low=0, high=1),
        Column("next_purchase_28", "float", "Chance that they buy within 28 days", "fraction",
               required=False, low=0, high=1),
        # Money.
        Column("spend_28", "float", "Money spent in the last 28 days, after discounts and returns", "money"),
        Column("spend_90", "float", "Money spent in the last 90 days, after discounts and returns", "money"),
        Column("spend_365", "float", "Money spent in the last 365 days, after discounts and returns", "money"),
        Column("spend_trend", "float", "Spend of the last 90 days against the 90 before: their difference per their "
               "sum, -1 = stopped, 0 = as before, 1 = all of it is recent; empty = tenure below 90 days",
               "fraction", required=False, low=-1, high=1),
        Column("basket_value", "float", "Mean money of a visit", "money", required=False),
        Column("basket_items", "float", "Mean number of lines of a visit", "lines", required=False, low=0),
        Column("margin_365", "float", "Money spent less the cost of the goods, on lines whose cost is known; empty = "
               "no cost is known", "money", required=False),
        Column("margin_share", "float", "That margin per money spent on the same lines", "fraction", required=False),
        Column("return_share", "float", "Money paid back for returns per money spent", "fraction",
               required=False, low=0),
        # Price and quality.
        Column("discount_share", "float", "Money taken off per shelf value of what they bought", "fraction",
               required=False, low=0, high=1),
        Column("offer_share", "float", "Share of their lines that were bought below the shelf price", "fraction",
               required=False, low=0, high=1),
        Column("offer_seeking", "float", "Lines bought below the shelf price, per lines that all members would have "
               "bought so in the same categories and weeks: above 1 = looks for offers; drawn to 1 where lines are few",
               "ratio", required=False, low=0),
        Column("coupon_share", "float", "Money paid with manufacturers' coupons per money spent", "fraction",
               required=False, low=0, high=1),
        Column("coupon_visits", "float", "Share of their visits with a coupon", "fraction",
               required=False, low=0, high=1),
        Column("promotions_redeemed", "int", "Different promotions that the till applied, and visits with a coupon",
               "promotions", low=0),
        Column("featured_share", "float", "Share of their lines whose item was on display or in the leaflet of that "
               "store on that day; empty = no promotion is known", "fraction", required=False, low=0, high=1),
        Column("quality_index", "float", "Shelf price of what they choose against the median price of its "
               "subcategory, geometric mean over lines: 1.2 = 20 % dearer than the middle", "ratio",
               required=False, low=0),
        Column("private_label_share", "float", "Money spent on the chain's own brands per money spent where the "
               "brand is known", "fraction", required=False, low=0, high=1),
        # Range.
        Column("items_bought", "int", "Different items", "items", low=0),
        Column("categories_bought", "int", "Different categories, of the items that have one; empty = bought only "
               "items without a category", "categories", required=False, low=0),
        Column("top_category", "text", "Category with the most money", required=False),
        Column("top_category_share", "float", "Its share of their money", "fraction", required=False, low=0, high=1),
        Column("new_item_share", "float", "Share of the items of the last 90 days that they had not bought in the "
               "275 days before; empty = nothing bought in one of the two", "fraction", required=False, low=0, high=1),
        # Habits.
        Column("main_store", "text", "Store with the most visits", required=False),
        Column("main_store_share", "float", "Its share of their visits", "fraction", required=False, low=0, high=1),
        Column("stores_visited", "int", "Different stores", "stores", low=0),
        Column("main_channel", "text", "Channel with the most visits", required=False),
        Column("online_share", "float", "Share of their visits that were web, app or delivery orders", "fraction",
               required=False, low=0, high=1),
        Column("main_daypart", "text", "Part of the day with the most visits, on the store's clock: morning before "
               "11, midday before 14, afternoon before 17, evening", required=False,
               values=("morning", "midday", "afternoon", "evening")),
        Column("morning_share", "float", "Share of their visits before 11 o'clock", "fraction",
               required=False, low=0, high=1),
        Column("evening_share", "float", "Share of their visits from 17 o'clock on", "fraction",
               required=False, low=0, high=1),
        Column("weekend_share", "float", "Share of their visits on Saturdays and Sundays", "fraction",
               required=False, low=0, high=1),
        # Before buying; empty while the chain keeps no log of it.
        Column("views_30", "int", "Views and clicks in web shop and app in the last 30 days", "events",
               required=False, low=0),
        Column("searches_30", "int", "Searches in the last 30 days", "events", required=False, low=0),
        Column("carts_30", "int", "Items put in the cart in the last 30 days", "events", required=False, low=0),
        SOURCE,
    ),
    key="day customer",
    derived=True,
)  # fmt: skip
