"""Part two: does the validator pass what is good, and name what is wrong with what was broken?"""

from __future__ import annotations

import shutil
from pathlib import Path

from ptycho_contracts.finding import DEPTHS
from ptycho_runners.gate.breakages import BREAKAGES, RAN, Breakage, write_good_pair
from ptycho_runners.gate.checks import Checks
from ptycho_runners.gate.workspace import Workspace, coded


def check_validator(workspace: Workspace, checks: Checks) -> str:
    """A good pair at every depth, then each breakage of it; returns the figures in one line."""
    from ptycho_contracts.validation import validate  # noqa: PLC0415

    root = workspace.root / "validator"
    good = write_good_pair(root / "good", workspace.request.seed)
    workspace.say(f"validating a good pair and {len(BREAKAGES)} broken ones")
    for depth in DEPTHS:
        report = validate(good, "ptychovit-pair", depth)
        checks.that(f"a good pair is valid at depth {depth}", not report.findings, coded(report.findings) or "valid")
    found = sum(_check_breakage(each, good, root, checks) for each in BREAKAGES)
    ran = [path.parent.name for path in root.glob(f"*/{RAN}")]
    checks.that("no pickle is run", not ran, ", ".join(ran) or "none")
    checks.figures |= {"depths": len(DEPTHS), "breakages": len(BREAKAGES), "breakages_found": found}
    return f"good at {len(DEPTHS)} depths, {found} of {len(BREAKAGES)} breakages found with exactly their code"


def _check_breakage(breakage: Breakage, good: Path, root: Path, checks: Checks) -> bool:
    from ptycho_contracts.validation import validate  # noqa: PLC0415

    folder = root / breakage.name.replace(" ", "_")
    shutil.copytree(good.parent, folder)
    codes = {found.code for found in validate(breakage.apply(folder), depth=breakage.depth).errors}
    told = ", ".join(sorted(codes)) or "nothing"
    return checks.that(f"{breakage.name} is {breakage.code} at depth {breakage.depth}", codes == {breakage.code}, told)
