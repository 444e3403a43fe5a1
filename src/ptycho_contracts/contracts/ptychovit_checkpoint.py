"""A run directory of a flat PtychoViT checkout (February 2026): best model, last model, state, configuration."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from ptycho_contracts.contract import ArrayContract
from ptycho_contracts.contracts.ptychovit_config import PtychoViTConfig
from ptycho_contracts.declaration import FLOAT, Array, ArrayRef, FileModel

_HISTORY = "loss of each finished epoch"


class WeightsFile(FileModel):
    """A plain state dict of the model: tensors by name, no configuration inside."""

    container: ClassVar = "torch-zip"
    prefixes: ClassVar = ("encoder.", "amp_decoder.", "ph_decoder.")
    wrapper: ClassVar = "module."


class StateFile(FileModel):
    """`checkpoint.state`: what a resumed training needs beside the weights."""

    container: ClassVar = "torch-zip"
    prefixes: ClassVar = ("optimizer_state_dict/",)

    current_epoch: Annotated[ArrayRef, Array("int64", "", "Index of the last finished epoch, plus one.")]
    training_loss: Annotated[
        ArrayRef,
        Field(alias="loss_tracker/training_loss"),
        Array(f"{FLOAT}|int64", "epoch*", f"Training {_HISTORY}."),
    ]
    validation_loss: Annotated[
        ArrayRef,
        Field(alias="loss_tracker/validation_loss"),
        Array(f"{FLOAT}|int64", "epoch*", f"Validation {_HISTORY}."),
    ]
    best_val_loss: Annotated[
        ArrayRef,
        Field(alias="loss_tracker/best_val_loss"),
        Array(f"{FLOAT}|int64", "", "Lowest validation loss."),
    ]


CONTRACT = ArrayContract(
    id="ptychovit-checkpoint",
    version="1.1.0",
    summary="PtychoViT run directory (best_model.pth, checkpoint_model.pth, checkpoint.state, config.yaml)",
    files={"best": WeightsFile, "last": WeightsFile, "state": StateFile},
    optional_roles={
        "last": "an interrupted training cannot be resumed without it",
        "state": "an interrupted training cannot be resumed without it",
    },
    names={
        "best": "best_model.pth",
        "last": "checkpoint_model.pth",
        "state": "checkpoint.state",
        "config": "config.yaml",
    },
    documents={"config": PtychoViTConfig},
)
