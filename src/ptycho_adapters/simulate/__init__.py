"""Simulated ptychography data with a known truth, for tests, demos and trained weights."""
