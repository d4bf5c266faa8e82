"""Routing: how good and how dear answers are if a quality model chooses who gives them."""
