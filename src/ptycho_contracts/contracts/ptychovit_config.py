"""`config.yaml` of a flat PtychoViT checkout (February 2026): required keys, and types of the known ones.

A key that the checkout does not read is allowed, since a fork may add its own. A number written `1e-4` is a
string to PyYAML and is refused here, as the checkout would fail on it much later.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, NonNegativeInt, PositiveFloat, PositiveInt

from ptycho_contracts.contract import DocumentContract

_OPEN = ConfigDict(frozen=True, extra="allow", strict=True)


def _refuse_number_text(value: Any) -> Any:
    if isinstance(value, str):
        raise ValueError(f"{value!r} is a text to YAML 1.1; write a number with a point, such as 1.0e-4")
    return value


Rate = Annotated[PositiveFloat, BeforeValidator(_refuse_number_text)]


class DataSection(BaseModel):
    """Where the pairs are and how they are read."""

    model_config = _OPEN

    data_path: str = Field(description="folder scanned, not recursively, for pairs; every pair in it is trained on")
    test_path: str = Field(description="dp file or folder of the test pair; must not lie in data_path")
    scale: Rate = Field(description="photon scale of the Poisson noise")
    normalization_dict_path: str | None = Field(default=None, description="null: everything silently gets 1e5")
    test_normalization: str | None = Field(default=None, description="the same for the test pair")
    cache_object: bool = False
    max_probe_modes: PositiveInt = 8
    train_split: float = Field(gt=0, lt=1, description="share of the patterns that is trained on")
    random_seed: int = Field(description="seed of the split and the samplers")
    sharding_strategy: str = "static"
    num_workers: NonNegativeInt = 0
    prefetch_factor: PositiveInt | None = 2
    pin_memory: bool = True
    persistent_workers: bool = False
    use_cuda_prefetcher: bool = True


class TrainingSection(BaseModel):
    """How long and how fast."""

    model_config = _OPEN

    mode: str = Field(description="supervised: amplitude and phase loss; anything else: diffraction loss")
    batch_size: PositiveInt
    learning_rate: Rate
    encoder_lr: Rate | None = None
    amp_decoder_lr: Rate | None = None
    ph_decoder_lr: Rate | None = None
    epochs: PositiveInt = Field(description="total number of epochs, not additional ones")
    loss_function: Literal["smooth_l1", "mse", "l1", "poisson_nll", "weighted"]
    validation_plot_freq: PositiveInt
    test_plot_freq: PositiveInt
    resume_from_checkpoint: bool = False
    profile: bool = False


class ModelSection(BaseModel):
    """The architecture; a checkpoint holds none of it."""

    model_config = _OPEN

    encoder_type: str = "custom"
    encoder: dict[str, Any] = Field(default_factory=dict)
    decoder: dict[str, Any] = Field(default_factory=dict)


class PathsSection(BaseModel):
    """Where runs go."""

    model_config = _OPEN

    model_save_path: str = Field(description="folder in which run<run_num> is made; its parent must exist")


class WandbSection(BaseModel):
    """The tracker."""

    model_config = _OPEN

    enabled: bool


class TrainerSection(BaseModel):
    """The run."""

    model_config = _OPEN

    run_num: NonNegativeInt = Field(description="number of the run directory; the same number overwrites silently")


class PtychoViTConfig(BaseModel):
    """The whole file."""

    model_config = _OPEN

    data: DataSection
    training: TrainingSection
    model: ModelSection
    paths: PathsSection
    wandb: WandbSection
    trainer: TrainerSection


CONTRACT = DocumentContract(
    id="ptychovit-config",
    version="1.0.0",
    summary="config.yaml of a flat PtychoViT checkout",
    model=PtychoViTConfig,
    role="yaml",
    names=("config.yaml",),
)
