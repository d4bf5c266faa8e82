"""Training: makes the model bundle. Needs the `train` extra; nothing of it runs while serving."""
