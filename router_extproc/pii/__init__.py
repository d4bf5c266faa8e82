"""Private data that can be checked: patterns find it, rules and checksums confirm it. No model has a part in it."""
