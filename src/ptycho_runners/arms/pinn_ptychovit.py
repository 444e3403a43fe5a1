"""The arm `pinn_ptychovit`: PtychoPINN data → pairs → an external PtychoViT checkout → `recon.npz`.

The gauge is set before and undone after: the median object amplitude becomes 1, because the model's amplitude
head reaches only a narrow range around it, and the reconstruction is divided by the same factor again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, JsonValue, NonNegativeInt, PositiveFloat, PositiveInt

from ptycho_adapters.assembly import Assembled, Stitching, assemble
from ptycho_adapters.codec import Order, ReadOptions
from ptycho_adapters.conversion import Converted, convert
from ptycho_adapters.normalization import write_normalization
from ptycho_adapters.recon import write_recon
from ptycho_contracts.contracts.bridge_event import AnyEvent, EpochEnd, PairInferred
from ptycho_contracts.contracts.ptychovit_dp import DpFile
from ptycho_contracts.contracts.run_manifest import Decision
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.run_codes import BAD_OPTION, UNSUPPORTED_N
from ptycho_runners.arms.base import ArmRequest, ArmResult
from ptycho_runners.errors import RunError
from ptycho_runners.ptychovit.checkout import REFERENCE, find_checkout
from ptycho_runners.ptychovit.execute import RunRecord, perform
from ptycho_runners.ptychovit.plan import N
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
        description="state dict to infer from, or to start a training from; `bundled`: those of the reference checkout",
    )
    train: TrainOptions | None = Field(default=None, description="null: no training, `weights` are used as they are")
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
            Decision(
                about="train",
                choice=options.train.model_dump(mode="json") if options.train else None,
                reason="option train is given" if options.train else "no option train: inference only",
            ),
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
        checkpoint = trained.outputs["best_model.pth"] if trained else _weights(request, options)
        assert checkpoint is not None  # `_refusals` demands one of both
        request.say(f"predicting with {checkpoint.name}")
        inferred = perform(self._inference(request, options, test, checkpoint), _Teller(request))
        patches = inferred.outputs[f"{_name(test)}_patches.h5"]
        assembled = _assemble(patches, test["para"], options).trimmed()
        recon = request.folders.recon / "recon.npz"
        write_recon(recon, assembled.field / np.float32(gauge), assembled.occupancy, assembled.origin_px, gauge)
        runs = [record.run_dir for record in (trained, inferred) if record is not None]
        return ArmResult(recon, decisions, _figures(trained, inferred, assembled, gauge), runs)

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

    def _train(self, request: ArmRequest, options: PinnPtychoViTOptions, test: dict[str, Path]) -> RunRecord | None:
        if options.train is None:
            return None
        request.say(f"training {options.train.epochs} epochs")
        training = TrainRequest(
            **_common(request, options),
            data_path=request.folders.interop / "train",
            test_dp=test["dp"],
            options=options.train,
            initial_weights=_weights(request, options),
            model=options.model,
            overrides=options.overrides,
        )
        return perform(training, _Teller(request))

    def _inference(
        self, request: ArmRequest, options: PinnPtychoViTOptions, test: dict[str, Path], checkpoint: Path
    ) -> InferRequest:
        return InferRequest(
            **_common(request, options), pairs=(test["dp"],), checkpoint=checkpoint, batch_size=options.batch_size
        )


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
    return request.base / options.weights


def _why_weights(options: PinnPtychoViTOptions) -> str:
    if options.weights is None:
        return "no option weights: the training starts from scratch"
    return f"option weights = {options.weights}; {'the training starts there' if options.train else 'no training'}"


def _refusals(request: ArmRequest, options: PinnPtychoViTOptions) -> Iterator[Finding]:
    if request.n != N:
        message = f"PtychoViT takes {N}×{N} patterns only; arm {request.id} asks for N = {request.n}"
        yield finding(UNSUPPORTED_N, "yaml:/arms", message, expected=str(N), found=str(request.n))
    if options.train is None and options.weights is None:
        yield finding(BAD_OPTION, "yaml:/arms/options", f"arm {request.id} has neither `weights` nor `train`")
    if options.train is not None and request.train is None:
        yield finding(BAD_OPTION, "yaml:/data/train", f"arm {request.id} trains, and the study has no train file")
    weights = _weights(request, options)
    if weights is not None and not weights.is_file():
        yield finding(BAD_OPTION, "yaml:/arms/options/weights", f"{weights} does not exist")


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


def _assemble(patches: Path, para: Path, options: PinnPtychoViTOptions) -> Assembled:
    import h5py  # noqa: PLC0415 - costs start-up time that `--help` never needs

    with h5py.File(para, "r") as file:
        height, width = file["object"].shape[-2:]
        illumination = (np.abs(file["probe"][0].astype(np.complex128)) ** 2).sum(axis=0)
    weight = _lit(illumination, options.min_illumination) if options.weighting == "illumination" else None
    with h5py.File(patches, "r") as file:
        blocks = _blocks(file["patches"])
        return assemble(blocks, file["centre_px"][:], (height, width), options.stitching, weight)


def _lit(illumination: NDArray[np.float64], least: float) -> NDArray[np.float64]:
    """The illumination where there is some; what the probe left dark the patterns say nothing about."""
    return np.where(illumination >= least * illumination.max(), illumination, 0.0)


def _blocks(dataset: Any, rows: int = 32) -> Iterator[tuple[int, NDArray[np.complex64]]]:
    for start in range(0, dataset.shape[0], rows):
        yield start, dataset[start : start + rows]


def _figures(
    trained: RunRecord | None, inferred: RunRecord, assembled: Assembled, gauge: float
) -> dict[str, JsonValue]:
    return {
        "object_factor": gauge,
        "covered_share_of_recon": float(np.mean(assembled.occupancy > 0)),
        "off_canvas_px": assembled.off_canvas_px,
        "training_s": trained.manifest.seconds if trained else None,
        "inference_s": inferred.manifest.seconds,
        "final_losses": trained.result.losses.model_dump() if trained else None,
    }
