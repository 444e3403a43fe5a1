"""The plan of a resume: same run directory and number, the epochs that are left."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ptycho_contracts.contracts.bridge_job import TrainJob
from ptycho_contracts.contracts.run_manifest import Decision
from ptycho_contracts.finding import finding
from ptycho_contracts.run_codes import BAD_OPTION, RUN_LOCKED
from ptycho_runners.errors import RunError
from ptycho_runners.ptychovit.checkout import REFERENCE, Checkout, find_checkout
from ptycho_runners.ptychovit.facts import check_interpreter
from ptycho_runners.ptychovit.foreign import ForeignData, foreign_data, foreign_decisions
from ptycho_runners.ptychovit.found import BEST, JOB, LAST, Found, look_at_run
from ptycho_runners.ptychovit.launch import command_of, launch_of
from ptycho_runners.ptychovit.plan import PROMISED, TRAINING, WORK, Plan, Start, decision, job_places
from ptycho_runners.ptychovit.request import Launch, ResumeRequest
from ptycho_runners.ptychovit.restore import Restored, Wanted, decide
from ptycho_runners.ptychovit.staging import TEST, TRAIN, Link, links_to
from ptycho_runners.rundir import number_of, state_of


@dataclass(frozen=True)
class ResumeFacts:
    """What the plan of a resume is made from.

    Attributes:
        found: The run directory.
        restored: What the decision table says.
        checkout: Whose main.py goes on.
        python: Its interpreter.
        launch: One process, or torchrun.
        foreign: The data of a run that was begun without this library; None for one of ours.
        base: Current directory, for the paths of a foreign config.
    """

    found: Found
    restored: Restored
    checkout: Checkout
    python: str
    launch: Launch
    foreign: ForeignData | None
    base: Path


def check_not_running(run: Path) -> None:
    """Raise RunError where a living process holds the run directory."""
    if run.is_dir() and state_of(run) == "running":
        raise RunError(finding(RUN_LOCKED, f"run:/{run.name}", f"{run} is being worked on by a living process"))


def resume_facts(request: ResumeRequest) -> ResumeFacts:
    """Look at a run directory and all that it was made from; the data are read once, for their digests.

    Raises:
        RunError: with every reason to refuse.
    """
    run = run_directory(request.run)
    found = look_at_run(run, data=True)
    wanted = Wanted(epochs=request.epochs, overrides=request.overrides, learning_rates=request.learning_rates)
    restored = decide("resume", found, wanted)
    python, launch = _launch(found)
    python = request.python or python
    check_interpreter(python)
    base = Path.cwd()
    return ResumeFacts(
        found=found,
        restored=restored,
        checkout=find_checkout(request.checkout or _checkout(found)),
        python=python,
        launch=request.launch or launch,
        foreign=None if found.job is not None else foreign_data(restored.config, base),
        base=base,
    )


def plan_resume(request: ResumeRequest, facts: ResumeFacts) -> Plan:
    """Plan to go on with a run in its own directory."""
    run, restored, job = facts.found.folder, facts.restored, _job(request, facts)
    return Plan(
        kind=TRAINING,
        run_dir=run,
        code=facts.checkout.identity,
        command=command_of(facts.launch, facts.python, run / JOB, run / WORK, job.threads),
        config=_config(facts),
        job=job,
        links=_links(facts.found),
        promises=PROMISED,
        inputs=facts.foreign.inputs if facts.foreign is not None else _inputs(facts.found),
        # Its name after `settle_checkpoint`, which carries out what a crash may have left.
        start=Start(relation="resumed", checkpoint=run / LAST, epoch=restored.epoch),
        first_epoch=restored.epoch or 0,
        set_aside=(BEST,) if restored.set_aside else (),
        decisions=tuple(_decisions(facts)),
        timeout_s=request.timeout_s,
    )


def run_directory(path: Path) -> Path:
    """The absolute path of an existing folder that is named `run<k>`; RunError for any other."""
    run = path.absolute()
    try:
        number_of(run)
    except ValueError as error:
        raise RunError(finding(BAD_OPTION, "request:/run", f"{error}, as PtychoViT names them")) from error
    if not run.is_dir():
        raise RunError(finding(BAD_OPTION, "request:/run", f"{run} is no folder"))
    return run


def _launch(found: Found) -> tuple[str, Launch]:
    """Interpreter and launcher of the run's last process; ours, and one process, where none is known."""
    if found.manifest is None or not found.manifest.commands:
        return sys.executable, Launch()
    return launch_of(found.manifest.commands[-1].argv)


def _checkout(found: Found) -> str:
    """The checkout that the run was begun with; the bundled one by its name, because it moves with our package."""
    if found.job is None:
        message = f"{found.folder} was begun without this library, so nothing in it names its checkout"
        raise RunError(finding(BAD_OPTION, "request:/checkout", message, fix="Name it: `--checkout FOLDER`."))
    code = found.manifest.code if found.manifest is not None else None
    return REFERENCE if code is not None and code.name == REFERENCE else found.job.checkout


def _job(request: ResumeRequest, facts: ResumeFacts) -> TrainJob:
    """The run's job again; its initial weights are in the checkpoint by now."""
    run = facts.found.folder
    changed: dict[str, Any] = {
        "checkout": str(facts.checkout.root),
        **job_places(run),
        "run_dir": str(run),
        "initial_weights": None,
    }
    asked = {"device": request.device, "threads": request.threads, "learning_rates": request.learning_rates}
    changed |= {name: value for name, value in asked.items() if value is not None}
    if facts.found.job is not None:
        return TrainJob.model_validate({**facts.found.job.model_dump(), **changed})
    assert facts.foreign is not None  # `resume_facts` looks at the data of every run without a job
    return TrainJob(**changed, normalization=facts.foreign.normalization)


def _config(facts: ResumeFacts) -> dict[str, Any]:
    """The restored config with paths that are right where the run lies now."""
    run, config = facts.found.folder, facts.restored.config
    data = {**config["data"], **(facts.foreign.paths if facts.foreign else _own_paths(facts.found, config["data"]))}
    places = {"paths": {"model_save_path": str(run.parent)}, "trainer": {"run_num": number_of(run)}}
    return {**config, "data": data, **places, "wandb": {**config["wandb"], "enabled": False}}


def _own_paths(found: Found, data: dict[str, Any]) -> dict[str, str]:
    """Paths of one of our runs, also where its directory was moved since."""
    assert found.job is not None  # only runs of ours come here
    before = Path(found.job.run_dir)
    keys = ("data_path", "test_path", "normalization_dict_path", "test_normalization")
    moved = {key: _moved(Path(data[key]), before, found.folder) for key in keys}
    dps = dict(_links(found))
    if dps:
        test = next(name for name in dps if name.startswith(TEST))
        moved |= {"data_path": found.folder / TRAIN, "test_path": found.folder / test}
    return {key: str(path) for key, path in moved.items()}


def _moved(path: Path, before: Path, now: Path) -> Path:
    return now / path.relative_to(before) if path.is_relative_to(before) else path


def _links(found: Found) -> tuple[Link, ...]:
    """The links to the pairs, from the manifest."""
    by_role: dict[str, list[Path]] = {}
    for entry in found.inputs or ():
        by_role.setdefault(entry.role, []).append(entry.path)
    trained = links_to([*by_role.get("dp", []), *by_role.get("para", [])], TRAIN)
    tested = links_to([*by_role.get("test dp", []), *by_role.get("test para", [])], TEST)
    return (*tested, *trained) if trained and tested else ()


def _inputs(found: Found) -> tuple[tuple[str, Path], ...]:
    return tuple((entry.role, entry.path) for entry in found.inputs or ())


def _decisions(facts: ResumeFacts) -> Iterator[Decision]:
    found = facts.found
    yield decision("run directory", str(found.folder), "a resume goes on in its own directory, under its own number")
    yield from facts.restored.decisions
    before = found.manifest.code if found.manifest is not None else None
    if before is not None and before.sha256 != facts.checkout.identity.sha256:
        reason = f"its sources differ from those that the run was begun with ({before.sha256[:12]}…)"
        yield decision("checkout", str(facts.checkout.root), reason)
    if facts.launch.launcher == "torchrun":
        yield decision("launcher", f"torchrun, {facts.launch.nproc_per_node} processes", "as before, or as asked for")
    if facts.foreign is not None:
        yield from foreign_decisions(facts.base)
