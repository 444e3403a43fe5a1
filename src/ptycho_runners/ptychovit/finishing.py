"""A run that was killed after its last epoch: nothing is left to train, only its end to be written.

The bridge puts an epoch on the disk when it is over; `main.py` ends a moment later, with pictures and
`metrics.pickle`. A process that is killed in between has the whole history and all weights, but not the last file.
Training once more would be wrong and starting `main.py` useless: with no epoch left it fails. So the file is written
from the history, and the run is complete.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from ptycho_contracts.atomic import atomic_write_bytes, atomic_write_json
from ptycho_contracts.checkpoints.architecture import architecture_findings, state_findings
from ptycho_contracts.checkpoints.state import StateFacts
from ptycho_contracts.checkpoints.weights import WeightsFacts
from ptycho_contracts.contracts.bridge_result import BridgeResult, Losses
from ptycho_contracts.contracts.run_manifest import Decision, RunManifest
from ptycho_runners.ptychovit.config import planned_epochs
from ptycho_runners.ptychovit.found import MANIFEST, Config, Found
from ptycho_runners.ptychovit.plan import METRICS, PROMISED, RESULT, TRAINING
from ptycho_runners.ptychovit.record import closed_attempts, outputs_of
from ptycho_runners.ptychovit.request import ResumeRequest

MESSAGE = "every epoch was finished before the process was killed; metrics.pickle is written from checkpoint.state"


@dataclass(frozen=True)
class End:
    """All that the end of a run is written from."""

    run_dir: Path
    state: StateFacts
    manifest: RunManifest


def missing_end(request: ResumeRequest, found: Found) -> End | None:
    """What to end a run with that has all its epochs and was not ended; None where there is something to train.

    Args:
        request: one that asks for more epochs, or for anything else to be different, asks for a training.
        found: the files of the run.
    """
    asks = request.epochs is not None or request.overrides or request.learning_rates is not None
    manifest, state, config = found.manifest, found.state, found.config
    if asks or manifest is None or not isinstance(state, StateFacts) or not isinstance(config, Config):
        return None
    ended = manifest.outcome == "complete" and (found.folder / METRICS).is_file()
    if ended or manifest.kind != TRAINING or planned_epochs(config.content) != state.current_epoch:
        return None
    return End(found.folder, state, manifest) if _belong_together(found, state, config.content["model"]) else None


def _belong_together(found: Found, state: StateFacts, model: Mapping[str, object]) -> bool:
    """Whether both models fit the config, and the history fits the last of them."""
    best, last = found.best, found.last
    if not isinstance(best, WeightsFacts) or not isinstance(last, WeightsFacts):
        return False
    return not (architecture_findings(best, model) or architecture_findings(last, model) or state_findings(state, last))


def write_end(end: End) -> tuple[RunManifest, BridgeResult]:
    """Write what is missing; the checkpoint files are settled, and the directory is locked by the caller."""
    metrics = {name: list(values) for name, values in end.state.losses.items()}
    atomic_write_bytes(end.run_dir / METRICS, pickle.dumps(metrics | {"best_val_loss": end.state.best_val_loss}))
    result = _result(end.state)
    atomic_write_json(end.run_dir / RESULT, result.model_dump(mode="json"))
    manifest = _manifest(end, result)
    atomic_write_json(end.run_dir / MANIFEST, manifest.model_dump(mode="json"))
    return manifest, result


def _result(state: StateFacts) -> BridgeResult:
    last = {name: values[-1] for name, values in state.losses.items() if values and isfinite(values[-1])}
    return BridgeResult(
        mode="train",
        status="ok",
        reason="completed",
        message=MESSAGE,
        device="none",
        seconds=0.0,
        versions={},
        losses=Losses(
            train=last.get("training_loss"),
            validation=last.get("validation_loss"),
            best_validation=state.best_val_loss,
        ),
    )


def _manifest(end: End, result: BridgeResult) -> RunManifest:
    attempts = closed_attempts(end.manifest, end.run_dir)
    ending = Decision(about="end of the run", choice=METRICS, reason=MESSAGE)
    return end.manifest.model_copy(
        update={
            "outcome": "complete",
            "attempts": attempts,
            "seconds": sum(attempt.seconds for attempt in attempts),
            "decisions": (*end.manifest.decisions, ending),
            "outputs": outputs_of(end.run_dir, PROMISED),
            "findings": (),
            "figures": result.model_dump(mode="json", include={"counts", "losses"}),
        }
    )
