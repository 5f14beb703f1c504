"""Proof: what the business did, and what each decision brought."""
