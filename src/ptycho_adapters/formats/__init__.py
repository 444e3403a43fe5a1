"""One file for each format: `read(path) → Scan` (lazy) and `write(scan, path)` (streaming)."""
