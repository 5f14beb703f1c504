"""Reach: what is said to members, with their consent, and what that is worth."""
