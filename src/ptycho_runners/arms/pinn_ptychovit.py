"""The arm `pinn_ptychovit`: PtychoPINN data → pairs → an external PtychoViT checkout → `recon.npz`.

The gauge is set before and undone after: the median object amplitude becomes 1, because the model's amplitude
head reaches only a narrow range around it, and the reconstruction is divided by the same factor again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, JsonValue, NonNegativeInt, PositiveFloat, PositiveInt

from ptycho_adapters.assembly import Assembled, Stitching
from ptycho_adapters.codec import Order, ReadOptions
from ptycho_adapters.conversion import Converted, convert
from ptycho_adapters.normalization import write_normalization
from ptycho_adapters.recon import write_recon
from ptycho_contracts.contracts.bridge_event import AnyEvent, EpochEnd, PairInferred
from ptycho_contracts.contracts.finetune_policy import FineTunePolicy
from ptycho_contracts.contracts.ptychovit_dp import DpFile
from ptycho_contracts.contracts.run_manifest import Decision
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.run_codes import BAD_OPTION, UNSUPPORTED_N
from ptycho_runners.arms.base import ArmRequest, ArmResult
from ptycho_runners.errors import RunError
from ptycho_runners.ptychovit.again import perform_or_resume
from ptycho_runners.ptychovit.checkout import REFERENCE, find_checkout
from ptycho_runners.ptychovit.execute import RunRecord, perform
from ptycho_runners.ptychovit.finetune.run import fine_tune, stages_for
from ptycho_runners.ptychovit.finetune.stages import stage_options
from ptycho_runners.ptychovit.plan import N
from ptycho_runners.ptychovit.reconstruct import Assembling, assemble_patches
from ptycho_runners.ptychovit.request import InferRequest, TrainOptions, TrainRequest

BUNDLED = "bundled"
_PAIR = "ptychovit-pair"


class PinnPtychoViTOptions(BaseModel):
    """What runs, and from which weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    checkout: str = Field(default=REFERENCE, description="folder of a flat PtychoViT checkout, or `reference`")
    python: str = Field(default=sys.executable, description="the checkout's interpreter: absolute path, or command")
    weights: str | None = Field(
        default=None,
        description="state dict to infer from, or to start a training from, or the run directory that it lies in; "
        "`bundled`: those of the reference checkout",
    )
    checkpoint: Literal["best_model.pth", "checkpoint_model.pth"] = Field(
        default="best_model.pth", description="which of its weights, where `weights` is a run directory"
    )
    train: TrainOptions | None = Field(default=None, description="null: no training, `weights` are used as they are")
    finetune: FineTunePolicy | None = Field(
        default=None, description="progressive unfreezing from `weights`, instead of `train`; see docs/finetuning.md"
    )
    resume: bool = Field(
        default=True,
        description="an interrupted training or fine-tuning of the same request goes on when the study is run again",
    )
    model: dict[str, JsonValue] | None = Field(default=None, description="section `model` of config.yaml")
    overrides: dict[str, JsonValue] = Field(default_factory=dict, description="keys of config.yaml by dotted name")
    stitching: Stitching = Field(default_factory=Stitching, description="how patches are assembled")
    weighting: Literal["illumination", "uniform"] = Field(
        default="illumination", description="how much a pixel of a patch counts: Σ|probe|² there, or all alike"
    )
    min_illumination: float = Field(
        default=0.02, ge=0, lt=1, description="pixels of a patch lit less than this share of the brightest stay out"
    )
    batch_size: PositiveInt = Field(default=12, description="patterns predicted at once")
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="auto: the GPU where torch sees one")
    threads: PositiveInt | None = Field(default=None, description="CPU threads; null: torch's default")
    seed: NonNegativeInt = Field(default=0, lt=2**32, description="of all random numbers in the checkout's process")
    timeout_s: PositiveFloat | None = Field(default=None, description="limit of each process in seconds; null: none")


class PinnPtychoViT:
    """Converts, trains or takes weights, infers, assembles."""

    kind: ClassVar[str] = "pinn_ptychovit"
    options: ClassVar[type[BaseModel]] = PinnPtychoViTOptions

    def plan(self, request: ArmRequest) -> list[Decision]:
        """What would be run, from which weights."""
        options = _options(request)
        refusals = list(_refusals(request, options))
        if refusals:
            raise RunError(*refusals)
        checkout = find_checkout(_checkout(request, options))
        weights = _weights(request, options)
        return [
            Decision(about="checkout", choice=str(checkout.root), reason=f"option checkout = {options.checkout}"),
            Decision(about="weights", choice=str(weights) if weights else None, reason=_why_weights(options)),
            _training_decision(options),
            Decision(
                about="gauge",
                choice="median object amplitude 1",
                reason="the amplitude head reaches a narrow range around 1; the factor is undone in recon.npz",
            ),
            Decision(
                about="stitching",
                choice=options.stitching.model_dump(mode="json"),
                reason="complex patches by position; uncovered pixels are marked, not filled",
            ),
        ]

    def run(self, request: ArmRequest) -> ArmResult:
        """The whole way from the study's files to `recon.npz`."""
        options = _options(request)
        decisions = self.plan(request)
        test, gauge = self._convert_test(request)
        trained = self._train(request, options, test)
        request.say(f"predicting with {trained.weights.name}")
        inferred = perform(self._inference(request, options, test, trained.weights), _Teller(request))
        patches = inferred.outputs[f"{_name(test)}_patches.h5"]
        assembled = assemble_patches(patches, test["para"], _assembling(options))
        recon = request.folders.recon / "recon.npz"
        write_recon(recon, assembled.field / np.float32(gauge), assembled.occupancy, assembled.origin_px, gauge)
        figures = trained.figures | _figures(inferred, assembled, gauge)
        return ArmResult(recon, decisions, figures, [*trained.runs, inferred.run_dir])

    def _convert_test(self, request: ArmRequest) -> tuple[dict[str, Path], float]:
        """Both splits as pairs with one normalization file; the test pair and its gauge factor."""
        interop = request.folders.interop
        maxima: dict[str, float] = {}
        if request.train is not None:
            request.say(f"converting {request.train.name} to pairs")
            _collect(maxima, self._pairs(request, request.train, interop / "train", "train"))
        request.say(f"converting {request.test.name} to pairs")
        converted = self._pairs(request, request.test, interop / "test", "test")
        if request.test_object >= len(converted.files):
            message = f"{request.test.name} holds {len(converted.files)} objects; there is no {request.test_object}"
            raise RunError(finding(BAD_OPTION, "yaml:/data/test_object", message))
        _collect(maxima, converted)
        write_normalization(interop / "normalization.pkl", maxima)
        facts = converted.manifest.outputs[request.test_object].facts
        return dict(converted.files[request.test_object]), float(facts["object_factor"])

    def _pairs(self, request: ArmRequest, source: Path, folder: Path, name: str) -> Converted:
        options = ReadOptions(order=cast(Order, request.order))
        return convert(source, folder, _PAIR, name=name, options=options, object_median_one=True, overwrite=True)

    def _train(self, request: ArmRequest, options: PinnPtychoViTOptions, test: dict[str, Path]) -> _Trained:
        """The weights to infer from: trained, fine-tuned, or as they were given."""
        if options.finetune is not None:
            first = stage_options(options.finetune, options.finetune.stages[0])
            base = self._training(request, options, test, first)
            return _fine_tuned(request, options.finetune, base, new=not options.resume)
        if options.train is not None:
            request.say(f"training {options.train.epochs} epochs")
            training = self._training(request, options, test, options.train)
            return _trained(request, training, resume=options.resume)
        weights = _weights(request, options)
        assert weights is not None  # `_refusals` demands weights where nothing is trained
        return _Trained(weights)

    def _training(
        self, request: ArmRequest, options: PinnPtychoViTOptions, test: dict[str, Path], how: TrainOptions
    ) -> TrainRequest:
        return TrainRequest(
            **_common(request, options),
            data_path=request.folders.interop / "train",
            test_dp=test["dp"],
            options=how,
            initial_weights=_weights(request, options),
            model=options.model,
            overrides=options.overrides,
        )

    def _inference(
        self, request: ArmRequest, options: PinnPtychoViTOptions, test: dict[str, Path], checkpoint: Path
    ) -> InferRequest:
        return InferRequest(
            **_common(request, options), pairs=(test["dp"],), checkpoint=checkpoint, batch_size=options.batch_size
        )


@dataclass(frozen=True)
class _Trained:
    """Weights to infer from, the runs that made them, and their figures."""

    weights: Path
    runs: list[Path] = field(default_factory=list)
    figures: dict[str, JsonValue] = field(default_factory=lambda: {"training_s": None, "final_losses": None})


def _trained(request: ArmRequest, training: TrainRequest, *, resume: bool) -> _Trained:
    record = perform_or_resume(training, _Teller(request), request.say, resume=resume)
    figures: dict[str, JsonValue] = {
        "training_s": record.manifest.seconds,
        "final_losses": record.result.losses.model_dump(),
    }
    return _Trained(record.outputs["best_model.pth"], [record.run_dir], figures)


def _fine_tuned(request: ArmRequest, policy: FineTunePolicy, training: TrainRequest, *, new: bool) -> _Trained:
    done = fine_tune(policy, training, new=new, on_event=_Teller(request), say=request.say)
    stages = done.record.stages
    figures: dict[str, JsonValue] = {
        "training_s": sum(stage.seconds or 0.0 for stage in stages),
        "stages": {stage.name: {"state": stage.state, "best_validation": stage.best_loss} for stage in stages},
        "record": str(done.path),
    }
    return _Trained(done.best_model, [done.path.parent / stage.run for stage in stages if stage.run], figures)


class _Teller:
    """Turns the bridge's events into lines for the user."""

    def __init__(self, request: ArmRequest) -> None:
        self._say = request.say

    def __call__(self, event: AnyEvent) -> None:
        if isinstance(event, EpochEnd):
            losses = f"loss {_short(event.train_loss)}, validation {_short(event.validation_loss)}"
            self._say(f"epoch {event.epoch + 1}: {losses} ({event.seconds:.1f} s)")
        elif isinstance(event, PairInferred):
            self._say(f"predicted {event.patterns} patterns")


def _short(loss: float | None) -> str:
    return "unknown" if loss is None else f"{loss:.4g}"


def _options(request: ArmRequest) -> PinnPtychoViTOptions:
    return cast(PinnPtychoViTOptions, request.options)


def _checkout(request: ArmRequest, options: PinnPtychoViTOptions) -> str:
    return REFERENCE if options.checkout == REFERENCE else str(request.base / options.checkout)


def _weights(request: ArmRequest, options: PinnPtychoViTOptions) -> Path | None:
    if options.weights is None:
        return None
    if options.weights == BUNDLED:
        return find_checkout(REFERENCE).root / "weights" / "best_model.pth"
    named = request.base / options.weights
    return named / options.checkpoint if named.is_dir() else named


def _why_weights(options: PinnPtychoViTOptions) -> str:
    if options.weights is None:
        return "no option weights: the training starts from scratch"
    use = "the training starts there" if options.train or options.finetune else "no training"
    return f"option weights = {options.weights}; {use}"


def _training_decision(options: PinnPtychoViTOptions) -> Decision:
    for about, option in (("finetune", options.finetune), ("train", options.train)):
        if option is not None:
            return Decision(about=about, choice=option.model_dump(mode="json"), reason=f"option {about} is given")
    return Decision(about="train", choice=None, reason="neither option train nor finetune: inference only")


def _refusals(request: ArmRequest, options: PinnPtychoViTOptions) -> Iterator[Finding]:
    if request.n != N:
        message = f"PtychoViT takes {N}×{N} patterns only; arm {request.id} asks for N = {request.n}"
        yield finding(UNSUPPORTED_N, "yaml:/arms", message, expected=str(N), found=str(request.n))
    trains = options.train is not None or options.finetune is not None
    if not trains and options.weights is None:
        yield finding(BAD_OPTION, "yaml:/arms/options", f"arm {request.id} has neither `weights` nor `train`")
    if options.train is not None and options.finetune is not None:
        yield finding(BAD_OPTION, "yaml:/arms/options", f"arm {request.id} has both `train` and `finetune`")
    if options.finetune is not None and options.weights is None:
        message = f"arm {request.id} fine-tunes, and has no `weights` to start from"
        yield finding(BAD_OPTION, "yaml:/arms/options/weights", message)
    if trains and request.train is None:
        yield finding(BAD_OPTION, "yaml:/data/train", f"arm {request.id} trains, and the study has no train file")
    weights = _weights(request, options)
    if weights is not None and not weights.is_file():
        yield finding(BAD_OPTION, "yaml:/arms/options/weights", f"{weights} does not exist")
    elif weights is not None and options.finetune is not None:
        yield from _policy_refusals(options.finetune, weights)


def _policy_refusals(policy: FineTunePolicy, weights: Path) -> Iterator[Finding]:
    """What shows before there are data: a policy that contradicts itself or does not fit the weights."""
    try:
        stages_for(policy, weights)
    except RunError as error:
        yield from error.findings


def _common(request: ArmRequest, options: PinnPtychoViTOptions) -> dict[str, Any]:
    return {
        "checkout": _checkout(request, options),
        "python": options.python,
        "runs_dir": request.folders.runs,
        "normalization": request.folders.interop / "normalization.pkl",
        "device": options.device,
        "threads": options.threads,
        "seed": options.seed,
        "timeout_s": options.timeout_s,
    }


def _name(pair: dict[str, Path]) -> str:
    return pair["dp"].name.removesuffix(DpFile.suffix)


def _collect(maxima: dict[str, float], converted: Converted) -> None:
    for files, output in zip(converted.files, converted.manifest.outputs, strict=True):
        maxima[_name(dict(files))] = float(output.facts["maximum_intensity"])


def _assembling(options: PinnPtychoViTOptions) -> Assembling:
    return Assembling(
        stitching=options.stitching, weighting=options.weighting, min_illumination=options.min_illumination
    )


def _figures(inferred: RunRecord, assembled: Assembled, gauge: float) -> dict[str, JsonValue]:
    return {
        "object_factor": gauge,
        "covered_share_of_recon": float(np.mean(assembled.occupancy > 0)),
        "off_canvas_px": assembled.off_canvas_px,
        "inference_s": inferred.manifest.seconds,
    }
