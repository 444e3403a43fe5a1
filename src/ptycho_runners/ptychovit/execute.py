"""Carry out a plan: files, process, clock. Everything that is decided is decided elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from ptycho_contracts.contracts.bridge_event import AnyEvent, BridgeEvent, Fallback
from ptycho_contracts.contracts.bridge_result import BridgeResult
from ptycho_contracts.contracts.run_manifest import RunManifest
from ptycho_contracts.finding import Finding
from ptycho_runners.bridge.bridge import settle_checkpoint
from ptycho_runners.errors import RunError
from ptycho_runners.process import Outcome, minimal_environment, run
from ptycho_runners.ptychovit.facts import infer_facts, train_facts
from ptycho_runners.ptychovit.finishing import End, missing_end, write_end
from ptycho_runners.ptychovit.found import MANIFEST, look_at_run, read_model
from ptycho_runners.ptychovit.history import history_findings
from ptycho_runners.ptychovit.laying import LOGS, lay_out
from ptycho_runners.ptychovit.plan import EVENTS, PROMISED, RESULT, Plan
from ptycho_runners.ptychovit.plan_infer import plan_inference
from ptycho_runners.ptychovit.plan_resume import check_not_running, plan_resume, resume_facts, run_directory
from ptycho_runners.ptychovit.plan_train import plan_training
from ptycho_runners.ptychovit.record import Record
from ptycho_runners.ptychovit.request import InferRequest, ResumeRequest, TrainRequest
from ptycho_runners.ptychovit.verdict import Evidence, judge, telling
from ptycho_runners.rundir import RunDir, locked, marked, new_run, next_path

Ending = Literal["complete", "failed", "invalid", "interrupted"]
OnEvent = Callable[[AnyEvent], None]
Request = TrainRequest | InferRequest | ResumeRequest


@dataclass(frozen=True)
class RunRecord:
    """A run that went well.

    Attributes:
        run_dir: Its directory.
        manifest: What `manifest.json` there says.
        result: What the bridge said at its end.
        outputs: The promised files by name.
    """

    run_dir: Path
    manifest: RunManifest
    result: BridgeResult
    outputs: dict[str, Path]


def plan_of(request: Request, run_dir: Path | None = None) -> Plan:
    """The plan for a request, by default in the next free run directory; nothing is written.

    Raises:
        RunError: with every reason to refuse.
    """
    if isinstance(request, ResumeRequest):
        check_not_running(request.run)
        return plan_resume(request, resume_facts(request))
    return _planner(request)((run_dir or next_path(request.runs_dir)).absolute())


def perform(request: Request, on_event: OnEvent | None = None) -> RunRecord:
    """Plan and run: a training or an inference in a new run directory, a resume in its own.

    Args:
        request: What to do.
        on_event: Called with each event of the bridge, soon after it happened.

    Raises:
        RunError: the request is refused (nothing was written then, and a run directory stays what it was), or the
            run went wrong (its directory, with logs and manifest, stays).
        KeyboardInterrupt: Ctrl-C; the directory is marked `interrupted`, and its checkpoint is that of the last
            finished epoch.
    """
    if isinstance(request, ResumeRequest):
        return _perform_resume(request, on_event)
    planner = _planner(request)
    planner(next_path(request.runs_dir).absolute())  # refuse before a directory is made
    with new_run(request.runs_dir.absolute()) as directory:
        return execute(planner(directory.path), directory, on_event)


def _planner(request: TrainRequest | InferRequest) -> Callable[[Path], Plan]:
    """From a run directory to the plan; the disk is looked at once."""
    if isinstance(request, TrainRequest):
        training = train_facts(request)
        return lambda run_dir: plan_training(request, training, run_dir)
    inference = infer_facts(request)
    return lambda run_dir: plan_inference(request, inference, run_dir)


def _perform_resume(request: ResumeRequest, on_event: OnEvent | None) -> RunRecord:
    run_dir = run_directory(request.run)
    with locked(run_dir):
        end = missing_end(request, look_at_run(run_dir))
        if end is not None:
            return _end(end)
        plan = plan_resume(request, resume_facts(request))  # a refusal leaves the directory as it is
        settle_checkpoint(run_dir)
        with marked(run_dir) as directory:
            return execute(plan, directory, on_event)


def _end(end: End) -> RunRecord:
    """Complete a run that has all its epochs; nothing is started."""
    settle_checkpoint(end.run_dir)
    manifest, result = write_end(end)
    RunDir(end.run_dir).mark("complete")
    return RunRecord(end.run_dir, manifest, result, {name: end.run_dir / name for name in PROMISED})


def execute(plan: Plan, directory: RunDir, on_event: OnEvent | None = None) -> RunRecord:
    """Carry out a plan in the run directory that it was made for.

    Raises:
        RunError: the run went wrong; the manifest holds the same findings.
    """
    lay_out(plan)
    record = Record(plan, read_model(RunManifest, plan.run_dir / MANIFEST) if plan.resumes else None)
    record.write("running", (), None)
    listener, printed_before = Listener(on_event), _size(plan.run_dir / LOGS[0])
    with _manifest_if_interrupted(record):
        outcome = _start(plan, listener)
    settle_checkpoint(plan.run_dir)
    evidence = _evidence(plan, outcome, listener, printed_before)
    findings = judge(evidence)
    ending = _ending(evidence, findings)
    manifest = record.write(ending, findings, evidence.result)
    directory.mark("complete" if ending == "complete" else "failed")
    if findings or evidence.result is None:
        raise RunError(*findings)
    return RunRecord(plan.run_dir, manifest, evidence.result, {name: plan.run_dir / name for name in plan.promises})


@dataclass
class Listener:
    """Takes the bridge's lines, keeps what the verdict needs, and passes events on."""

    on_event: OnEvent | None
    fallbacks: list[Fallback] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def __call__(self, line: str) -> None:
        """Take one line of the event file."""
        try:
            event = BridgeEvent.model_validate_json(line).root
        except ValidationError as error:
            self.unknown.append(f"{line[:200]}: {error.errors(include_url=False)[0]['msg']}")
            return
        if isinstance(event, Fallback):
            self.fallbacks.append(event)
        if self.on_event is not None:
            self.on_event(event)


@contextmanager
def _manifest_if_interrupted(record: Record) -> Iterator[None]:
    """Leave a manifest also where Ctrl-C, SIGTERM or a listener's exception ends the run."""
    try:
        yield
    except BaseException:
        settle_checkpoint(record.plan.run_dir)
        record.write("interrupted", (), None)
        raise


def _start(plan: Plan, listener: Listener) -> Outcome:
    return run(
        plan.command.argv,
        cwd=Path(plan.command.cwd),
        env=minimal_environment(plan.command.env),
        logs=(plan.run_dir / "stdout.log", plan.run_dir / "stderr.log"),
        events=plan.run_dir / EVENTS,
        on_event=listener,
        timeout_s=plan.timeout_s,
    )


def _evidence(plan: Plan, outcome: Outcome, listener: Listener, printed_before: int) -> Evidence:
    result, unknown = None, list(listener.unknown)
    try:
        result = BridgeResult.model_validate_json((plan.run_dir / RESULT).read_text())
    except FileNotFoundError:
        pass  # killed before its end; the outcome says so
    except ValidationError as error:
        unknown.append(f"result.json: {error.errors(include_url=False)[0]['msg']}")
    missing = tuple(name for name in plan.promises if _size(plan.run_dir / name) == 0)
    return Evidence(
        outcome,
        result,
        tuple(listener.fallbacks),
        tuple(unknown),
        _printed(plan.run_dir / LOGS[0], printed_before),
        missing,
        tuple(history_findings(plan)),
    )


def _printed(log: Path, start: int) -> tuple[str, ...]:
    """The telling lines of a log from a byte on, each once."""
    with log.open(errors="replace") as lines:
        lines.seek(start)
        return tuple(dict.fromkeys(line.strip() for line in lines if telling(line)))


def _size(path: Path) -> int:
    """Bytes in a file; 0 where there is none."""
    return path.stat().st_size if path.is_file() else 0


def _ending(evidence: Evidence, findings: tuple[Finding, ...]) -> Ending:
    if not findings:
        return "complete"
    finished = evidence.result is not None and evidence.result.status != "failed"
    return "invalid" if finished or evidence.fallbacks else "failed"
