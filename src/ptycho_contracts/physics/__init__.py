"""Does the forward model explain the patterns? Prediction, comparison, and named ways to read a file."""
