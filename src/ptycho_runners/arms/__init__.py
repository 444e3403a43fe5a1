"""Arms of a study: one file for each, found by entry point (`ptycho_runners.arms`)."""
