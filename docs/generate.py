"""Write the reference pages that follow from the code, or check that those committed still do (`--check`)."""

from __future__ import annotations

import sys
from pathlib import Path

from ptycho_contracts.atomic import atomic_write_text
from ptycho_contracts.reference import check_reference, write_reference
from ptycho_runners.arms.reference import arms_page
from ptycho_runners.conformance.page import backend_page

DOCS = Path(__file__).parent
# Pages about the runners, which the contracts' own reference knows nothing of.
PAGES = {"arms.md": arms_page, "backend-contract.md": backend_page}


def main() -> int:
    """0 where the pages agree with the code or were written, 1 where they differ."""
    if "--check" not in sys.argv[1:]:
        write_reference(DOCS)
        for name, text in PAGES.items():
            atomic_write_text(DOCS / name, text())
        return 0
    problems = check_reference(DOCS)
    for name, text in PAGES.items():
        if not (DOCS / name).is_file() or (DOCS / name).read_text(encoding="utf-8") != text():
            problems.append(f"{name} is not what the code declares")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
