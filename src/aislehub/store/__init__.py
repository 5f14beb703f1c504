"""Stores: who works when."""
