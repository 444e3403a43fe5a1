"""Helpers of the reference checkout."""
