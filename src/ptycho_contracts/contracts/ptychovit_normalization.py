"""`normalization.pkl` of PtychoViT: a pickled dict, object name to the maximum of its whole dp stack."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, RootModel

from ptycho_contracts.contract import DocumentContract

ObjectName = Annotated[str, Field(min_length=1, description="stem of the dp file without _dp")]
StackMaximum = Annotated[float, Field(gt=0, allow_inf_nan=False, description="maximum over (scan, y, x) of dp")]


class Normalization(RootModel[dict[ObjectName, StackMaximum]]):
    """Intensity by which the patterns of each object are divided.

    An object that is absent here silently trains with 100000.0 upstream.
    """

    model_config = ConfigDict(frozen=True)


CONTRACT = DocumentContract(
    id="ptychovit-normalization",
    version="1.0.0",
    summary="PtychoViT normalization (pickled dict of maxima)",
    model=Normalization,
    role="pkl",
    names=("normalization.pkl",),
)
