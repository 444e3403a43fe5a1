"""Carry out a plan: files, process, clock. Everything that is decided is decided elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Literal

from pydantic import ValidationError

from ptycho_contracts.atomic import atomic_write_json, atomic_write_text
from ptycho_contracts.contracts.bridge_event import AnyEvent, BridgeEvent, Fallback
from ptycho_contracts.contracts.bridge_result import BridgeResult
from ptycho_contracts.contracts.run_manifest import FileDigest, RunManifest
from ptycho_contracts.finding import Finding
from ptycho_runners.bridge.bridge import settle_checkpoint
from ptycho_runners.errors import RunError
from ptycho_runners.process import Outcome, minimal_environment, run
from ptycho_runners.provenance import file_digest, versions
from ptycho_runners.ptychovit.config import to_yaml
from ptycho_runners.ptychovit.facts import infer_facts, train_facts
from ptycho_runners.ptychovit.plan import EVENTS, JOB, RESULT, WORK, Plan, plan_inference, plan_training
from ptycho_runners.ptychovit.request import InferRequest, TrainRequest
from ptycho_runners.ptychovit.verdict import Evidence, judge, telling
from ptycho_runners.rundir import RunDir, new_run, next_path

MANIFEST = "manifest.json"
Ending = Literal["complete", "failed", "invalid", "interrupted"]
OnEvent = Callable[[AnyEvent], None]


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


def plan_of(request: TrainRequest | InferRequest, run_dir: Path | None = None) -> Plan:
    """The plan for a request, by default in the next free run directory; nothing is written.

    Raises:
        RunError: with every reason to refuse.
    """
    where = (run_dir or next_path(request.runs_dir)).absolute()
    if isinstance(request, TrainRequest):
        return plan_training(request, train_facts(request), where)
    return plan_inference(request, infer_facts(request), where)


def perform(request: TrainRequest | InferRequest, on_event: OnEvent | None = None) -> RunRecord:
    """Plan and run a training or an inference in a new run directory.

    Args:
        request: What to do.
        on_event: Called with each event of the bridge, soon after it happened.

    Raises:
        RunError: the request is refused (nothing was written then), or the run went wrong (its directory, with
            logs and manifest, stays).
        KeyboardInterrupt: Ctrl-C; the directory is marked `interrupted`, and its checkpoint is that of the last
            finished epoch.
    """
    plan_of(request)  # refuse before a directory is made
    with new_run(request.runs_dir.absolute()) as directory:
        return execute(plan_of(request, directory.path), directory, on_event)


def execute(plan: Plan, directory: RunDir, on_event: OnEvent | None = None) -> RunRecord:
    """Carry out a plan in the run directory that it was made for.

    Raises:
        RunError: the run went wrong; the manifest holds the same findings.
    """
    lay_out(plan)
    record = _Record(plan)
    listener = Listener(on_event)
    with _manifest_if_interrupted(record):
        outcome = _start(plan, listener)
    settle_checkpoint(plan.run_dir)
    evidence = _evidence(plan, outcome, listener)
    findings = judge(evidence)
    ending = _ending(evidence, findings)
    manifest = record.write(ending, findings, evidence.result)
    directory.mark("complete" if ending == "complete" else "failed")
    if findings or evidence.result is None:
        raise RunError(*findings)
    return RunRecord(plan.run_dir, manifest, evidence.result, {name: plan.run_dir / name for name in plan.promises})


def lay_out(plan: Plan) -> None:
    """Write what the process reads: `work/config.yaml` and `job.json`.

    The current directory of main.py is `work`, because it copies `config.yaml` from there into the run
    directory, and a file cannot be copied onto itself.
    """
    (plan.run_dir / WORK).mkdir(parents=True, exist_ok=True)
    if plan.config is not None:
        atomic_write_text(plan.run_dir / WORK / "config.yaml", to_yaml(plan.config))
    atomic_write_json(plan.run_dir / JOB, plan.job.model_dump(mode="json"))


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


class _Record:
    """A run's manifest in the making: what is known when it starts."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.inputs = tuple(file_digest(role, path, plan.run_dir) for role, path in plan.inputs)
        self.started, self.clock = datetime.now(UTC), monotonic()

    def write(self, ending: Ending, findings: tuple[Finding, ...], result: BridgeResult | None) -> RunManifest:
        """Complete the manifest, and write it."""
        manifest = RunManifest(
            kind=self.plan.kind,
            outcome=ending,
            started=self.started,
            seconds=monotonic() - self.clock,
            seed=self.plan.job.seed,
            versions=versions() | _prefixed(result),
            code=self.plan.code,
            commands=(self.plan.command,),
            decisions=self.plan.decisions,
            inputs=self.inputs,
            outputs=_outputs(self.plan),
            findings=findings,
            figures={} if result is None else result.model_dump(mode="json", include={"counts", "losses"}),
        )
        atomic_write_json(self.plan.run_dir / MANIFEST, manifest.model_dump(mode="json"))
        return manifest


@contextmanager
def _manifest_if_interrupted(record: _Record) -> Iterator[None]:
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


def _evidence(plan: Plan, outcome: Outcome, listener: Listener) -> Evidence:
    result, unknown = None, list(listener.unknown)
    try:
        result = BridgeResult.model_validate_json((plan.run_dir / RESULT).read_text())
    except FileNotFoundError:
        pass  # killed before its end; the outcome says so
    except ValidationError as error:
        unknown.append(f"result.json: {error.errors(include_url=False)[0]['msg']}")
    with (plan.run_dir / "stdout.log").open(errors="replace") as log:
        printed = tuple(dict.fromkeys(line.strip() for line in log if telling(line)))
    missing = tuple(name for name in plan.promises if not _has_content(plan.run_dir / name))
    return Evidence(outcome, result, tuple(listener.fallbacks), tuple(unknown), printed, missing)


def _has_content(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _ending(evidence: Evidence, findings: tuple[Finding, ...]) -> Ending:
    if not findings:
        return "complete"
    finished = evidence.result is not None and evidence.result.status != "failed"
    return "invalid" if finished or evidence.fallbacks else "failed"


def _outputs(plan: Plan) -> tuple[FileDigest, ...]:
    present = (name for name in plan.promises if (plan.run_dir / name).is_file())
    return tuple(file_digest(Path(name).stem, plan.run_dir / name, plan.run_dir) for name in present)


def _prefixed(result: BridgeResult | None) -> dict[str, str]:
    """Versions of the checkout's interpreter; it may have another Python and numpy than we."""
    return {} if result is None else {f"checkout {name}": version for name, version in result.versions.items()}
