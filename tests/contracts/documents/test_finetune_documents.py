"""Policy and record of a fine-tuning: what they accept, what they refuse, and that their JSON Schemas agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel, ValidationError

from ptycho_contracts import validate
from ptycho_contracts.contracts.finetune_policy import FineTunePolicy
from ptycho_contracts.contracts.finetune_record import FineTuneRecord

CHECKOUT = Path(__file__).parents[3]
SHA = "0" * 64
FILE = {"role": "dp", "path": "/x_dp.hdf5", "sha256": SHA, "bytes": 3}
STAGE = {"name": "top", "encoder_blocks": 2, "epochs": 3, "amp_decoder_lr": 1e-4, "ph_decoder_lr": 1e-4}
POLICY: dict[str, Any] = {
    "stages": [
        {**STAGE, "encoder_blocks": 0},
        {**STAGE, "encoder_lr": 1e-5, "block_lrs": {"3": 1e-6}, "when": "never"},
        {**STAGE, "encoder_blocks": "all", "encoder_lr": 1e-5, "block_lr_decay": 0.5, "when": "if_justified"},
    ],
    "rule": {"min_improvement": 0, "patience": 0},
    "training": {"batch_size": 4, "mode": "unsupervised", "loss_function": "l1", "train_split": 0.5},
    "force": True,
}
JUSTIFICATION = {"justified": False, "sentence": "no: …", "baseline": 1.0, "best": 0.9, "improvement": 0.1}
RECORD: dict[str, Any] = {
    "started": "2026-02-03T04:05:06.789Z",
    "fingerprint": SHA,
    "policy": POLICY,
    "policy_sha256": SHA,
    "source": FILE,
    "code": {"name": "reference", "sha256": SHA},
    "seed": 0,
    "overrides": {"data.augment.fraction": 0.5},
    "inputs": [FILE],
    "stages": [
        {
            "name": "a", "frozen": ["encoder"], "learning_rates": {"amp_decoder": 1e-4}, "state": "complete",
            "run": "run3", "source": FILE, "checkpoint": FILE, "validation_losses": [None, 0.5], "best_loss": 0.5,
            "validation_seeded": None, "seconds": 3.5,
        },
        {"name": "b", "frozen": [], "learning_rates": {}, "state": "skipped", "justification": JUSTIFICATION},
    ],
    "best": {"stage": "a", "path": "run3/best_model.pth", "validation_loss": 0.5},
}  # fmt: skip


def first(**changes: Any) -> dict[str, Any]:
    return {**POLICY, "stages": [{**STAGE, **changes}]}


BAD: list[tuple[type[BaseModel], dict[str, Any]]] = [
    (FineTunePolicy, {"stages": []}),
    (FineTunePolicy, {}),
    (FineTunePolicy, {**POLICY, "stage": []}),
    (FineTunePolicy, first(encoder_blocks=-1)),
    (FineTunePolicy, first(encoder_blocks="most")),
    (FineTunePolicy, first(epochs=0)),
    (FineTunePolicy, first(encoder_lr=0.0)),
    (FineTunePolicy, first(amp_decoder_lr="1e-4 per step")),
    (FineTunePolicy, first(block_lrs={"3": 0.0})),
    (FineTunePolicy, first(block_lr_decay=1.5)),
    (FineTunePolicy, first(when="sometimes")),
    (FineTunePolicy, first(name="")),
    (FineTunePolicy, {**POLICY, "rule": {"min_improvement": 1.0}}),
    (FineTunePolicy, {**POLICY, "training": {"loss_function": "weighted"}}),
    (FineTuneRecord, {**RECORD, "stages": []}),
    (FineTuneRecord, {**RECORD, "fingerprint": "abc"}),
    (FineTuneRecord, {**RECORD, "policy": {"stages": []}}),
    (FineTuneRecord, {**RECORD, "best": {"stage": "a"}}),
    (FineTuneRecord, {**RECORD, "stages": [{**RECORD["stages"][1], "state": "lost"}]}),
]


@pytest.mark.parametrize(("model", "document"), [(FineTunePolicy, POLICY), (FineTuneRecord, RECORD)])
def test_a_good_document_survives_reading_and_writing(model: type[BaseModel], document: dict[str, Any]) -> None:
    read = model.model_validate(document)
    assert model.model_validate_json(read.model_dump_json()) == read
    jsonschema.validate(document, model.model_json_schema())
    jsonschema.validate(read.model_dump(mode="json"), model.model_json_schema())


@pytest.mark.parametrize(("model", "document"), BAD)
def test_a_bad_document_is_refused_by_the_model_and_by_its_schema(
    model: type[BaseModel], document: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        model.model_validate(document)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, model.model_json_schema())


def test_the_example_is_a_valid_policy() -> None:
    report = validate(CHECKOUT / "examples" / "finetune" / "finetune.yaml")
    assert (report.contract, report.errors) == ("finetune-policy", ())
