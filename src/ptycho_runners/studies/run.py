"""Running a study: plan, data, truth, arms, one evaluation, pictures, manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from ptycho_adapters.codec import ConversionError
from ptycho_contracts.atomic import atomic_write_json
from ptycho_contracts.contracts.metrics_by_model import MetricsByModel
from ptycho_contracts.contracts.run_manifest import Decision, RunManifest
from ptycho_contracts.contracts.study import Study, StudyArm
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.run_codes import RUN_FAILED
from ptycho_runners.arms.base import Arm, ArmRequest, ArmResult
from ptycho_runners.errors import RunError
from ptycho_runners.provenance import file_digest, versions
from ptycho_runners.rundir import locked
from ptycho_runners.studies import visuals
from ptycho_runners.studies.data import Files, Regions, check_files, files_of, provide, write_truth
from ptycho_runners.studies.evaluate import load, score
from ptycho_runners.studies.layout import Layout
from ptycho_runners.studies.load import load_study, select

if TYPE_CHECKING:
    from ptycho_adapters.evaluation.evaluate import Evaluation

Say = Callable[[str], None]


@dataclass(frozen=True)
class Planned:
    """One arm, ready to run."""

    entry: StudyArm
    arm: Arm
    request: ArmRequest
    decisions: list[Decision]


@dataclass
class StudyOutcome:
    """What a study left.

    Attributes:
        layout: Where everything lies.
        metrics: Content of `metrics_by_model.json`.
        errors: Why arms failed, by id.
        pictures: Those drawn; older ones may lie beside them.
    """

    layout: Layout
    metrics: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, tuple[Finding, ...]] = field(default_factory=dict)
    pictures: list[Path] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every selected arm has numbers."""
        return not self.errors


def plan_study(path: Path, output: Path, models: Sequence[str] | None = None, say: Say = print) -> list[Planned]:
    """What would be run, with reasons; nothing is written.

    Raises:
        RunError: with every reason to refuse.
    """
    study = load_study(path)
    layout = Layout(output.absolute())
    base = path.absolute().parent
    files = files_of(study, base, layout)
    check_files(files)
    planned: list[Planned] = []
    problems: list[Finding] = []
    for entry, arm, options in select(study, models):
        request = _request(study, entry, options, files, base, layout, say)
        try:
            planned.append(Planned(entry, arm, request, arm.plan(request)))
        except RunError as error:
            problems += error.findings
    if problems:
        raise RunError(*problems)
    return planned


def run_study(
    path: Path | str, output: Path | str, models: Sequence[str] | None = None, say: Say = print
) -> StudyOutcome:
    """Run the selected arms of a study and compare them.

    An arm that finished in an earlier run of the same study, with the same request, is not run again. One that
    fails leaves the others' results standing and its error in the metrics file.

    Args:
        path: The study file.
        output: Folder for everything; made where absent.
        models: Ids of the arms; all of the study where None.
        say: Called with lines for the user.

    Raises:
        RunError: the study is refused before anything is written, or another process runs one in this folder.
        ConversionError: the test file cannot be read; without it nothing can be compared.
        OSError: the output folder cannot be made or written.
        KeyboardInterrupt: Ctrl-C; arms that finished are kept for the next call.
    """
    path, output = Path(path), Path(output)
    planned = plan_study(path, output, models, say)
    study, layout = load_study(path), Layout(output.absolute())
    files = files_of(study, path.absolute().parent, layout)
    layout.root.mkdir(parents=True, exist_ok=True)
    with locked(layout.root):
        return _carry_out(planned, study, files, layout, say)


def _carry_out(planned: list[Planned], study: Study, files: Files, layout: Layout, say: Say) -> StudyOutcome:
    started, clock = datetime.now(UTC), monotonic()
    say("simulating the splits" if files.simulated else f"reading {files.test}")
    provide(study, files)
    regions = write_truth(study, files, layout)
    outcome = StudyOutcome(layout)
    evaluations = {}
    for each in planned:
        evaluation = _run_arm(each, study, files, regions, outcome)
        if evaluation is not None:
            evaluations[each.entry.id] = evaluation
    _tell_dropped(layout.metrics, outcome.metrics, say)
    atomic_write_json(layout.metrics, outcome.metrics)
    outcome.pictures = _draw(evaluations, layout, say)
    manifest = _study_manifest(study, planned, files, outcome, started, monotonic() - clock)
    atomic_write_json(layout.manifest, manifest.model_dump(mode="json"))
    return outcome


def _request(
    study: Study, entry: StudyArm, options: BaseModel, files: Files, base: Path, layout: Layout, say: Say
) -> ArmRequest:
    return ArmRequest(
        id=entry.id,
        n=entry.n,
        options=options,
        base=base,
        train=files.train,
        test=files.test,
        test_object=study.data.test_object,
        order=study.data.order,
        folders=layout.folders(entry.id),
        say=lambda line: say(f"[{entry.id}] {line}"),
    )


def _run_arm(each: Planned, study: Study, files: Files, regions: Regions, outcome: StudyOutcome) -> Evaluation | None:
    """Run or reuse one arm and score it; its error goes into the outcome, never further."""
    from ptycho_adapters.evaluation.errors import EvaluationError  # noqa: PLC0415

    name = each.entry.id
    try:
        recon = _finished(each, files, outcome.layout) or _perform(each, files, outcome.layout)
        evaluation, entry = score(load(recon), load(outcome.layout.truth), regions, study.evaluation)
    except (RunError, ConversionError) as error:
        findings = error.findings
    except (EvaluationError, ImportError) as error:
        findings = (finding(RUN_FAILED, f"arm:/{name}", f"{name} cannot be evaluated: {error}"),)
    except Exception as error:  # noqa: BLE001 - an arm is a plug-in; whatever it raises must not stop the others
        findings = (finding(RUN_FAILED, f"arm:/{name}", f"{type(error).__name__}: {error}"),)
    else:
        outcome.metrics[name] = entry
        return evaluation
    outcome.errors[name] = findings
    outcome.metrics[name] = {"error": "; ".join(f"{f.code} {f.message}" for f in findings)}
    each.request.say(f"failed: {outcome.metrics[name]['error']}")
    return None


def _fingerprint(each: Planned, files: Files) -> str:
    """What an arm's result depends on: its request, and the content of the splits."""
    splits = [file_digest("split", p).sha256 for p in (files.train, files.test) if p is not None]
    asked = [each.entry.model_dump(mode="json"), [d.model_dump(mode="json") for d in each.decisions], splits]
    return hashlib.sha256(json.dumps([*asked, each.request.order, each.request.test_object]).encode()).hexdigest()


def _finished(each: Planned, files: Files, layout: Layout) -> Path | None:
    """The reconstruction of an earlier run of the same request, where it is complete and untouched."""
    try:
        manifest = RunManifest.model_validate_json(layout.arm_manifest(each.entry.id).read_text())
    except (OSError, ValidationError):
        return None
    recon = layout.recon(each.entry.id)
    if manifest.outcome != "complete" or manifest.figures.get("fingerprint") != _fingerprint(each, files):
        return None
    if not recon.is_file() or manifest.outputs[0].sha256 != file_digest("recon", recon).sha256:
        return None
    each.request.say("finished earlier; its reconstruction is kept")
    return recon


def _perform(each: Planned, files: Files, layout: Layout) -> Path:
    started, clock = datetime.now(UTC), monotonic()
    result = each.arm.run(each.request)
    manifest = _arm_manifest(each, files, result, started, monotonic() - clock)
    atomic_write_json(layout.arm_manifest(each.entry.id), manifest.model_dump(mode="json"))
    return result.recon


def _arm_manifest(each: Planned, files: Files, result: ArmResult, started: datetime, seconds: float) -> RunManifest:
    folder = result.recon.parent
    return RunManifest(
        kind=f"arm {each.entry.runs}",
        outcome="complete",
        started=started,
        seconds=seconds,
        versions=versions(),
        decisions=tuple(result.decisions),
        inputs=tuple(file_digest("split", p) for p in (files.train, files.test) if p is not None),
        outputs=(file_digest("recon", result.recon, folder),),
        figures={**result.figures, "fingerprint": _fingerprint(each, files), "runs": [str(p) for p in result.runs]},
    )


def _tell_dropped(path: Path, metrics: Mapping[str, Any], say: Say) -> None:
    """Say which arms an earlier run compared and this one does not: the file holds selected arms only."""
    try:
        earlier = MetricsByModel.model_validate_json(path.read_text()).root
    except (OSError, ValueError):
        return  # none yet, or one that nobody could read either
    dropped = [name for name in earlier if name not in metrics]
    if dropped:
        say(f"{path.name} now holds the selected arms only, no longer {', '.join(dropped)}; their recons/ are kept")


def _draw(evaluations: dict[str, Evaluation], layout: Layout, say: Say) -> list[Path]:
    """Draw every arm that has numbers, and all of them together; returns the pictures."""
    if not evaluations:
        return []
    if not visuals.available():
        say("no pictures: matplotlib is not installed (pip install 'ptycho-contracts[plots]')")
        return []
    for name, evaluation in evaluations.items():
        visuals.draw_arm(layout.picture(name), name, evaluation)
    visuals.draw_comparison(layout.comparison, evaluations)
    return [layout.comparison, *(layout.picture(name) for name in evaluations)]


def _study_manifest(
    study: Study, planned: list[Planned], files: Files, outcome: StudyOutcome, started: datetime, seconds: float
) -> RunManifest:
    layout = outcome.layout
    written = [layout.truth, *(layout.recon(p.entry.id) for p in planned), layout.metrics]
    chosen = Decision(about="arms", choice=[p.entry.id for p in planned], reason="explicitly selected")
    return RunManifest(
        kind=f"study {study.name}",
        outcome="complete" if outcome.ok else "failed",
        started=started,
        seconds=seconds,
        versions=versions(),
        decisions=(chosen, *(_prefixed(p.entry.id, d) for p in planned for d in p.decisions)),
        inputs=tuple(file_digest("split", p, layout.root) for p in (files.train, files.test) if p is not None),
        outputs=tuple(file_digest(p.parent.name, p, layout.root) for p in [*written, *outcome.pictures] if p.is_file()),
        findings=tuple(f for findings in outcome.errors.values() for f in findings),
        figures={"study": study.model_dump(mode="json")},
    )


def _prefixed(arm: str, decision: Decision) -> Decision:
    return decision.model_copy(update={"about": f"{arm}: {decision.about}"})
