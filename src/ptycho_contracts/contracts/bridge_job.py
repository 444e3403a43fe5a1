"""The job that a runner hands to the bridge: one JSON file, read by the checkout's interpreter."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, PositiveFloat, PositiveInt, RootModel

from ptycho_contracts.contract import DocumentContract

_FROZEN = ConfigDict(frozen=True, extra="forbid")


class Hooks(BaseModel):
    """Which behaviours the bridge adds to the checkout; a switch exists so that a hook can be ruled out."""

    model_config = _FROZEN

    profiling: bool = Field(
        default=True, description="make CUDA's profiling and timing calls no-ops where torch has no CUDA device"
    )
    stand_ins: bool = Field(default=True, description="stand in for wandb and timm where absent")
    epoch_checkpoints: bool = Field(
        default=True,
        description="write checkpoint_model.pth and checkpoint.state after every epoch, and let a new "
        "best_model.pth appear together with them",
    )
    seed_epochs: bool = Field(
        default=True,
        description="before each epoch, seed with the job's seed and the epoch's index, so that a resumed run "
        "draws what an uninterrupted one would have drawn",
    )
    seed_validation: bool = Field(
        default=True,
        description="the same random numbers in every validation, so that losses of epochs, runs and stages "
        "can be compared; the event validation_seeding says whether the checkout's noise follows",
    )


class PairPaths(BaseModel):
    """The two files of a PtychoViT pair."""

    model_config = _FROZEN

    name: str = Field(min_length=1, description="object name: the stem of the dp file without _dp")
    dp: str = Field(description="absolute path of <name>_dp.hdf5")
    para: str = Field(description="absolute path of <name>_para.hdf5")


class _Job(BaseModel):
    model_config = _FROZEN

    contract: Literal["bridge-job"] = "bridge-job"
    contract_version: Literal["1.0.0", "1.1.0"] = "1.1.0"
    checkout: str = Field(description="absolute path of the checkout, the folder that holds main.py")
    workdir: str = Field(description="absolute path of the folder that becomes the current directory")
    events: str = Field(description="file to append events to, one JSON document a line (contract bridge-event)")
    result: str = Field(description="file to write the result to (contract bridge-result)")
    normalization: dict[str, PositiveFloat] = Field(
        min_length=1,
        description="object name to the normalization it must get; with another value the run is invalid",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="auto: CUDA where torch has it")
    seed: int = Field(default=0, ge=0, lt=2**32, description="seed of python, numpy and torch")
    threads: PositiveInt | None = Field(default=None, description="CPU threads of torch; null: its default")
    hooks: Hooks = Hooks()


class TrainJob(_Job):
    """Run the checkout's main.py with the config.yaml of the working directory."""

    mode: Literal["train"] = "train"
    run_dir: str = Field(description="folder that main.py writes to: model_save_path/run<run_num> of config.yaml")
    initial_weights: str | None = Field(
        default=None,
        description="state dict (.pth) loaded strictly right after the model is built, without the `module.` that "
        "DistributedDataParallel puts before every name; null: the model's own",
    )
    frozen: tuple[str, ...] = Field(
        default=(),
        description="names of modules and parameters, such as `encoder` or `encoder.blocks.0`: they and all below "
        "them get no gradient and stay in evaluation mode, so that neither weights nor buffers change",
    )
    learning_rates: dict[str, PositiveFloat] = Field(
        default_factory=dict,
        description="learning rate by name of a module or parameter, for all below it; the longest name that fits "
        "counts, and what no name fits keeps the rate of config.yaml. Each name adds one parameter group, named so, "
        "behind those of the checkout, which stay even where they become empty",
    )


class InferJob(_Job):
    """Predict every pattern of the pairs once, without noise.

    The patches of a pair are written to `<name>_patches.h5`: `patches` (scan, patch_y, patch_x) complex64,
    `centre_px` (scan, 2) float64, the (y, x) array coordinate of patch index (n−1)/2 in object pixels, and
    `diffraction_error` (scan,) float64, Σ(predicted − measured)² / Σ measured² of the amplitudes.
    """

    mode: Literal["infer"] = "infer"
    pairs: tuple[PairPaths, ...] = Field(min_length=1)
    checkpoint: str = Field(description="state dict (.pth) to load strictly")
    model: dict[str, JsonValue] = Field(description="section `model` of the config that the checkpoint was made by")
    normalization_file: str = Field(description="pickled dict, object name to maximum of its dp stack")
    scale: PositiveFloat = Field(description="data.scale of the config that the checkpoint was made by")
    max_probe_modes: PositiveInt = 8
    batch_size: PositiveInt = 16
    output: str = Field(description="folder for <name>_patches.h5")


class ExamineJob(_Job):
    """Show what the checkout makes of pairs: items of its dataset, and the model's output for them.

    For each pair `<name>_items.h5` is written, with the first `patterns` items in two groups: `quiet` (without
    noise) and `noisy`. Each holds `diffraction_amplitude`, `object_amplitude`, `object_phase` (item, 1, y, x)
    float32, `probe` (item, 1, mode, y, x) complex64, `centre_px` (item, 2) float64, `normalization` and `scale`
    (item,). Group `model` holds the predictions for the quiet items: `diffraction_amplitude`, `amplitude`, `phase`
    (item, 1, y, x) float32, the first also float64. Shapes and dtypes are as the checkout gives them, those above
    for one that keeps the contract; nothing is judged, the normalization neither: it is in the file.
    """

    mode: Literal["examine"] = "examine"
    pairs: tuple[PairPaths, ...] = Field(min_length=1)
    checkpoint: str | None = Field(default=None, description="state dict (.pth) to load strictly; null: as built")
    model: dict[str, JsonValue] = Field(description="section `model` to build")
    normalization_file: str = Field(description="pickled dict, object name to maximum of its dp stack")
    scale: PositiveFloat
    max_probe_modes: PositiveInt = 8
    patterns: PositiveInt = Field(default=8, description="items of each pair, from the first on")
    output: str = Field(description="folder for <name>_items.h5")


class BridgeJob(RootModel[Annotated[TrainJob | InferJob | ExamineJob, Field(discriminator="mode")]]):
    """A training, an inference or an examination."""

    model_config = ConfigDict(frozen=True)


CONTRACT = DocumentContract(
    id="bridge-job",
    version="1.1.0",
    summary="what a runner asks of the bridge in a checkout's interpreter",
    model=BridgeJob,
    role="json",
    names=("job.json",),
)
