"""Scoring of a reconstruction against a known object: pure functions on arrays, no files, no studies.

`evaluate.evaluate` joins the steps, one module each: `reconstruction` (the input), `harmonize` (one region in
one frame, then one grid), `registration` (where an array without an origin lies), `alignment` (what
ptychography cannot know, removed and recorded) and `metrics` (the two named profiles).
"""
