"""Benchmarks: Envoy in the loop, against a floor measured in the same run."""
