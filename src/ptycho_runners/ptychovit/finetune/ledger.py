"""The record of a fine-tuning on the disk: found again by its fingerprint, rewritten after every change."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ptycho_contracts.atomic import atomic_write_json
from ptycho_contracts.contracts.finetune_policy import FineTunePolicy
from ptycho_contracts.contracts.finetune_record import Best, FineTuneRecord, StageRecord
from ptycho_runners.provenance import file_digest
from ptycho_runners.ptychovit.finetune.stages import PlannedStage
from ptycho_runners.ptychovit.plan import Plan
from ptycho_runners.ptychovit.request import TrainRequest
from ptycho_runners.rundir import number_of

_NAME = re.compile(r"finetune(\d+)\.json")
_WEIGHTS = "initial weights"


class Ledger:
    """A record and the file that it is kept in; named after the first run, so it is written when that begins.

    Attributes:
        folder: That of the runs.
        record: As it is now.
        path: Its file; None before the first run.
    """

    def __init__(self, folder: Path, record: FineTuneRecord, path: Path | None = None) -> None:
        self.folder, self.record, self.path = folder, record, path

    def change(self, index: int, **changes: Any) -> StageRecord:
        """Change fields of a stage, publish the record, and return the stage."""
        stages = list(self.record.stages)
        stages[index] = stages[index].model_copy(update=changes)
        self.record = self.record.model_copy(update={"stages": tuple(stages), "best": _best(stages)})
        if self.path is not None:
            atomic_write_json(self.path, self.record.model_dump(mode="json"))
        return stages[index]

    def begin(self, index: int, run: Path, **changes: Any) -> None:
        """A stage begins in a run directory; the first one gives the record its name."""
        self.path = self.path or self.folder / f"finetune{number_of(run)}.json"
        self.change(index, state="running", run=run.name, findings=(), **changes)

    def last_complete(self, before: int) -> StageRecord | None:
        """The last stage before an index that was run to its end."""
        return next((stage for stage in reversed(self.record.stages[:before]) if stage.state == "complete"), None)


def earlier(folder: Path, fresh: FineTuneRecord) -> Ledger | None:
    """The newest record of the same fine-tuning in the folder of the runs, where there is one."""
    for path in sorted(folder.glob("finetune*.json"), key=_number, reverse=True):
        try:
            record = FineTuneRecord.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            continue  # of another version, or no record at all; it is left alone
        if record.fingerprint == fresh.fingerprint:
            return Ledger(folder, record, path)
    return None


def fresh_record(
    policy: FineTunePolicy, base: TrainRequest, planned: tuple[PlannedStage, ...], plan: Plan
) -> FineTuneRecord:
    """The record before anything was run; reads every input to know it by its content."""
    digests = [file_digest(role, path) for role, path in plan.inputs if path.is_file()]
    source = next(digest for digest in digests if digest.role == _WEIGHTS)
    inputs = tuple(digest for digest in digests if digest.role != _WEIGHTS)
    policy_sha256 = _sha256(policy.model_dump(mode="json"))
    identity = [policy_sha256, source.sha256, [[i.role, i.sha256] for i in inputs], base.seed, plan.code.sha256]
    return FineTuneRecord(
        started=datetime.now(UTC),
        fingerprint=_sha256([*identity, base.model, base.overrides]),
        policy=policy,
        policy_sha256=policy_sha256,
        source=source,
        code=plan.code,
        seed=base.seed,
        overrides=base.overrides,
        inputs=inputs,
        stages=tuple(StageRecord(name=p.stage.name, frozen=p.frozen, learning_rates=p.learning_rates) for p in planned),
    )


def _best(stages: list[StageRecord]) -> Best | None:
    """The complete stage with the lowest validation loss; of equals the first."""
    done = [stage for stage in stages if stage.state == "complete"]
    best = min(done, key=lambda stage: float("inf") if stage.best_loss is None else stage.best_loss, default=None)
    if best is None or best.checkpoint is None or best.best_loss is None:
        return None
    return Best(stage=best.name, path=best.checkpoint.path, validation_loss=best.best_loss)


def _number(path: Path) -> int:
    found = _NAME.fullmatch(path.name)
    return int(found[1]) if found else -1


def _sha256(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
