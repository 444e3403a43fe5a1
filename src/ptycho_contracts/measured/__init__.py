"""What a file of measured patterns says of its geometry, whatever its format calls it: for rules and for readers."""
