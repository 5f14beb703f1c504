"""All that the hub can do: one line a capability, in the order of the business day."""

__all__ = ["MODULES"]

MODULES: tuple[str, ...] = (
    "aislehub.schema",
    "aislehub.data.ingest",
    "aislehub.data.quality",
    "aislehub.proof.experiment",
    "aislehub.demand.forecast",
    "aislehub.demand.daily",
    "aislehub.demand.explain",
    "aislehub.demand.whatif",
    "aislehub.demand.totals",
    "aislehub.demand.footfall",
    "aislehub.demand.accuracy",
    "aislehub.demand.monitor",
    "aislehub.price.elasticity",
    "aislehub.supply.state",
    "aislehub.supply.warehouse",
    "aislehub.supply.allocation",
    "aislehub.supply.replenish",
    "aislehub.supply.outcome",
    "aislehub.supply.shortage",
    "aislehub.supply.cover",
    "aislehub.proof.kpis",
    "aislehub.proof.judge",
    "aislehub.twin.run",
    "aislehub.connect.webhook",
)
