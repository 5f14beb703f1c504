"""Supply: what to order, when, and how it reaches the store."""
