"""aislehub: the open AI operations hub for retail chains (智能零售运营中枢).

The hub is pure functions — from tables to tables once a day, from a snapshot and live events to an
answer in milliseconds — and a ledger of decisions.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
