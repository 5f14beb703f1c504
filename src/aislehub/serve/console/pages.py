"""The console's own pages, declared as those of capabilities are."""

from __future__ import annotations

from aislehub.core.pages import Page
from aislehub.serve.console import (
    accuracy,
    alerts,
    campaigns,
    customers,
    data,
    demand,
    prices,
    privacy,
    promotions,
    recommendations,
    reviews,
    rosters,
    routes,
    today,
    twin,
)

__all__ = ["PAGES"]

PAGES = (
    Page("today", "serve.today", 10, today.context, "today.html"),
    Page("demand", "serve.demand", 20, demand.context, "demand.html"),
    Page("accuracy", "accuracy.title", 21, accuracy.context, "accuracy.html"),
    Page("prices", "prices.title", 22, prices.context, "prices.html"),
    Page("promotions", "promotions.title", 23, promotions.context, "promotions.html"),
    Page("campaigns", "campaigns.title", 44, campaigns.context, "campaigns.html"),
    Page("customers", "customers.title", 29, customers.context, "customers.html"),
    Page("reviews", "reviews.title", 25, reviews.context, "reviews.html"),
    Page("rosters", "rosters.title", 24, rosters.context, "rosters.html", "planner"),
    Page("routes", "routes.title", 27, routes.context, "routes.html"),
    Page("recommendations", "recommendations.title", 28, recommendations.context, "recommendations.html"),
    Page("alerts", "serve.alerts", 30, alerts.context, "alerts.html"),
    Page("twin", "twin.page", 75, twin.context, "twin.html"),
    Page("privacy", "privacy.title", 82, privacy.context, "privacy.html", "admin"),
    Page("data", "serve.data", 80, data.context, "data.html"),
)
