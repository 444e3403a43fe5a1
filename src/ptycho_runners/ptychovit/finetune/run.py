"""Carry out a fine-tuning: one training after the other, each kept in the record; a rerun goes on where it ended."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from ptycho_contracts.atomic import sha256_of
from ptycho_contracts.checkpoints.state import read_state
from ptycho_contracts.checkpoints.weights import read_weights
from ptycho_contracts.contracts.finetune_policy import FineTunePolicy
from ptycho_contracts.contracts.finetune_record import FineTuneRecord, Justification, StageRecord
from ptycho_contracts.contracts.run_manifest import Decision, FileDigest, RunManifest
from ptycho_contracts.finding import finding
from ptycho_contracts.run_codes import BAD_OPTION, CHECKPOINT_MISSING, RUN_LOCKED
from ptycho_contracts.sources.base import SourceError
from ptycho_runners.errors import RunError
from ptycho_runners.provenance import file_digest
from ptycho_runners.ptychovit.again import decided, machine_of
from ptycho_runners.ptychovit.execute import OnEvent, execute, perform, plan_of
from ptycho_runners.ptychovit.finetune.ledger import Ledger, earlier, fresh_record
from ptycho_runners.ptychovit.finetune.rule import epochs_in_words, justify
from ptycho_runners.ptychovit.finetune.stages import PlannedStage, plan_stages, stage_request
from ptycho_runners.ptychovit.finetune.verify import frozen_findings
from ptycho_runners.ptychovit.found import BEST, MANIFEST, STATE, read_model
from ptycho_runners.ptychovit.plan import EVENTS
from ptycho_runners.ptychovit.request import ResumeRequest, TrainRequest
from ptycho_runners.rundir import locked, new_run, state_of

Say = Callable[[str], None]


@dataclass(frozen=True)
class FineTuned:
    """A fine-tuning whose stages are all run or skipped.

    Attributes:
        path: Its record.
        record: What the record says.
    """

    path: Path
    record: FineTuneRecord

    @property
    def best_model(self) -> Path:
        """The weights of the stage with the lowest validation loss."""
        assert self.record.best is not None  # a stage without a finite loss has failed
        return self.path.parent / self.record.best.path


@dataclass(frozen=True)
class PlannedFineTuning:
    """What would be done.

    Attributes:
        stages: in terms of the weights.
        folder: that of the runs.
        fresh: the record before anything was run.
        new: begin afresh, whatever was done before.
    """

    stages: tuple[PlannedStage, ...]
    folder: Path
    fresh: FineTuneRecord
    new: bool

    def ledger(self) -> Ledger:
        """The record as it stands: that of an earlier call with the same arguments, or a fresh one."""
        found = None if self.new else earlier(self.folder, self.fresh)
        return found or Ledger(self.folder, self.fresh)


def stages_for(policy: FineTunePolicy, weights: Path) -> tuple[PlannedStage, ...]:
    """The stages of a policy for the weights in a file; reads headers.

    Raises:
        RunError: with every reason why policy and weights do not fit, or the file cannot be read.
    """
    try:
        return plan_stages(policy, read_weights(weights).tensors.keys())
    except SourceError as error:
        raise RunError(*error.findings) from error


def plan_finetune(policy: FineTunePolicy, base: TrainRequest, *, new: bool = False) -> PlannedFineTuning:
    """Plan a fine-tuning; reads headers, and every input once to know it by its content; writes nothing.

    Args:
        policy: the stages and the rule.
        base: checkout, data and machine, and the weights to start from (`initial_weights`); `options`, `frozen`
            and `learning_rates` of it are replaced by each stage's.
        new: begin afresh, whatever was done before.

    Raises:
        RunError: with every reason why policy and weights, or request and data, do not fit.
    """
    if base.initial_weights is None:
        raise RunError(finding(BAD_OPTION, "request:/initial_weights", "a fine-tuning needs weights to start from"))
    stages = stages_for(policy, base.initial_weights)
    plan = plan_of(stage_request(base, policy, stages[0], base.initial_weights))
    return PlannedFineTuning(stages, plan.run_dir.parent, fresh_record(policy, base, stages, plan), new)


def fine_tune(
    policy: FineTunePolicy,
    base: TrainRequest,
    *,
    new: bool = False,
    on_event: OnEvent | None = None,
    say: Say = lambda _line: None,
) -> FineTuned:
    """Run the stages of a policy; what an earlier call with the same arguments finished is kept.

    Args:
        policy: as for `plan_finetune`, likewise `base` and `new`.
        base: see there.
        new: see there.
        on_event: called with each event of the bridge.
        say: called with a line where a stage begins, is skipped or ends.

    Raises:
        RunError: refused before anything was written; or a stage failed, and the record says so. Another process
            that fine-tunes into the same folder is a refusal, too.
        KeyboardInterrupt: Ctrl-C; the same call goes on from the last finished epoch.
    """
    planned = plan_finetune(policy, base, new=new)
    planned.folder.mkdir(parents=True, exist_ok=True)
    with locked(planned.folder):
        run = _Run(policy, base, planned.ledger(), on_event, say)
        for index, stage in enumerate(planned.stages):
            run.stage(index, stage)
    record, path = run.ledger.record, run.ledger.path
    assert path is not None  # the policy runs at least one stage
    for kept in record.stages:
        if record.best is not None and kept.name == record.best.stage and kept.checkpoint is not None:
            _unchanged(planned.folder, kept.name, kept.checkpoint)
    return FineTuned(path, record)


class _Run:
    """One call of `fine_tune`."""

    def __init__(
        self, policy: FineTunePolicy, base: TrainRequest, ledger: Ledger, on_event: OnEvent | None, say: Say
    ) -> None:
        self.policy, self.base, self.ledger, self.on_event, self.say = policy, base, ledger, on_event, say

    def stage(self, index: int, planned: PlannedStage) -> None:
        """Skip a stage, keep it, or run it to its end and check it."""
        entry = self.ledger.record.stages[index]
        if entry.state in ("complete", "skipped"):
            self.say(f"stage {entry.name}: {_told(entry)}, in an earlier call")
            return
        reason, justification = self._reason(index)
        if reason is None:
            skipped = justification.sentence if justification else "when: never"
            entry = self.ledger.change(index, state="skipped", reason=skipped, justification=justification)
            self.say(f"stage {entry.name}: {_told(entry)}")
            return
        self._refuse_busy(entry)
        source = self._checked_source(index)
        request = stage_request(self.base, self.policy, planned, source)
        why = Decision(about="finetune.stage", choice=planned.stage.name, reason=reason)
        try:
            run_dir = self._continued(index, entry) or self._begun(index, request, why, justification)
            self._finish(index, run_dir, source, planned)
        except RunError as error:
            self.ledger.change(index, state="failed", reason=str(error), findings=error.findings)
            raise
        self.say(f"stage {entry.name}: {_told(self.ledger.record.stages[index])}")

    def _refuse_busy(self, entry: StageRecord) -> None:
        """Another process may be resuming the run of a stage by itself."""
        if entry.run is not None and state_of(self.ledger.folder / entry.run) == "running":
            message = f"{entry.run}, the run of stage {entry.name!r}, is in use by another process"
            raise RunError(finding(RUN_LOCKED, f"run:/{entry.run}", message))

    def _reason(self, index: int) -> tuple[str | None, Justification | None]:
        """Why a stage is run, None where it is not; and what the rule said, where it was asked."""
        when = self.policy.stages[index].when
        if when == "never":
            return None, None
        if when == "always":
            return "when: always", None
        done = [stage.validation_losses for stage in self.ledger.record.stages[:index] if stage.state == "complete"]
        verdict = justify(done, self.policy.rule)
        return verdict.sentence if verdict.justified else None, verdict

    def _checked_source(self, index: int) -> Path:
        """The weights that a stage starts from, which must still be those that the stage before left."""
        before = self.ledger.last_complete(index)
        if before is None or before.checkpoint is None:
            assert self.base.initial_weights is not None  # the plan demands them
            return self.base.initial_weights
        return _unchanged(self.ledger.folder, before.name, before.checkpoint)

    def _continued(self, index: int, entry: StageRecord) -> Path | None:
        """The run directory of a stage that was begun earlier, brought to its end; None where it begins anew."""
        run_dir = self.ledger.folder / entry.run if entry.run else None
        if run_dir is None or not run_dir.is_dir():
            return None
        if state_of(run_dir) == "complete":
            return run_dir if entry.state == "running" else None  # one that failed its check is not used
        request = ResumeRequest(run=run_dir, **machine_of(self.base))
        try:
            plan_of(request)
        except RunError as refusal:
            self.say(f"stage {entry.name}: begins anew, {run_dir.name} cannot be resumed: {refusal}")
            return None
        self.ledger.change(index, state="running", findings=())
        self.say(f"stage {entry.name}: resumes {run_dir.name}")
        return perform(request, self.on_event).run_dir

    def _begun(self, index: int, request: TrainRequest, why: Decision, verdict: Justification | None) -> Path:
        """A stage from its first epoch on, in a run directory of its own."""
        with new_run(request.runs_dir.absolute()) as directory:
            plan = decided(plan_of(request, directory.path), why)
            assert request.initial_weights is not None  # `_checked_source` gave them
            source = file_digest("source", request.initial_weights, self.ledger.folder)
            self.ledger.begin(index, directory.path, source=source, reason=why.reason, justification=verdict)
            self.say(
                f"stage {why.choice}: {directory.path.name}, {epochs_in_words(request.options.epochs)} ({why.reason})"
            )
            return execute(plan, directory, self.on_event).run_dir

    def _finish(self, index: int, run_dir: Path, source: Path, planned: PlannedStage) -> None:
        """Keep what a training left, and refuse it where a frozen part moved or no loss is finite."""
        best = run_dir / BEST
        try:
            state = read_state(run_dir / STATE)
            moved = frozen_findings(source, best, planned.frozen)
        except SourceError as error:
            raise RunError(*error.findings) from error
        if moved:
            raise RunError(*moved)
        manifest = read_model(RunManifest, run_dir / MANIFEST)
        self.ledger.change(
            index,
            state="complete",
            validation_losses=tuple(loss if isfinite(loss) else None for loss in state.losses["validation_loss"]),
            best_loss=state.best_val_loss,
            checkpoint=file_digest("best model", best, self.ledger.folder),
            validation_seeded=_seeded(run_dir / EVENTS),
            seconds=manifest.seconds if manifest is not None else None,
        )


def _unchanged(folder: Path, stage: str, checkpoint: FileDigest) -> Path:
    """The weights that a stage left, proven by their digest."""
    path = folder / checkpoint.path
    if not path.is_file() or sha256_of(path) != checkpoint.sha256:
        message = f"{path} is not what stage {stage!r} left: it was removed or changed"
        fix = "Put the file back, or begin afresh with `--new`."
        raise RunError(finding(CHECKPOINT_MISSING, f"run:/{checkpoint.path}", message, fix=fix))
    return path


def _told(entry: StageRecord) -> str:
    if entry.state == "skipped":
        return f"skipped ({entry.reason})"
    loss = "no finite loss" if entry.best_loss is None else f"best validation loss {entry.best_loss:.4g}"
    return f"{entry.state}, {loss} in {epochs_in_words(len(entry.validation_losses))}"


def _seeded(events: Path) -> bool | None:
    """What the bridge last said about the noise of the validation; None where it said nothing."""
    seeded: bool | None = None
    for line in events.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if event.get("event") == "validation_seeding":
            seeded = event["seeded"]
    return seeded
