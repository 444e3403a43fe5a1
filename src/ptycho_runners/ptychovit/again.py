"""A training that is asked for again: the interrupted run of the same request goes on instead of beginning anew."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from ptycho_contracts.atomic import sha256_of
from ptycho_contracts.contracts.run_manifest import Decision, RunManifest
from ptycho_runners.errors import RunError
from ptycho_runners.ptychovit.execute import OnEvent, RunRecord, execute, perform, plan_of
from ptycho_runners.ptychovit.found import MANIFEST, read_model
from ptycho_runners.ptychovit.plan import Plan
from ptycho_runners.ptychovit.request import ResumeRequest, TrainRequest
from ptycho_runners.rundir import new_run, runs, state_of

FINGERPRINT = "request"
"""What the manifest's decision is about that holds the fingerprint of its request."""

_MACHINE = {"python", "device", "threads", "timeout_s", "launch", "runs_dir"}


def perform_or_resume(
    request: TrainRequest, on_event: OnEvent | None, say: Callable[[str], None], *, resume: bool = True
) -> RunRecord:
    """Train; where the newest run of the same request in `runs_dir` was interrupted, go on with that.

    Args:
        request: what to do. The same request is one with the same content of every input file; where and how fast
            it is computed does not matter.
        on_event: called with each event of the bridge.
        say: called with a line where an earlier run goes on, or cannot.
        resume: False: begin anew in any case.

    Raises:
        RunError: as `perform`.
    """
    asked = fingerprint(request, plan_of(request))
    again = _resumable(request, asked, say) if resume else None
    if again is not None:
        return perform(again, on_event)
    with new_run(request.runs_dir.absolute()) as directory:
        known = Decision(about=FINGERPRINT, choice=asked, reason="SHA-256 of the request: the same one can be resumed")
        return execute(decided(plan_of(request, directory.path), known), directory, on_event)


def _resumable(request: TrainRequest, asked: str, say: Callable[[str], None]) -> ResumeRequest | None:
    earlier = interrupted_run(request.runs_dir, asked)
    if earlier is None:
        return None
    again = ResumeRequest(run=earlier, **machine_of(request))
    try:
        plan_of(again)
    except RunError as refusal:
        say(f"{earlier.name} was interrupted and cannot be resumed, so the training begins anew: {refusal}")
        return None
    say(f"{earlier.name} was interrupted; it is resumed from its last finished epoch")
    return again


def decided(plan: Plan, decision: Decision) -> Plan:
    """The plan with one more decision, before its own."""
    return plan.model_copy(update={"decisions": (decision, *plan.decisions)})


def machine_of(request: TrainRequest) -> dict[str, Any]:
    """What a resume takes from a request: where and how it is computed."""
    return {name: getattr(request, name) for name in ("python", "device", "threads", "launch", "timeout_s")}


def interrupted_run(runs_dir: Path, asked: str) -> Path | None:
    """The newest run of a request, where it was interrupted; None where it ended otherwise, or there is none."""
    same = [run for run in runs(runs_dir) if _stored(run) == asked]
    return same[-1] if same and state_of(same[-1]) == "interrupted" else None


def fingerprint(request: TrainRequest, plan: Plan) -> str:
    """SHA-256 over what the trained weights depend on: the request, the checkout's sources, the inputs' content."""
    options = request.model_dump(mode="json", exclude=_MACHINE)
    inputs = [[role, sha256_of(path)] for role, path in plan.inputs if path.is_file()]
    text = json.dumps([options, plan.code.sha256, inputs], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _stored(run: Path) -> JsonValue:
    manifest = read_model(RunManifest, run / MANIFEST)
    decisions = manifest.decisions if manifest is not None else ()
    return next((decision.choice for decision in decisions if decision.about == FINGERPRINT), None)
