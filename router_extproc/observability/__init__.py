"""Observability: metrics, traces and the decision log, each a hook."""
