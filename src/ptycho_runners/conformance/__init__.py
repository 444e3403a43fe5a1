"""The backend contract as checks: what a checkout is promised to do, one line for each promise."""
