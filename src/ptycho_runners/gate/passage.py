"""One passage through the gate: the four parts in order, and the manifest of what they saw."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from pydantic import JsonValue

from ptycho_contracts.atomic import atomic_write_json
from ptycho_contracts.contracts.gate_manifest import GateManifest, GatePart
from ptycho_contracts.contracts.run_manifest import CodeIdentity, FileDigest
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.run_codes import BAD_OPTION, GATE_FAILED
from ptycho_runners.errors import RunError
from ptycho_runners.gate.checks import CONVERSION, RUNNER, SMOKE, VALIDATOR, Checks, NotMadeError
from ptycho_runners.gate.conversion import check_conversion
from ptycho_runners.gate.runner import check_runner
from ptycho_runners.gate.smoke import check_smoke
from ptycho_runners.gate.validator import check_validator
from ptycho_runners.gate.workspace import GateRequest, Say, Workspace, told
from ptycho_runners.provenance import code_identity, file_digest, sources_of, tree_digest, versions
from ptycho_runners.ptychovit.checkout import find_checkout

MANIFEST = "gate.json"
PARTS: dict[str, Callable[[Workspace, Checks], str]] = {
    CONVERSION: check_conversion,
    VALIDATOR: check_validator,
    RUNNER: check_runner,
    SMOKE: check_smoke,
}
"""The parts by name, in order; each returns its figures in one line."""
_PACKAGES = ("ptycho_contracts", "ptycho_adapters", "ptycho_runners")
# What the manifest pins: small enough to keep, and telling.
_KEPT = (
    "splits/*.npz",
    "pairs/*/*_conversion.json",
    "runs/run*/manifest.json",
    "study/*.json",
    "study/recons/*/recon.npz",
)


@dataclass(frozen=True)
class Passage:
    """What came of it: the manifest, and where it lies."""

    manifest: GateManifest
    path: Path


def run_gate(request: GateRequest, say: Say = print, parts: Sequence[str] = tuple(PARTS)) -> Passage:
    """Run the parts and write `gate.json` into the output folder.

    A part that fails does not stop the others; one that finds nothing to work on is `not run`, and says why.

    Args:
        request: Checkout, interpreter, seed and folder.
        say: Called with lines for the user.
        parts: Names of `PARTS`; what they need of the others is made without being judged.

    Raises:
        RunError: the output folder holds something already, or the checkout is none.
        KeyboardInterrupt: Ctrl-C; no manifest is written.
    """
    workspace = Workspace(request, say)
    code = find_checkout(request.checkout).identity
    if workspace.root.is_dir() and any(workspace.root.iterdir()):
        message = f"{workspace.root} is not empty; a gate judges what it made itself"
        raise RunError(finding(BAD_OPTION, "request:/output", message, fix="Name an empty or absent folder."))
    workspace.root.mkdir(parents=True, exist_ok=True)
    started, clock = datetime.now(UTC), monotonic()
    done = tuple(_run(name, workspace) for name in parts)
    findings = tuple(_findings(done, workspace.root))
    manifest = GateManifest(
        outcome="failed" if findings else "passed",
        started=started,
        seconds=monotonic() - clock,
        seed=request.seed,
        device=request.device,
        versions=versions(),
        software=_ourselves(),
        code=code,
        parts=done,
        files=tuple(_files(workspace.root)),
        findings=findings,
    )
    path = workspace.root / MANIFEST
    atomic_write_json(path, manifest.model_dump(mode="json"))
    return Passage(manifest, path)


def _run(name: str, workspace: Workspace) -> GatePart:
    """One part; whatever it raises is a failure of that part, or of what it needed."""
    checks, clock, summary, missing = Checks(), monotonic(), "", None
    try:
        summary = PARTS[name](workspace, checks)
    except NotMadeError as error:
        missing = error if error.maker != name else None
        checks.that("it finds what it needs", False, error.why if missing is None else error)
    except Exception as error:  # noqa: BLE001 - a broken part must be named, and must not stop the others
        checks.that("it runs to its end", False, told(error))
    failed = "; ".join(f"{check.about}: {check.found}" for check in checks.failed)
    return GatePart(
        name=name,
        outcome="not run" if missing else "failed" if failed else "passed",
        summary=f"because {missing}" if missing else failed or summary,
        seconds=monotonic() - clock,
        checks=tuple(checks.seen),
        figures={about: _known(figure) for about, figure in checks.figures.items()},
    )


def _known(figure: JsonValue) -> JsonValue:
    """The figure; null for what is no number, which JSON cannot say."""
    if isinstance(figure, list):
        return [_known(part) for part in figure]
    return None if isinstance(figure, float) and not math.isfinite(figure) else figure


def _findings(parts: Sequence[GatePart], root: Path) -> Iterator[Finding]:
    for part in parts:
        if part.outcome != "passed":
            message = f"{part.name} {part.outcome}: {part.summary}"
            yield finding(GATE_FAILED, f"gate:/{part.name}", message, found=f"files in {root}")


def _ourselves() -> CodeIdentity:
    """Our three packages as they are installed; with the commit where they run from a git checkout."""
    root = Path(__file__).parents[2]
    sources = [path for package in _PACKAGES for path in sources_of(root / package)]
    installed = CodeIdentity(name="ptycho-contracts", sha256=tree_digest(root, sources))
    if not (root.parent / ".git").exists():
        return installed
    checkout = code_identity(root.parent, installed.name)
    return installed.model_copy(update={"commit": checkout.commit, "dirty": checkout.dirty})


def _files(root: Path) -> Iterator[FileDigest]:
    for pattern in _KEPT:
        for path in sorted(root.glob(pattern)):
            yield file_digest(path.parent.name, path, root)
