"""The documents of runs: what they accept, what they refuse, and that their JSON Schemas agree."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel, ValidationError

from ptycho_contracts.contract import DocumentContract, get_contract

TIME = "2026-02-03T04:05:06.789Z"
SHA = "0" * 64
TRAIN = {
    "mode": "train", "checkout": "/c", "workdir": "/r/work", "events": "/r/e", "result": "/r/r",
    "normalization": {"x": 7.0}, "run_dir": "/r",
}  # fmt: skip
INFER = {
    **{key: value for key, value in TRAIN.items() if key != "run_dir"},
    "mode": "infer", "pairs": [{"name": "x", "dp": "/x_dp.hdf5", "para": "/x_para.hdf5"}], "checkpoint": "/b.pth",
    "model": {"encoder": {"depth": 4}}, "normalization_file": "/n.pkl", "scale": 1e4, "output": "/o",
}  # fmt: skip
RESULT = {
    "mode": "train", "status": "ok", "reason": "completed", "message": "completed", "device": "cpu", "seconds": 1.5,
    "versions": {"python": "3.11.7"}, "files": [{"path": "/r/best_model.pth", "bytes": 10}],
    "losses": {"train": None, "validation": 0.5, "best_validation": 0.5},
}  # fmt: skip
MANIFEST = {
    "kind": "ptychovit-train", "outcome": "complete", "started": TIME, "seconds": 2.0, "versions": {"python": "3.11"},
    "code": {"name": "reference", "sha256": SHA, "commit": "a" * 40, "dirty": False},
    "commands": [{"argv": ["python", "bridge.py"], "cwd": "/r"}],
    "decisions": [{"about": "trainer.run_num", "choice": 3, "reason": "the next free number"}],
    "inputs": [{"role": "dp", "path": "/x_dp.hdf5", "sha256": SHA, "bytes": 3}],
    "figures": {"losses": {"train": None}},
}  # fmt: skip
CONFIG = {
    "data": {"data_path": "d", "test_path": "t", "scale": 1e4, "train_split": 0.9, "random_seed": 8, "ours": 1},
    "training": {
        "mode": "supervised", "batch_size": 4, "learning_rate": 1e-4, "epochs": 2, "loss_function": "mse",
        "validation_plot_freq": 1, "test_plot_freq": 1,
    },
    "model": {"encoder": {"depth": 4}, "decoder": {}},
    "paths": {"model_save_path": "runs"},
    "wandb": {"enabled": False, "project": "x"},
    "trainer": {"run_num": 0},
}  # fmt: skip
EVENTS: list[dict[str, Any]] = [
    {"event": "run_start", "mode": "train", "pid": 3, "device": "cpu", "seed": 0},
    {"event": "model_built", "parameters": 10, "weights": None},
    {"event": "epoch_end", "epoch": 0, "train_loss": 0.5, "validation_loss": None, "seconds": 1.0},
    {"event": "checkpoint_written", "epoch": 0, "path": "/r/checkpoint.state"},
    {"event": "pair_inferred", "name": "x", "patterns": 3, "path": "/o/x_patches.h5", "seconds": 1.0},
    {"event": "warning", "message": "look"},
    {"event": "fallback", "name": "x", "normalization": 100000.0, "message": "not its entry"},
    {"event": "finished", "status": "ok"},
]
GOOD: list[tuple[str, Any]] = [
    ("bridge-job", TRAIN), ("bridge-job", INFER), ("bridge-result", RESULT), ("run-manifest", MANIFEST),
    ("ptychovit-config", CONFIG), ("ptychovit-normalization", {"x": 7.0, "y": 3}), ("ptychovit-normalization", {}),
    *(("bridge-event", {"time": TIME, **event}) for event in EVENTS),
]  # fmt: skip


def changed(document: Any, path: str, value: Any = None, drop: bool = False) -> Any:
    """A copy with the member at a dotted path replaced, or dropped."""
    copy = json.loads(json.dumps(document))
    *above, last = path.split(".")
    place = copy
    for name in above:
        place = place[int(name)] if isinstance(place, list) else place[name]
    if drop:
        del place[last]
    else:
        place[last] = value
    return copy


BAD: list[tuple[str, Any]] = [
    ("bridge-job", changed(TRAIN, "mode", "resume")),
    ("bridge-job", changed(TRAIN, "normalization", {})),
    ("bridge-job", changed(TRAIN, "normalization", {"x": 0})),
    ("bridge-job", changed(TRAIN, "run_dir", drop=True)),
    ("bridge-job", changed(TRAIN, "checkpoint", "/b.pth")),  # infer's, not train's
    ("bridge-job", changed(INFER, "pairs", [])),
    ("bridge-job", changed(INFER, "run_dir", "/r")),
    ("bridge-job", changed(TRAIN, "seed", 2**32)),
    ("bridge-result", changed(RESULT, "reason", "bad luck")),
    ("bridge-result", changed(RESULT, "seconds", -1)),
    ("bridge-result", changed(RESULT, "extra", 1)),
    ("run-manifest", changed(MANIFEST, "inputs.0.sha256", "abc")),
    ("run-manifest", changed(MANIFEST, "code.commit", "main")),
    ("run-manifest", changed(MANIFEST, "commands.0.argv", [])),
    ("run-manifest", changed(MANIFEST, "decisions.0.reason", drop=True)),
    ("run-manifest", changed(MANIFEST, "outcome", "unknown")),
    ("ptychovit-config", changed(CONFIG, "data.test_path", drop=True)),
    ("ptychovit-config", changed(CONFIG, "wandb", drop=True)),
    ("ptychovit-config", changed(CONFIG, "training.loss_function", "huber")),
    ("ptychovit-config", changed(CONFIG, "training.epochs", 0)),
    ("ptychovit-config", changed(CONFIG, "training.learning_rate", "1e-4")),
    ("ptychovit-normalization", {"x": 0.0}),
    ("ptychovit-normalization", {"": 1.0}),
    ("ptychovit-normalization", {"x": "many"}),
    *(("bridge-event", {"time": TIME, **event, "extra": 1}) for event in EVENTS),
    ("bridge-event", {"time": TIME, "event": "lunch"}),
]  # fmt: skip


def model_of(contract: str) -> type[BaseModel]:
    found = get_contract(contract)
    assert isinstance(found, DocumentContract)
    return found.model


@pytest.mark.parametrize(("contract", "document"), GOOD)
def test_a_good_document_survives_reading_and_writing(contract: str, document: Any) -> None:
    model = model_of(contract)
    read = model.model_validate(document)
    assert model.model_validate_json(read.model_dump_json()) == read
    jsonschema.validate(document, model.model_json_schema())
    jsonschema.validate(read.model_dump(mode="json"), model.model_json_schema())


@pytest.mark.parametrize(("contract", "document"), BAD)
def test_a_bad_document_is_refused_by_the_model_and_by_its_schema(contract: str, document: Any) -> None:
    model = model_of(contract)
    with pytest.raises(ValidationError):
        model.model_validate(document)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, model.model_json_schema())


@pytest.mark.parametrize("time", ["2026-02-03T04:05:06", "yesterday"])
def test_an_event_without_a_place_in_time_is_refused(time: str) -> None:
    with pytest.raises(ValidationError):
        model_of("bridge-event").model_validate({"event": "warning", "message": "x", "time": time})


def test_infinite_maxima_are_refused() -> None:
    with pytest.raises(ValidationError):
        model_of("ptychovit-normalization").model_validate({"x": float("inf")})


@pytest.mark.parametrize("contract", sorted({contract for contract, _ in GOOD}))
def test_documents_are_values(contract: str) -> None:
    document = next(document for name, document in GOOD if name == contract)
    read = model_of(contract).model_validate(document)
    with pytest.raises(ValidationError, match="frozen"):
        setattr(read, next(iter(type(read).model_fields)), None)


def test_every_number_text_in_a_config_names_the_remedy() -> None:
    with pytest.raises(ValidationError, match=r"'1e-4' is a text to YAML 1.1; write a number with a point"):
        model_of("ptychovit-config").model_validate(changed(CONFIG, "training.learning_rate", "1e-4"))
