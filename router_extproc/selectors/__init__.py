"""Selectors: how one of a route's candidates is chosen: filters, then scorers, then a picker."""
