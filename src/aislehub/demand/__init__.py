"""Demand: how much of what will be asked for, where and when."""
