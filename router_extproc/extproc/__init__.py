"""Envoy's external processing protocol: a sans-IO session under a thin gRPC server."""
