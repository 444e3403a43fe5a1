"""Many artifacts at once: find them, examine them side by side, judge them by one policy, know what is known."""
