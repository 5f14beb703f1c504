"""Campaigns: a segment, an offer, a channel and a text, sent by lot so that their worth can be measured."""
