"""Routes: which van brings what to whom, in what order, at what cost; and what cannot be brought, and why."""
