"""Repairs that are safe: what follows from the file itself, or what its patterns prove."""
