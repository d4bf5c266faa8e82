"""Encoders: one pass of a small transformer gives every neural signal."""
