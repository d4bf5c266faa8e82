"""Configuration: loading a policy file into a router, and swapping it while requests are in flight."""
