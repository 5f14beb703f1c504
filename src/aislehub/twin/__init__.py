"""Twin: a simulated chain whose truth is known, where a policy is tried before customers meet it."""
