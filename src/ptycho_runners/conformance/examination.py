"""What a conformance run does with a checkout: each activity once, when the first check asks for it.

Nothing here judges. An activity that fails leaves what it wrote and why; the checks decide whether that breaks a
promise or only keeps it from being tested.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from ptycho_contracts.atomic import atomic_write_json
from ptycho_contracts.checkpoints.weights import read_weights
from ptycho_contracts.contracts.bridge_event import AnyEvent, CheckpointWritten, EpochEnd
from ptycho_contracts.contracts.bridge_job import ExamineJob, Hooks
from ptycho_contracts.contracts.bridge_result import BridgeResult
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.run_codes import BAD_OPTION, RUN_FAILED
from ptycho_contracts.sources.base import SourceError
from ptycho_contracts.sources.document import read_yaml
from ptycho_runners.conformance.data import GeneratedSet, generate
from ptycho_runners.conformance.promise import NotTestableError
from ptycho_runners.conformance.small_model import model_section
from ptycho_runners.errors import RunError
from ptycho_runners.process import Outcome, minimal_environment, run
from ptycho_runners.ptychovit.checkout import Checkout, find_checkout
from ptycho_runners.ptychovit.execute import perform
from ptycho_runners.ptychovit.launch import command_of
from ptycho_runners.ptychovit.request import InferRequest, Launch, ResumeRequest, TrainOptions, TrainRequest

EPOCHS = 2
"""Of the training; the resumed run has one more."""
RESUMED_EPOCHS = EPOCHS + 1
FROZEN = ("encoder", "amp_decoder")
"""What the fine-tuning freezes; a decoder as well, because it may have batch-norm buffers."""
SCALE = 1e4
MAX_PROBE_MODES = 5
"""Other than every default, so that a checkout that takes its own number is found out."""

_ENDLESS = 10_000
_RUN = "run1"


@dataclass(frozen=True)
class Subject:
    """What is examined, and how.

    Attributes:
        checkout: a folder, or `reference`.
        python: the checkout's interpreter.
        folder: where everything is written; empty or absent before.
        seed: of the generated set and of the runs.
        full_model: take section `model` of the checkout's config.yaml as it is, not a small one.
        device: where the checkout computes.
        threads: CPU threads of each process; None: as torch decides.
        timeout_s: limit of each process.
    """

    checkout: str
    python: str
    folder: Path
    seed: int = 0
    full_model: bool = False
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int | None = None
    timeout_s: float | None = None


@dataclass(frozen=True)
class Ran:
    """What an activity left.

    Attributes:
        folder: the run directory.
        findings: what was wrong with it; empty where nothing was.
        result: what the bridge said at its end; None where it was stopped, or never started.
        events: what it said meanwhile.
    """

    folder: Path
    findings: tuple[Finding, ...]
    result: BridgeResult | None
    events: tuple[AnyEvent, ...] = ()

    @property
    def finished(self) -> bool:
        """Whether the process came to its end with status `ok`; files may be missing all the same."""
        return self.result is not None and self.result.status == "ok"

    @property
    def epochs(self) -> tuple[EpochEnd, ...]:
        """The epochs that ended, in order."""
        return tuple(event for event in self.events if isinstance(event, EpochEnd))

    @property
    def trouble(self) -> str:
        """Why it did not finish, in one line."""
        if self.findings:
            return f"{self.findings[0].code} {self.findings[0].message}"
        return "it ended without a result" if self.result is None else self.result.message


class Examination:
    """The activities of one conformance run."""

    def __init__(self, subject: Subject) -> None:
        """Find the checkout; nothing is run yet.

        Raises:
            RunError: it is none that can be run, or there is no such interpreter.
        """
        self.subject = replace(subject, python=_program(subject.python), folder=subject.folder.absolute())
        self.checkout: Checkout = find_checkout(subject.checkout)
        self.config = _config_of(self.checkout)
        self.model: dict[str, Any] = model_section(self.config.get("model") or {}, small=not subject.full_model)

    @cached_property
    def data(self) -> GeneratedSet:
        """The generated set."""
        return generate(self.subject.folder / "data", self.subject.seed)

    @cached_property
    def trained(self) -> Ran:
        """A training to its end, with no checkpoints but the checkout's own; a copy of what it left, unharmed later."""
        hooks = Hooks(epoch_checkpoints=False)
        ran = self._perform("training", lambda where, listen: perform(self._training(where, EPOCHS, hooks), listen))
        if not ran.folder.is_dir():
            return ran
        copy = self.subject.folder / "trained"
        shutil.copytree(ran.folder, copy)
        return Ran(copy, ran.findings, ran.result, ran.events)

    @cached_property
    def resumed(self) -> Ran:
        """The same run, continued for one more epoch in its own directory."""
        self.require_finished(self.trained, "the training")
        run_dir = self.subject.folder / "training" / _RUN
        request = ResumeRequest(run=run_dir, epochs=RESUMED_EPOCHS, timeout_s=self.subject.timeout_s)
        return self._perform("training", lambda _, listen: perform(request, listen))

    @cached_property
    def fine_tuned(self) -> Ran:
        """A fine-tuning with frozen parts, stopped behind the first checkpoint that the bridge wrote."""
        weights = self.weights
        options = {"initial_weights": weights, "frozen": FROZEN} if weights else {}

        def start(where: Path, listen: Callable[[AnyEvent], None]) -> None:
            def until_checkpoint(event: AnyEvent) -> None:
                listen(event)
                if isinstance(event, CheckpointWritten):
                    raise _EnoughError

            perform(self._training(where, _ENDLESS, Hooks(), **options), until_checkpoint)

        return self._perform("fine-tuning", start)

    @cached_property
    def examined(self) -> Ran:
        """Items of the dataset with and without noise, and what the model, as it is built, says to them."""
        folder = self.subject.folder / "examination"
        (folder / "work").mkdir(parents=True)
        job = self._examine_job(folder)
        atomic_write_json(folder / "job.json", job.model_dump(mode="json"))
        command = command_of(Launch(), self.subject.python, folder / "job.json", folder / "work", self.subject.threads)
        outcome = run(
            command.argv,
            cwd=Path(command.cwd),
            env=minimal_environment(command.env),
            logs=(folder / "stdout.log", folder / "stderr.log"),
            timeout_s=self.subject.timeout_s,
        )
        result = _result_in(folder)
        return Ran(folder, () if result else (_died(outcome),), result)

    @cached_property
    def inferred(self) -> Ran:
        """Patches of every pair, by trained weights."""
        weights = self.require_weights()
        data = self.data

        def start(where: Path, listen: Callable[[AnyEvent], None]) -> None:
            request = InferRequest(
                **self._common(where),
                pairs=tuple(Path(pair.paths.dp) for pair in data.pairs),
                checkpoint=weights,
                config=self.trained.folder / "work" / "config.yaml",
            )
            perform(request, listen)

        return self._perform("inference", start)

    @property
    def weights(self) -> Path | None:
        """Trained weights with the names that they should have: of the best model, otherwise of the last."""
        for name in ("best_model.pth", "checkpoint_model.pth"):
            try:
                return read_weights(self.trained.folder / name).path
            except SourceError:
                continue
        return None

    def require_weights(self) -> Path:
        """Trained weights.

        Raises:
            NotTestableError: there are none.
        """
        if self.weights is None:
            raise NotTestableError("the training left no weights that can be used")
        return self.weights

    @staticmethod
    def require_finished(ran: Ran, what: str) -> Ran:
        """An activity that came to its end.

        Raises:
            NotTestableError: it did not.
        """
        if not ran.finished:
            raise NotTestableError(f"{what} did not finish: {ran.trouble}")
        return ran

    def surroundings(self) -> tuple[str | None, dict[str, str]]:
        """Device and versions of the checkout's side, from the activities that were run."""
        ran = [vars(self)[name] for name in ("examined", "trained", "resumed", "inferred") if name in vars(self)]
        results = [each.result for each in ran if each.result is not None]
        return (results[0].device, results[0].versions) if results else (None, {})

    def _training(self, where: Path, epochs: int, hooks: Hooks, **more: Any) -> TrainRequest:
        return TrainRequest(
            **self._common(where),
            data_path=self.data.train,
            test_dp=self.data.test_dp,
            options=TrainOptions(
                epochs=epochs,
                batch_size=4,
                learning_rate=1e-3,
                train_split=0.75,
                scale=SCALE,
                max_probe_modes=MAX_PROBE_MODES,
            ),
            model=self.model,
            hooks=hooks,
            **more,
        )

    def _common(self, where: Path) -> dict[str, Any]:
        subject = self.subject
        return {
            "checkout": subject.checkout,
            "python": subject.python,
            "runs_dir": where,
            "normalization": self.data.normalization,
            "device": subject.device,
            "seed": subject.seed,
            "threads": subject.threads,
            "timeout_s": subject.timeout_s,
        }

    def _examine_job(self, folder: Path) -> ExamineJob:
        return ExamineJob(
            checkout=str(self.checkout.root),
            workdir=str(folder / "work"),
            events=str(folder / "events.jsonl"),
            result=str(folder / "result.json"),
            normalization={pair.paths.name: pair.normalization for pair in self.data.pairs},
            device=self.subject.device,
            seed=self.subject.seed,
            threads=self.subject.threads,
            pairs=tuple(pair.paths for pair in self.data.pairs),
            model=self.model,
            normalization_file=str(self.data.normalization),
            scale=SCALE,
            max_probe_modes=MAX_PROBE_MODES,
            patterns=max(len(pair.dp) for pair in self.data.pairs),
            output=str(folder),
        )

    def _perform(self, name: str, start: Callable[[Path, Callable[[AnyEvent], None]], object]) -> Ran:
        """Run an activity in `run1` of a folder of its own, and take what comes."""
        where = self.subject.folder / name
        events: list[AnyEvent] = []
        findings: tuple[Finding, ...] = ()
        try:
            start(where, events.append)
        except RunError as error:
            findings = error.findings
        except _EnoughError:
            pass
        # A request that is refused starts nothing, and the result that lies there is of an earlier process.
        return Ran(where / _RUN, findings, _result_in(where / _RUN) if events else None, tuple(events))


class _EnoughError(Exception):
    """Ends a run whose first checkpoint is all that is wanted."""


def _program(python: str) -> str:
    """The absolute path of an interpreter: its processes have other current directories than we.

    Raises:
        RunError: BAD_OPTION where it is no program that can be started.
    """
    found = shutil.which(python)
    if found is None:
        raise RunError(finding(BAD_OPTION, "request:/python", f"{python} is no program that can be started"))
    return str(Path(found).absolute())


def _config_of(checkout: Checkout) -> dict[str, Any]:
    """The checkout's own config.yaml; empty where it ships none."""
    try:
        config = read_yaml(checkout.root / "config.yaml")
    except SourceError:
        return {}
    return config if isinstance(config, dict) else {}


def _died(outcome: Outcome) -> Finding:
    """What a process ended with that left no result."""
    how = "was stopped at its time limit" if outcome.timed_out else f"ended with status {outcome.returncode}"
    return finding(RUN_FAILED, "run:/", f"the process {how}: {(outcome.stderr_tail or ('no message',))[-1]}")


def _result_in(folder: Path) -> BridgeResult | None:
    try:
        return BridgeResult.model_validate_json((folder / "result.json").read_text())
    except (OSError, ValidationError):
        return None
