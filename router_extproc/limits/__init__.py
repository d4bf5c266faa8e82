"""Limits: how much callers may ask for in a stretch of time, and where that is counted."""
