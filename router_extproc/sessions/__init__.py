"""Sessions: what belongs together over several requests, what it has cost, and whether the next step should go where the last one went."""
