"""Geometry, patterns and positions of a measured file, whatever its format calls them: for rules and for readers."""
