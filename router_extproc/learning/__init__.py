"""Learning: contextual bandits, what they learned, and the feedback that teaches them."""
