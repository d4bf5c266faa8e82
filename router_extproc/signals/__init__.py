"""Signals: facts about a request that a policy can decide on."""
