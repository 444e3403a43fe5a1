"""Write the reference pages that follow from the code, or check that those committed still do (`--check`)."""

from __future__ import annotations

import sys
from pathlib import Path

from ptycho_contracts.reference import check_reference, write_reference

DOCS = Path(__file__).parent


def main() -> int:
    """0 where the pages agree with the code or were written, 1 where they differ."""
    if "--check" not in sys.argv[1:]:
        write_reference(DOCS)
        return 0
    problems = check_reference(DOCS)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
