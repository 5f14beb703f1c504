"""The retail vocabulary: one contract per table that more than one capability reads. No behaviour.

Conventions: `store`, `item`, `customer` are the chain's own keys, text everywhere. Times (`…_at`) are
instants, stored in UTC; days are business days in the store's time zone. Money is in the chain's one
currency (`[hub] currency`), on the tax basis of the shelf price unless a column says otherwise; costs are
without recoverable tax. Quantities are in the item's `unit`. `known_at` says when the chain knew a row.
"""

from __future__ import annotations

from aislehub.schema.assignments import ASSIGNMENTS
from aislehub.schema.calendar import CALENDAR, WEATHER
from aislehub.schema.campaigns import CAMPAIGN_AUDIENCE, CAMPAIGN_PLANS, CAMPAIGN_RESPONSES, CONTACTS
from aislehub.schema.consents import CONSENTS
from aislehub.schema.customers import CUSTOMERS
from aislehub.schema.demand import DEMAND_FORECAST, DEMAND_TOTALS, FORECAST_ACCURACY
from aislehub.schema.elasticities import CROSS_ELASTICITIES, PRICE_ELASTICITIES
from aislehub.schema.events import EVENTS
from aislehub.schema.footfall import FOOTFALL, FOOTFALL_FORECAST
from aislehub.schema.items import ITEMS
from aislehub.schema.orders import CUSTOMER_ORDERS, SHIPMENTS
from aislehub.schema.people import AVAILABILITY, ROSTERED, STAFF
from aislehub.schema.prices import COMPETITOR_PRICES, PRICES, PROMOTIONS
from aislehub.schema.profiles import CUSTOMER_PROFILES
from aislehub.schema.reviews import REVIEWS
from aislehub.schema.sales import SALES_LINES
from aislehub.schema.segments import CUSTOMER_SEGMENTS
from aislehub.schema.sensors import SENSOR_EVENTS
from aislehub.schema.stock import LEAD_TIMES, RECEIPTS, STOCK, STOCK_AGES
from aislehub.schema.stores import STORES
from aislehub.schema.uplift import UPLIFT_SCORES, UPLIFT_STUDIES
from aislehub.schema.vehicles import DISTANCES, VEHICLES

__all__ = [
    "ASSIGNMENTS",
    "AVAILABILITY",
    "CALENDAR",
    "CAMPAIGN_AUDIENCE",
    "CAMPAIGN_PLANS",
    "CAMPAIGN_RESPONSES",
    "COMPETITOR_PRICES",
    "CONSENTS",
    "CONTACTS",
    "CROSS_ELASTICITIES",
    "CUSTOMERS",
    "CUSTOMER_ORDERS",
    "CUSTOMER_PROFILES",
    "CUSTOMER_SEGMENTS",
    "DEMAND_FORECAST",
    "DEMAND_TOTALS",
    "DISTANCES",
    "EVENTS",
    "FOOTFALL",
    "FOOTFALL_FORECAST",
    "FORECAST_ACCURACY",
    "ITEMS",
    "LEAD_TIMES",
    "PRICES",
    "PRICE_ELASTICITIES",
    "PROMOTIONS",
    "RECEIPTS",
    "REVIEWS",
    "ROSTERED",
    "SALES_LINES",
    "SENSOR_EVENTS",
    "SHIPMENTS",
    "STAFF",
    "STOCK",
    "STOCK_AGES",
    "STORES",
    "UPLIFT_SCORES",
    "UPLIFT_STUDIES",
    "VEHICLES",
    "WEATHER",
]
