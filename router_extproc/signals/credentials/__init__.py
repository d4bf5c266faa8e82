"""Credentials: secrets of a conversation, and where they go."""
