"""A run's manifest in the making: written when the run starts, and again when it ends."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from pydantic import ValidationError

from ptycho_contracts.atomic import atomic_write_json
from ptycho_contracts.contracts.bridge_event import BridgeEvent
from ptycho_contracts.contracts.bridge_result import BridgeResult
from ptycho_contracts.contracts.run_manifest import (
    Attempt,
    Decision,
    FileDigest,
    Origin,
    Outcome,
    RunManifest,
)
from ptycho_contracts.finding import Finding
from ptycho_runners.provenance import file_digest, versions
from ptycho_runners.ptychovit.found import MANIFEST
from ptycho_runners.ptychovit.plan import EVENTS, TRAINING, Plan, Start
from ptycho_runners.rundir import is_run


class Record:
    """What is known of a run when one of its processes starts; earlier processes are in it.

    Args:
        plan: what is about to be done; its files are laid out.
        earlier: the manifest that the process before left; None for a new run.
    """

    def __init__(self, plan: Plan, earlier: RunManifest | None) -> None:
        self.plan, self.earlier = plan, earlier
        self.started, self.clock = datetime.now(UTC), monotonic()
        self.checkpoint = None if plan.start is None else file_digest("checkpoint", plan.start.checkpoint, plan.run_dir)
        # A resume was planned from these very digests; reading the data once more would tell nothing new.
        self.inputs = earlier.inputs if earlier else _digests(plan)
        self.before = closed_attempts(earlier, plan.run_dir) if earlier else ()

    def write(self, outcome: Outcome, findings: tuple[Finding, ...], result: BridgeResult | None) -> RunManifest:
        """Write the manifest with what is known now."""
        seconds = monotonic() - self.clock
        earlier = self.earlier
        attempts = (*self.before, self._attempt(seconds, outcome)) if self.plan.kind == TRAINING else ()
        manifest = RunManifest(
            kind=self.plan.kind,
            outcome=outcome,
            started=earlier.started if earlier else self.started,
            seconds=seconds + sum(attempt.seconds for attempt in self.before),
            seed=self.plan.job.seed,
            versions=versions() | _prefixed(result),
            code=self.plan.code,
            origin=self._origin(),
            attempts=attempts,
            commands=(*(earlier.commands if earlier else ()), self.plan.command),
            decisions=_latest((*(earlier.decisions if earlier else ()), *self.plan.decisions)),
            inputs=self.inputs,
            outputs=() if outcome == "running" else outputs_of(self.plan.run_dir, self.plan.promises),
            findings=findings,
            figures={} if result is None else result.model_dump(mode="json", include={"counts", "losses"}),
        )
        atomic_write_json(self.plan.run_dir / MANIFEST, manifest.model_dump(mode="json"))
        return manifest

    def _attempt(self, seconds: float, outcome: Outcome) -> Attempt:
        return Attempt(
            started=self.started,
            seconds=seconds,
            first_epoch=self.plan.first_epoch,
            outcome=outcome,
            checkpoint=self.checkpoint if self.plan.resumes else None,
        )

    def _origin(self) -> Origin | None:
        """Where the weights came from before the run's first epoch, which no resume changes."""
        if self.earlier is not None:
            return self.earlier.origin
        if self.plan.start is None or self.checkpoint is None:
            return None
        return _origin(self.plan.start, self.checkpoint)


def _origin(start: Start, checkpoint: FileDigest) -> Origin:
    folder = start.checkpoint.parent
    run = str(folder) if is_run(folder) else None
    return Origin(relation=start.relation, run=run, checkpoint=checkpoint, epoch=start.epoch)


def closed_attempts(manifest: RunManifest, run_dir: Path) -> tuple[Attempt, ...]:
    """The processes of a run that nobody works on; one that never wrote its end was killed."""
    attempts = manifest.attempts or (_attempt_of(manifest),)
    return tuple(_killed(each, run_dir) if each.outcome == "running" else each for each in attempts)


def _attempt_of(manifest: RunManifest) -> Attempt:
    """The one process of a run whose manifest is older than the field `attempts`."""
    return Attempt(
        started=manifest.started, seconds=manifest.seconds, first_epoch=0, outcome=manifest.outcome, checkpoint=None
    )


def _killed(attempt: Attempt, run_dir: Path) -> Attempt:
    last = _last_event(run_dir / EVENTS) or attempt.started
    seconds = max(attempt.seconds, (last - attempt.started).total_seconds())
    return attempt.model_copy(update={"outcome": "interrupted", "seconds": seconds})


def _last_event(events: Path) -> datetime | None:
    """When the last whole line of an event file was written."""
    if not events.is_file():
        return None
    for line in reversed(events.read_text(errors="replace").splitlines()):
        try:
            return BridgeEvent.model_validate_json(line).root.time
        except ValidationError:
            continue
    return None


def _latest(decisions: tuple[Decision, ...]) -> tuple[Decision, ...]:
    """One decision about each thing, the last."""
    return tuple({each.about: each for each in decisions}.values())


def _digests(plan: Plan) -> tuple[FileDigest, ...]:
    return tuple(file_digest(role, path, plan.run_dir) for role, path in plan.inputs)


def outputs_of(run_dir: Path, names: Iterable[str]) -> tuple[FileDigest, ...]:
    """Those of the named files that are there, pinned."""
    present = (name for name in names if (run_dir / name).is_file())
    return tuple(file_digest(Path(name).stem, run_dir / name, run_dir) for name in present)


def _prefixed(result: BridgeResult | None) -> dict[str, str]:
    """Versions of the checkout's interpreter; it may have another Python and numpy than we."""
    return {} if result is None else {f"checkout {name}": version for name, version in result.versions.items()}
