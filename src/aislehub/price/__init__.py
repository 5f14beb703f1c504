"""Prices: how demand answers to them, and which ones to ask."""
