"""Quality: how likely each model is to answer a request well, learned from outcomes."""
