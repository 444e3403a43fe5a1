"""`metrics_by_model.json`: PtychoPINN 2.0.0's nesting, each number as [amplitude, phase], and our record beside it.

A failed arm has its error; the others keep their numbers. PtychoPINN's own files may hold NaN; ours hold null
with a reason.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, RootModel

from ptycho_contracts.contract import DocumentContract

Number = float | None
Curve = list[Number]
# Lengths are stated on each list: on the union, JSON Schema would get the lengths of a text.
_BOTH = Field(min_length=2, max_length=2, description="[amplitude, phase]")
Metric = Annotated[list[Number], _BOTH] | Annotated[list[Curve], _BOTH]


class ModelMetrics(BaseModel):
    """What one arm reached."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reference_shape: Annotated[list[int], Field(min_length=2, max_length=2, description="(h, w) of the truth, px")]
    metrics: dict[str, Metric] = Field(description="profile `standard` in our files, `ptychopinn-1` in PtychoPINN's")
    reasons: dict[str, str] = Field(default_factory=dict, description="why a number is null")
    metrics_ptychopinn_1: dict[str, Metric] | None = Field(default=None, description="profile `ptychopinn-1`")
    reasons_ptychopinn_1: dict[str, str] = Field(default_factory=dict)
    evaluation_ptychopinn_1: dict[str, Any] | None = Field(default=None, description="the same for `ptychopinn-1`")
    evaluation: dict[str, Any] | None = Field(default=None, description="what was done to the arrays")


class ModelError(BaseModel):
    """Why an arm has no numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    error: str


class MetricsByModel(RootModel[dict[str, ModelMetrics | ModelError]]):
    """Every selected arm by its id."""

    model_config = ConfigDict(frozen=True)


CONTRACT = DocumentContract(
    id="metrics-by-model",
    version="1.0.0",
    summary="metrics of the arms of a study (metrics_by_model.json)",
    model=MetricsByModel,
    role="json",
    names=("metrics_by_model.json",),
)
