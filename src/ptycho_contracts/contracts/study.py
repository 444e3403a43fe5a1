"""`study.yaml`: which data, which explicitly selected arms, how they are compared."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

from ptycho_contracts.contract import DocumentContract

_STRICT = ConfigDict(frozen=True, extra="forbid")


class SimulatedGridLines(BaseModel):
    """Random-line objects scanned on a grid; what `ptycho simulate grid-lines` makes."""

    model_config = _STRICT

    n: PositiveInt = Field(default=256, description="detector size in pixels, even")
    object_size_px: PositiveInt = Field(default=360, description="side of the objects")
    step_px: PositiveInt = Field(default=20, description="distance of neighbouring scan positions")
    train_objects: PositiveInt = Field(default=2, description="objects of the train split")
    photons: PositiveFloat = Field(default=1e6, description="mean count of a pattern")
    seed: int = Field(default=0, ge=0, lt=2**32, description="objects and noise")


class StudyData(BaseModel):
    """The data: simulated, or existing files; one of the two."""

    model_config = _STRICT

    simulate: SimulatedGridLines | None = None
    train: str | None = Field(default=None, description="file to train on; relative to the study file")
    test: str | None = Field(default=None, description="file to reconstruct; relative to the study file")
    order: Literal["auto", "match", "as-stored"] = Field(
        default="auto", description="how the order of the patterns is decided, as in `ptycho convert --order`"
    )
    test_object: int = Field(default=0, ge=0, description="which object of the test file, where it holds several")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.simulate is None) == (self.test is None):
            raise ValueError("give either `simulate` or the file `test` (and `train`, where an arm trains)")
        if self.simulate is not None and self.train is not None:
            raise ValueError("`train` cannot be given beside `simulate`")
        return self


class StudyArm(BaseModel):
    """One arm: a name for its outputs, what runs, and the options of that kind."""

    model_config = _STRICT

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", description="name in outputs and tables")
    kind: str | None = Field(default=None, description="which arm runs (`pinn_ptychovit`, `precomputed`); default: id")
    n: PositiveInt = Field(default=256, description="detector size that this arm works at")
    options: dict[str, Any] = Field(default_factory=dict, description="options of that kind of arm")

    @property
    def runs(self) -> str:
        """The kind of arm."""
        return self.kind or self.id


class StudyEvaluation(BaseModel):
    """How reconstructions are compared."""

    model_config = _STRICT

    grid: Literal["256", "native"] = Field(default="256", description="the canonical grid, or the region's own pixels")
    ptychopinn_1: bool = Field(default=True, description="also compute the profile `ptychopinn-1`")
    phase_align: Literal["plane", "mean"] = Field(default="plane", description="what `ptychopinn-1` removes")
    max_shift_px: float = Field(default=4.0, ge=0, description="search range of the sub-pixel alignment")


class Study(BaseModel):
    """The whole study."""

    model_config = _STRICT

    contract: Literal["study"] = "study"
    contract_version: Literal["1.0.0"] = "1.0.0"
    name: str = Field(min_length=1, description="for titles and manifests")
    data: StudyData
    arms: tuple[StudyArm, ...] = Field(min_length=1, description="explicitly selected; no baseline is required")
    evaluation: StudyEvaluation = StudyEvaluation()

    @model_validator(mode="after")
    def _distinct_ids(self) -> Self:
        ids = [arm.id for arm in self.arms]
        if len(set(ids)) < len(ids) or "gt" in ids:
            raise ValueError("every arm needs an id of its own, and `gt` is the ground truth's")
        return self


CONTRACT = DocumentContract(
    id="study", version="1.0.0", summary="a study (study.yaml)", model=Study, role="yaml", names=("*study.yaml",)
)
