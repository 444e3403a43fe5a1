"""One file for each contract that has earlier versions: its steps, in order, as `STEPS`."""
