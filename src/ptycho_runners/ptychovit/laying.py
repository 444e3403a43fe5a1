"""Everything that a plan wants in its run directory before the process starts."""

from __future__ import annotations

import os
from pathlib import Path

from ptycho_contracts.atomic import atomic_write_json, atomic_write_text
from ptycho_runners.ptychovit.config import to_yaml
from ptycho_runners.ptychovit.found import CONFIG, JOB
from ptycho_runners.ptychovit.plan import EVENTS, OWN_NORMALIZATION, RESULT, WORK, Plan
from ptycho_runners.ptychovit.staging import stage

LOGS = ("stdout.log", "stderr.log")
UNUSABLE = ".unusable"


def lay_out(plan: Plan) -> None:
    """Write what the process reads: `work/config.yaml`, `job.json`, the pairs as links, their normalization.

    The current directory of main.py is `work`, because it copies `config.yaml` from there into the run
    directory, and a file cannot be copied onto itself.
    """
    (plan.run_dir / WORK).mkdir(parents=True, exist_ok=True)
    if plan.resumes:
        _clear_the_way(plan)
    stage(plan.run_dir, plan.links)
    if plan.normalization is not None:
        from ptycho_adapters.normalization import write_normalization  # noqa: PLC0415

        write_normalization(plan.run_dir / OWN_NORMALIZATION, plan.normalization)
    if plan.config is not None:
        atomic_write_text(plan.run_dir / WORK / CONFIG, to_yaml(plan.config))
    atomic_write_json(plan.run_dir / JOB, plan.job.model_dump(mode="json"))


def _clear_the_way(plan: Plan) -> None:
    """Make a run directory ready for another process, which adds to its events and logs."""
    assert plan.config is not None  # only trainings are resumed
    for name in plan.set_aside:
        os.replace(plan.run_dir / name, plan.run_dir / (name + UNUSABLE))
    (plan.run_dir / RESULT).unlink(missing_ok=True)  # or the end of this process would be taken from it
    atomic_write_text(plan.run_dir / CONFIG, to_yaml(plan.config))  # the checkout copies it before epoch 0 only
    _drop_torn_line(plan.run_dir / EVENTS)
    for name in LOGS:
        with (plan.run_dir / name).open("a", encoding="utf-8") as log:
            log.write(f"==== resumed with epoch {plan.first_epoch} ====\n")


def _drop_torn_line(events: Path) -> None:
    """Take away what a killed process wrote of its last line."""
    if events.is_file():
        content = events.read_bytes()
        os.truncate(events, content.rfind(b"\n") + 1)
