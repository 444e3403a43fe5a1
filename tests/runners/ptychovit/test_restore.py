"""The decision table of restore, cell by cell, against expectations that are written out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any, Literal, get_args

import pytest

from ptycho_contracts.checkpoints.state import Group, StateFacts
from ptycho_contracts.checkpoints.weights import Tensor, WeightsFacts
from ptycho_contracts.contracts.bridge_job import TrainJob
from ptycho_contracts.contracts.run_manifest import RunManifest
from ptycho_contracts.engine_codes import UNREADABLE
from ptycho_contracts.finding import finding
from ptycho_runners.errors import RunError
from ptycho_runners.ptychovit.config import ConfigPaths, runtime_config
from ptycho_runners.ptychovit.found import Absent, Config, Corrupt, Found, Input
from ptycho_runners.ptychovit.request import TrainOptions
from ptycho_runners.ptychovit.restore import Intent, Restored, Wanted, decide
from ptycho_runners.ptychovit.resumption import BATCH_SIZE, HARMLESS

Condition = Literal["absent", "corrupt", "mismatching", "good"]
CONDITIONS: tuple[Condition, ...] = ("absent", "corrupt", "mismatching", "good")
FOLDER = Path("/runs/run4")
DONE, EPOCHS = 2, 4


def weights(width: int = 16, depth: int = 2, *, name: str = "best_model.pth", prefixed: bool = False) -> WeightsFacts:
    shapes: dict[str, tuple[int, ...]] = {
        "log_scale_amp": (),
        "encoder.pos_embed": (1, 4, width),
        "encoder.patch_embed.proj.weight": (width, 1, 128, 128),
        "amp_decoder.output.weight": (1, 8, 1, 1),
        "ph_decoder.output.weight": (1, 8, 1, 1),
    }
    shapes |= {f"encoder.blocks.{block}.mlp.fc1.weight": (4 * width, width) for block in range(depth)}
    return WeightsFacts(FOLDER / name, {key: Tensor("float32", shape) for key, shape in shapes.items()}, prefixed)


def model(width: int = 16, depth: int = 2) -> dict[str, Any]:
    encoder = {"img_size": 256, "patch_size": 128, "in_channels": 1, "embed_dim": width, "depth": depth}
    return {"encoder_type": "custom", "encoder": {**encoder, "dropout": 0.0}, "decoder": {"base_channels": 8}}


def state(current_epoch: int = DONE, *, groups: int = 3, best: float = 0.5) -> StateFacts:
    """The state of `weights()`; with another epoch count it contradicts its own history."""
    held = weights().tensors
    shapes = [tensor.shape for name, tensor in held.items() if name != "log_scale_amp"]
    sizes = [len(shapes) - 2, 1, 1, *[0] * groups][:groups]
    sizes[0] += len(shapes) - sum(sizes)
    return StateFacts(
        path=FOLDER / "checkpoint.state",
        current_epoch=current_epoch,
        losses={"training_loss": (0.9, 0.6), "validation_loss": (best, 0.7)},
        best_val_loss=best,
        groups=tuple(Group(None, 1e-4, size) for size in sizes),
        scheduled=False,
        wandb_run_id=None,
        moments=dict(enumerate(shapes)),
    )


def config(epochs: int = EPOCHS, depth: int = 2) -> Config:
    paths = ConfigPaths(Path("/d/train"), Path("/d/t_dp.hdf5"), Path("/d/n.pkl"), Path("/d/n.pkl"), FOLDER.parent, 4)
    content = runtime_config(TrainOptions(epochs=epochs), paths, {"model": model(depth=depth)}, seed=0, cuda=False)
    return Config(FOLDER / "config.yaml", content)


def corrupt(name: str) -> Corrupt:
    return Corrupt(FOLDER / name, (finding(UNREADABLE, "file:/", f"{name} is damaged"),))


def run_in(best: Condition, last: Condition, kept: Condition, settings: Condition) -> Found:
    """A run directory with each file in a condition; what mismatches would be right in another run."""
    facts: dict[str, Mapping[Condition, Any]] = {
        "best_model.pth": {"mismatching": weights(24), "good": weights()},
        "checkpoint_model.pth": {name: weights(w, name="checkpoint_model.pth") for name, w in _WIDTHS.items()},
        "checkpoint.state": {"mismatching": state(DONE + 1), "good": state()},
        "config.yaml": {"mismatching": config(depth=5), "good": config()},
    }
    conditions = dict(zip(facts, (best, last, kept, settings), strict=True))
    files: list[Any] = [
        Absent(FOLDER / name) if how == "absent" else corrupt(name) if how == "corrupt" else facts[name][how]
        for name, how in conditions.items()
    ]
    return Found(FOLDER, *files[:4])


_WIDTHS: Mapping[Condition, int] = {"mismatching": 24, "good": 16}


CODES = {"A": "PTY516", "C": "PTY002", "M": "PTY518", "S": "PTY519"}
# A letter for each finding, sorted; a point where nothing refuses. Rows: checkpoint_model.pth, columns:
# checkpoint.state, each absent, corrupt, mismatching, good; best_model.pth is never asked for.
RESUME = {
    "absent": ["AAA AAC AAS AA", "AAC ACC ACS AC", "AA AC ASS AS", "AA AC AS A"],
    "corrupt": ["AAC ACC ACS AC", "ACC CCC CCS CC", "AC CC CSS CS", "AC CC CS C"],
    "mismatching": ["AA AC AS A", "AC CC CS C", "AMM CMM MMSS MMS", "AM CM MS M"],
    "good": ["AA AC AS A", "AC CC CS C", "AM CM MSS MS", "A C S ."],
}
# Rows: best_model.pth, columns: config.yaml; the other two files are never asked for.
FROM_WEIGHTS = ["AA AC A A", "AC CC C C", "A C MM M", "A C M ."]


def expected(intent: Intent, best: str, last: str, state: str, config: str) -> list[str]:
    place = CONDITIONS.index
    if intent == "resume":
        letters = RESUME[config][place(last)].split()[place(state)]
    else:
        letters = FROM_WEIGHTS[place(best)].split()[place(config)]
    return [CODES[letter] for letter in letters.strip(".")]


def told(intent: Intent, found: Found, wanted: Wanted | None = None) -> list[str]:
    try:
        decide(intent, found, wanted)
    except RunError as error:
        return sorted(each.code for each in error.findings if each.fix)
    return []


CELLS = list(product(get_args(Intent), CONDITIONS, CONDITIONS, CONDITIONS, CONDITIONS))


def test_the_table_has_3_intents_by_4_conditions_of_4_files() -> None:
    assert len(CELLS) == 768


@pytest.mark.parametrize(("intent", "config"), list(product(get_args(Intent), CONDITIONS)))
def test_every_cell_says_what_is_expected(intent: Intent, config: str) -> None:
    wrong = {}
    for cell in (cell for cell in CELLS if (cell[0], cell[4]) == (intent, config)):
        codes = told(intent, run_in(*cell[1:]))
        if codes != sorted(expected(intent, *cell[1:])):
            wrong[cell] = codes
    assert wrong == {}


def allowed(intent: Intent) -> list[tuple[Any, Restored]]:
    fine = [cell for cell in CELLS if cell[0] == intent and not expected(intent, *cell[1:])]
    return [(cell, decide(intent, run_in(*cell[1:]))) for cell in fine]


def test_a_resume_keeps_its_epoch_and_says_what_becomes_of_a_lost_best_model() -> None:
    for (_, best, *_rest), restored in allowed("resume"):
        assert (restored.epoch, restored.weights.path.name) == (DONE, "checkpoint_model.pth")
        assert restored.config["training"]["resume_from_checkpoint"] is True
        assert restored.set_aside == (best in {"corrupt", "mismatching"})
        about_best = [each for each in restored.decisions if each.about == "best_model.pth"]
        assert bool(about_best) == (best != "good")
        assert all("0.5" in each.reason for each in about_best)
    assert len(allowed("resume")) == 4


@pytest.mark.parametrize("intent", ["finetune", "infer"])
def test_damage_that_does_not_matter_is_told_and_refuses_nothing(intent: Intent) -> None:
    fine = allowed(intent)
    assert len(fine) == 16
    for (_, _, last, state, _), restored in fine:
        seen = {each.about for each in restored.decisions}
        assert ("checkpoint_model.pth" in seen) == (last == "corrupt")
        assert ("checkpoint.state" in seen) == (state == "corrupt")
        assert restored.epoch == (1 if state in {"good", "mismatching"} else None)  # the first loss is the lowest
        assert not restored.set_aside


GOOD = run_in("good", "good", "good", "good")
EPOCH_CELLS = [  # (epochs in config.yaml, new total, codes), 2 being finished
    (4, None, []), (4, 9, []), (4, 3, []), (4, 2, ["PTY521"]), (4, 1, ["PTY521"]),
    (2, None, ["PTY521"]), (2, 3, []), (2, 2, ["PTY521"]), (1, None, ["PTY521"]), (3, None, []),
]  # fmt: skip


@pytest.mark.parametrize(("configured", "wanted", "codes"), EPOCH_CELLS)
def test_epochs_are_a_total_beyond_those_finished(configured: int, wanted: int | None, codes: list[str]) -> None:
    found = replace(GOOD, config=config(configured))
    assert told("resume", found, Wanted(epochs=wanted)) == codes
    if not codes:
        assert decide("resume", found, Wanted(epochs=wanted)).config["training"]["epochs"] == (wanted or configured)


def job(*names: str) -> TrainJob:
    return TrainJob(
        checkout="/c",
        workdir="/w",
        events="/e",
        result="/r",
        normalization={"x": 1.0},
        run_dir=str(FOLDER),
        learning_rates=dict.fromkeys(names, 1e-5),
    )


GROUP_CELLS = [  # (groups in the state, names in the run's job, rates asked for, codes)
    (3, (), None, []), (2, (), None, ["PTY520"]), (4, (), None, ["PTY520"]), (4, ("encoder",), None, []),
    (3, ("encoder",), None, ["PTY520"]), (5, ("encoder", "ph_decoder"), None, []),
    (4, ("encoder",), {"encoder": 1e-5}, []), (4, ("encoder",), {}, ["PTY520"]), (3, (), {"encoder": 1e-5}, ["PTY520"]),
    (4, ("encoder",), {"encoder": 2e-5}, ["PTY515"]), (4, ("encoder",), {"ph_decoder": 1e-5}, ["PTY515"]),
    (5, ("encoder", "ph_decoder"), {"encoder": 1e-5}, ["PTY520"]),
]  # fmt: skip


@pytest.mark.parametrize(("groups", "names", "asked", "codes"), GROUP_CELLS)
def test_rates_must_make_the_groups_of_the_state(
    groups: int, names: tuple[str, ...], asked: dict[str, float] | None, codes: list[str]
) -> None:
    found = replace(GOOD, state=state(groups=groups), job=job(*names))
    assert told("resume", found, Wanted(learning_rates=asked)) == codes


def test_norm_parameters_of_ptycho_fm_have_a_fourth_group() -> None:
    scaled = weights(name="checkpoint_model.pth")
    tensors = {("amp_scale" if name == "log_scale_amp" else name): value for name, value in scaled.tensors.items()}
    found = replace(GOOD, last=replace(scaled, tensors=tensors))
    assert told("resume", found) == ["PTY520"]
    assert told("resume", replace(found, state=state(groups=4))) == []


def pinned(*now: str | None) -> tuple[Input, ...]:
    return tuple(Input("dp", Path(f"/d/{k}_dp.hdf5"), "a" * 64, digest) for k, digest in enumerate(now))


DATA_CELLS = [
    (None, []), ((), []), (pinned("a" * 64), []), (pinned("b" * 64), ["PTY522"]), (pinned(None), ["PTY522"]),
    (pinned("a" * 64, None, "b" * 64), ["PTY522", "PTY522"]),
]  # fmt: skip


@pytest.mark.parametrize(("inputs", "codes"), DATA_CELLS)
def test_data_must_be_the_same_where_that_is_known(inputs: tuple[Input, ...] | None, codes: list[str]) -> None:
    found = replace(GOOD, inputs=inputs)
    assert told("resume", found) == codes
    assert told("infer", found) == told("finetune", found) == []
    if not codes:
        choices = {each.about: each.choice for each in decide("resume", found).decisions}
        assert choices["data"] == ("not proven the same" if inputs is None else "the same")


PREFIX_CELLS = [("resume", "last", ["PTY517"]), ("resume", "best", []), ("finetune", "best", []), ("infer", "best", [])]


@pytest.mark.parametrize(("intent", "file", "codes"), PREFIX_CELLS)
def test_a_prefix_stops_a_resume_only(intent: Intent, file: str, codes: list[str]) -> None:
    wrapped = weights(name=getattr(GOOD, file).path.name, prefixed=True)
    changed: dict[str, Any] = {file: wrapped}
    found = replace(GOOD, **changed)
    assert told(intent, found) == codes
    if intent != "resume":
        assert "prefix module." in {each.about for each in decide(intent, found).decisions}


CHOICE_CELLS = list(product(["finetune", "infer"], ["best", "last", "other"], CONDITIONS))


@pytest.mark.parametrize(("intent", "choice", "condition"), CHOICE_CELLS)
def test_the_weights_that_are_named_are_the_only_ones_that_count(intent: Intent, choice: Any, condition: Any) -> None:
    facts: dict[str, Any] = {
        "absent": Absent(Path("/x/other.pth")),
        "corrupt": corrupt("other.pth"),
        "mismatching": weights(24),
        "good": weights(name="named.pth"),
    }
    unreadable = run_in("corrupt", "corrupt", "corrupt", "good")
    named: dict[str, Any] = {choice: facts[condition]}
    found = replace(unreadable, **named)
    codes = {"absent": ["PTY516"], "corrupt": ["PTY002"], "mismatching": ["PTY518"], "good": []}[condition]
    assert told(intent, found, Wanted(checkpoint=choice)) == codes
    if not codes:
        assert decide(intent, found, Wanted(checkpoint=choice)).weights.path.name == "named.pth"


OVERRIDE_CELLS = [
    *((name, 1, []) for name in sorted(HARMLESS - {"data.pin_memory"} | {BATCH_SIZE})),
    ("training.mode", "supervised", []), ("training.mode", "diffraction", ["PTY515"]),
    ("training.profile", True, ["PTY515"]),
    ("training.loss_function", "l1", ["PTY515"]), ("training.learning_rate", 0.5, ["PTY515"]),
    ("data.scale", 7.0, ["PTY522"]), ("data.random_seed", 5, ["PTY522"]), ("data.train_split", 0.5, ["PTY522"]),
    ("model.encoder.dropout", 0.5, ["PTY515"]), ("model.encoder.depth", 9, ["PTY515", "PTY518"]),
    ("data.data_path", "/d", ["PTY515"]), ("trainer.run_num", 3, ["PTY515"]), ("training.epochs", 9, ["PTY515"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "codes"), OVERRIDE_CELLS)
def test_only_what_leaves_the_training_as_it_is_may_be_overridden(name: str, value: Any, codes: list[str]) -> None:
    booleans = {"data.persistent_workers", "data.use_cuda_prefetcher", "data.cache_object"}
    asked = True if name in booleans else value
    assert told("resume", GOOD, Wanted(overrides={name: asked})) == codes
    if not codes:
        section, key = name.split(".")
        restored = decide("resume", GOOD, Wanted(overrides={name: asked}))
        assert restored.config[section][key] == asked
        assert name in {each.about for each in restored.decisions}


def test_a_model_that_is_given_takes_the_place_of_a_config_that_is_absent() -> None:
    bare = replace(GOOD, config=Absent(FOLDER / "config.yaml"))
    assert told("finetune", bare, Wanted(model=model())) == []
    assert told("finetune", bare, Wanted(model=model(width=24))) == ["PTY518"]
    assert decide("finetune", GOOD, Wanted(model={**model(), "own": 1})).config["model"]["own"] == 1


def test_an_inference_needs_the_scale_of_the_training() -> None:
    unscaled = config()
    unscaled.content["data"]["scale"] = None
    assert told("infer", replace(GOOD, config=unscaled)) == ["PTY515"]


def test_an_inference_run_cannot_be_resumed() -> None:
    manifest = RunManifest(
        kind="ptychovit-infer", outcome="complete", started=datetime.now(UTC), seconds=0, versions={}
    )
    found = replace(run_in("absent", "absent", "absent", "absent"), manifest=manifest)
    assert told("resume", found) == ["PTY515"]


def test_the_number_of_cells_is_what_the_notes_say() -> None:
    lists: tuple[list[Any], ...] = (EPOCH_CELLS, GROUP_CELLS, DATA_CELLS, PREFIX_CELLS, CHOICE_CELLS, OVERRIDE_CELLS)
    assert len(CELLS) + sum(map(len, lists)) == 768 + 10 + 12 + 6 + 4 + 24 + 21
