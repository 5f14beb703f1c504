"""Uplift: whose behaviour an offer changes, learned from trials drawn by lot only."""
