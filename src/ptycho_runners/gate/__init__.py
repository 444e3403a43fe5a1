"""The publication gate: four parts that are run, never remembered.

Every part judges by other means than those that it judges: the conversion by a forward model of a few lines in
plain numpy, the validator by files that were broken on purpose, the runner by what lies on the disk, the metrics
by a flat picture, which must score lower.
"""
