"""A fine-tuning policy: which parts of a PtychoViT are trained in which stage, how fast, and on what condition."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveFloat, PositiveInt

from ptycho_contracts.contract import DocumentContract

_STRICT = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class Stage(BaseModel):
    """One training: it starts from the best model of the stage before, with a fresh optimizer and history."""

    model_config = _STRICT

    name: str = Field(min_length=1, description="for tables and records; every stage has its own")
    encoder_blocks: NonNegativeInt | Literal["all"] = Field(
        description="how many of the encoder's last blocks are trained, with its final norm; 0: the encoder stays as "
        "it is; all: every part of it is trained, embeddings too"
    )
    epochs: PositiveInt = Field(description="of this stage; its history begins at 0")
    encoder_lr: PositiveFloat | None = Field(
        default=None, description="learning rate of what is trained in the encoder; needed where anything is"
    )
    amp_decoder_lr: PositiveFloat = Field(description="learning rate of the amplitude decoder and its scale")
    ph_decoder_lr: PositiveFloat = Field(description="learning rate of the phase decoder and its scale")
    block_lrs: dict[str, PositiveFloat] = Field(
        default={}, description="rate by index of a block, from 0 at the input; others have encoder_lr"
    )
    block_lr_decay: Annotated[float, Field(ge=0.1, le=1)] | None = Field(
        default=None,
        description="each block has this factor times the rate of the block above it, the last one encoder_lr; "
        "embeddings come below block 0; instead of block_lrs",
    )
    when: Literal["always", "never", "if_justified"] = Field(
        default="always", description="if_justified: where the validation of the stages before fulfils the rule"
    )


class Rule(BaseModel):
    """When a stage with `when: if_justified` is run; docs/finetuning.md has the rule in words."""

    model_config = _STRICT

    min_improvement: float = Field(
        default=0.01, ge=0, lt=1, description="least relative improvement of the last stage over the one before"
    )
    patience: NonNegativeInt = Field(
        default=2, description="most epochs that the last stage may have gone on without a better validation loss"
    )


class Training(BaseModel):
    """What all stages have in common; names as in config.yaml."""

    model_config = _STRICT

    batch_size: PositiveInt = Field(default=16, description="patterns per step")
    mode: Literal["supervised", "unsupervised"] = Field(
        default="supervised", description="supervised: amplitude and phase loss; unsupervised: diffraction loss"
    )
    loss_function: Literal["smooth_l1", "mse", "l1", "poisson_nll"] = Field(
        default="mse", description="which loss compares prediction and target"
    )
    train_split: float = Field(default=0.9, gt=0, lt=1, description="share of the patterns that is trained on")
    num_workers: NonNegativeInt = Field(default=0, description="loader processes; 0: load in the training's own")


class FineTunePolicy(BaseModel):
    """Stages, the rule that decides about them, and what they share."""

    model_config = _STRICT

    contract: Literal["finetune-policy"] = "finetune-policy"
    contract_version: Literal["1.0.0"] = "1.0.0"
    stages: tuple[Stage, ...] = Field(min_length=1, description="in the order in which they are run")
    rule: Rule = Field(default=Rule(), description="decides about stages with `when: if_justified`")
    training: Training = Field(default=Training(), description="how every stage is trained")
    force: bool = Field(
        default=False, description="allow rates in the encoder that are not below those of both decoders"
    )


CONTRACT = DocumentContract(
    id="finetune-policy",
    version="1.0.0",
    summary="stages of a fine-tuning by progressive unfreezing",
    model=FineTunePolicy,
    role="yaml",
    names=("*finetune.yaml",),
)
