"""Write the reference pages that follow from the code, or check that those committed still do (`--check`)."""

from __future__ import annotations

import sys
from pathlib import Path

from ptycho_contracts.atomic import atomic_write_text
from ptycho_contracts.reference import check_reference, write_reference
from ptycho_runners.arms.reference import arms_page

DOCS = Path(__file__).parent
ARMS = DOCS / "arms.md"


def main() -> int:
    """0 where the pages agree with the code or were written, 1 where they differ."""
    if "--check" not in sys.argv[1:]:
        write_reference(DOCS)
        atomic_write_text(ARMS, arms_page())
        return 0
    problems = check_reference(DOCS)
    if not ARMS.is_file() or ARMS.read_text(encoding="utf-8") != arms_page():
        problems.append(f"{ARMS.name} is not what the options of the arms declare")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
