"""All that the hub can do: one line a capability, in the order of the business day."""

__all__ = ["MODULES"]

MODULES: tuple[str, ...] = (
    "aislehub.schema",
)
