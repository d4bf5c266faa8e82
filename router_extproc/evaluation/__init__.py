"""Evaluation: how right a classifier is, measured on data sets through the code path that serving uses."""
