"""What the parts share: the request, folders, and data that are made once, by the part that needs them first."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, NonNegativeInt

from ptycho_adapters.codec import ConversionError
from ptycho_contracts.contracts.ptychovit_dp import DpFile
from ptycho_contracts.finding import Finding
from ptycho_runners.errors import RunError
from ptycho_runners.gate.checks import CONVERSION, RUNNER, NotMadeError
from ptycho_runners.ptychovit.checkout import REFERENCE
from ptycho_runners.ptychovit.request import InferRequest, TrainOptions, TrainRequest

if TYPE_CHECKING:
    from ptycho_adapters.conversion import Converted
    from ptycho_runners.ptychovit.execute import RunRecord

_T = TypeVar("_T")
Say = Callable[[str], None]
N, OBJECT_PX, STEP_PX, TRAIN_OBJECTS = 256, 360, 25, 2
EPOCHS = 2
# As small as the documented keys allow: what is examined is the way, not what a model can learn.
MODEL: dict[str, JsonValue] = {
    "encoder_type": "custom",
    "encoder": {
        "img_size": N,
        "patch_size": 16,
        "in_channels": 1,
        "embed_dim": 64,
        "depth": 1,
        "num_heads": 2,
        "mlp_ratio": 2,
        "use_cls_token": False,
        "dropout": 0.0,
        "attn_dropout": 0.0,
    },
    "decoder": {"base_channels": 8, "latent_dim": None, "num_stages": 4, "use_batchnorm": True, "dropout": 0.0},
}


class GateRequest(BaseModel):
    """What the gate is asked to examine, and where it works."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    output: Path = Field(description="folder for everything; absent or empty")
    checkout: str = Field(default=REFERENCE, description="folder of a flat checkout, or `reference`")
    python: str = Field(default=sys.executable, description="the checkout's interpreter")
    device: Literal["auto", "cpu", "cuda"] = "auto"
    seed: NonNegativeInt = Field(default=0, lt=2**32)


@dataclass(frozen=True)
class Splits:
    """The simulated grid-lines splits."""

    train: Path
    test: Path


@dataclass(frozen=True)
class Pairs:
    """The same as pairs; the object's median amplitude is 1, as a training wants it."""

    train: Converted
    test: Converted

    @property
    def maxima(self) -> dict[str, float]:
        """Greatest intensity of each pair by its object's name, as the normalization file wants it."""
        outputs = (*self.train.manifest.outputs, *self.test.manifest.outputs)
        names = (files["dp"].name.removesuffix(DpFile.suffix) for files in self.files)
        return {name: float(output.facts["maximum_intensity"]) for name, output in zip(names, outputs, strict=True)}

    @property
    def files(self) -> list[Mapping[str, Path]]:
        """Both files of every pair by role: training objects first."""
        return [*self.train.files, *self.test.files]


class Once(Generic[_T]):
    """Makes something at its first call and remembers it, or that it could not be made.

    Args:
        maker: The part whose fault it is when it cannot be made.
        make: Makes it.
    """

    def __init__(self, maker: str, make: Callable[[], _T]) -> None:
        self._maker, self._make = maker, make
        self._made: _T | None = None
        self._problem: NotMadeError | None = None

    def __call__(self) -> _T:
        """The thing.

        Raises:
            NotMadeError: it could not be made, now or earlier.
        """
        if self._problem is not None:
            raise self._problem
        if self._made is None:
            try:
                self._made = self._make()
            except NotMadeError as error:
                self._problem = error
                raise
            except Exception as error:  # whatever it is, parts that need the thing cannot run
                self._problem = NotMadeError(self._maker, told(error))
                raise self._problem from error
        return self._made


@dataclass
class Workspace:
    """Folders and shared data of one passage.

    Attributes:
        request: What was asked.
        say: Called with lines for the user.
        splits: The simulated splits; made once.
        pairs: The converted splits; made once.
        trained: A finished training on them; made once.
    """

    request: GateRequest
    say: Say
    splits: Once[Splits] = field(init=False)
    pairs: Once[Pairs] = field(init=False)
    trained: Once[RunRecord] = field(init=False)

    def __post_init__(self) -> None:
        self.splits = Once("the simulation", self._simulate)
        self.pairs = Once(CONVERSION, self._convert)
        self.trained = Once(RUNNER, self._train)

    @property
    def root(self) -> Path:
        """Absolute path of the output folder."""
        return self.request.output.absolute()

    @property
    def bundled(self) -> bool:
        """Whether the checkout ships with us, and trained weights with it."""
        return self.request.checkout == REFERENCE

    def _simulate(self) -> Splits:
        from ptycho_adapters.simulate.grid_lines import GridLinesSettings, write_grid_lines  # noqa: PLC0415

        self.say("simulating grid-lines splits")
        settings = GridLinesSettings(
            N=N, size=OBJECT_PX, step_px=STEP_PX, n_train_objects=TRAIN_OBJECTS, seed=self.request.seed
        )
        return Splits(*write_grid_lines(self.root / "splits", settings))

    def _convert(self) -> Pairs:
        from ptycho_adapters.conversion import convert  # noqa: PLC0415

        splits = self.splits()
        self.say("converting them to pairs")
        done = [
            convert(split, self.root / "pairs" / split.stem, "ptychovit-pair", object_median_one=True)
            for split in (splits.train, splits.test)
        ]
        return Pairs(*done)

    def normalization(self, *left_out: str) -> Path:
        """Write the normalization file of all pairs, or without the entries of some objects; returns its path."""
        from ptycho_adapters.normalization import write_normalization  # noqa: PLC0415

        path = self.root / "pairs" / ("incomplete.pkl" if left_out else "normalization.pkl")
        entries = {name: value for name, value in self.pairs().maxima.items() if name not in left_out}
        write_normalization(path, entries)
        return path

    def training(self, normalization: Path) -> TrainRequest:
        """The training that the gate runs: a small model, two epochs."""
        pairs = self.pairs()
        return TrainRequest(
            **self._common(normalization),
            data_path=pairs.train.files[0]["dp"].parent,
            test_dp=pairs.test.files[0]["dp"],
            options=TrainOptions(epochs=EPOCHS, batch_size=8, learning_rate=1e-3),
            model=MODEL,
        )

    def inference(self, checkpoint: Path) -> InferRequest:
        """The prediction of the test pair's patches."""
        pair = self.pairs().test.files[0]
        return InferRequest(**self._common(self.normalization()), pairs=(pair["dp"],), checkpoint=checkpoint)

    def _common(self, normalization: Path) -> dict[str, Any]:
        asked = self.request.model_dump(include={"checkout", "python", "device", "seed"})
        return {**asked, "runs_dir": self.root / "runs", "normalization": normalization}

    def _train(self) -> RunRecord:
        from ptycho_runners.ptychovit.execute import perform  # noqa: PLC0415

        training = self.training(self.normalization())
        self.say(f"training {EPOCHS} epochs with {self.request.checkout}")
        return perform(training)


def told(error: Exception) -> str:
    """An exception in one line: its findings with their codes, where it has any."""
    if isinstance(error, RunError | ConversionError):
        return coded(error.findings)
    return f"{type(error).__name__}: {error}".splitlines()[0]


def coded(findings: tuple[Finding, ...]) -> str:
    """Findings in one line."""
    return "; ".join(f"{found.code} {found.message}" for found in findings)
