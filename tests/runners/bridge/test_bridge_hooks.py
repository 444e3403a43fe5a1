"""The bridge's hooks into a model, an optimizer and the generators of random numbers, on small modules."""

from __future__ import annotations

import copy
import json
import pickle
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptycho_runners.bridge import bridge

torch = pytest.importorskip("torch", reason="the bridge's hooks are for torch")
nn = torch.nn


class Encoder(nn.Module):  # type: ignore[misc, name-defined] # torch is Any here
    """Blocks of which two have names that begin alike, with batch normalization and dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.pos_embed = nn.Parameter(torch.zeros(3))
        self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)) for _ in range(11))
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: Any) -> Any:
        for block in self.blocks:
            x = x + block(x)
        return self.dropout(x + self.pos_embed)


class Model(nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.amp_decoder, self.ph_decoder = Encoder(), nn.Linear(3, 2), nn.Linear(3, 2)
        self.log_scale_amp = nn.Parameter(torch.zeros(()))

    def forward(self, x: Any) -> Any:
        features = self.encoder(x)
        return self.amp_decoder(features) * self.log_scale_amp.exp() + self.ph_decoder(features)


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[bridge.Session]:
    """A session whose generators follow the seed; numpy is put back afterwards."""
    job = {"seed": 7, "events": str(tmp_path / "events"), "learning_rates": {}, "hooks": {"seed_epochs": True}}
    made = bridge.Session(job)
    made.torch = torch
    monkeypatch.setattr(np.random, "default_rng", np.random.default_rng)
    bridge.seed_unseeded_generators(made)
    yield made
    torch.seed()


def events(session: bridge.Session) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(session.job["events"]).read_text().splitlines()]


def train(model: Any, steps: int = 3) -> None:
    """As a checkout does: everything into the optimizer, `model.train()`, and weight decay on top."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.5)
    model.train()
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.randn(8, 3)).square().mean().backward()
        optimizer.step()
    model.eval()
    model.train()


@pytest.mark.parametrize(
    "frozen",
    [
        ("encoder",),
        ("encoder.blocks.1", "encoder.pos_embed"),
        ("encoder.blocks",),
        ("log_scale_amp", "amp_decoder"),
        ("encoder.dropout",),
    ],
)
def test_what_is_frozen_stays_bit_by_bit_and_the_rest_moves(frozen: tuple[str, ...]) -> None:
    model = Model()
    before = copy.deepcopy(model.state_dict())
    bridge.freeze(model, frozen)
    train(model)
    for name, tensor in model.state_dict().items():
        still = any(name == part or name.startswith(part + ".") for part in frozen)
        assert torch.equal(tensor, before[name]) == still, name


def test_a_frozen_container_holds_its_children_in_evaluation() -> None:
    model = Model()
    bridge.freeze(model, ("encoder",))
    model.train()
    model.encoder.blocks[3].train()
    assert not any(module.training for module in model.encoder.modules())
    assert model.training
    assert model.amp_decoder.training
    assert model.encoder.train() is model.encoder
    copied = copy.deepcopy(model).train()
    assert not any(module.training for module in copied.encoder.modules())


@pytest.mark.parametrize("name", ["encoder.blocks.12", "enc", "encoder.", "", "encoder.pos"])
def test_a_name_that_fits_nothing_ends_the_job(name: str) -> None:
    with pytest.raises(bridge.JobError, match="there are amp_decoder, encoder, log_scale_amp, ph_decoder") as caught:
        bridge.freeze(Model(), ("amp_decoder", name))
    assert caught.value.reason == "unknown_part"


def test_nothing_is_left_to_train_when_all_is_frozen() -> None:
    with pytest.raises(bridge.JobError, match="nothing to train"):
        bridge.freeze(Model(), ("encoder", "amp_decoder", "ph_decoder", "log_scale_amp"))


def parts(model: Any) -> list[dict[str, Any]]:
    """The optimizer's groups as the flat generation makes them."""
    groups = [{"params": getattr(model, p).parameters(), "lr": 0.1, "name": p} for p in ("encoder", "amp_decoder")]
    return [*groups, {"params": [*model.ph_decoder.parameters()], "lr": 0.1, "weight_decay": 0.3, "name": "ph_decoder"}]


@pytest.fixture
def regrouping(session: bridge.Session, monkeypatch: pytest.MonkeyPatch) -> Model:
    """A model in a session whose optimizers are split by name."""
    session.model = Model()
    monkeypatch.setattr(torch.optim.Optimizer, "__init__", torch.optim.Optimizer.__init__)
    bridge.after(torch.optim.Optimizer, "__init__", lambda made, *_: bridge.on_optimizer_made(session, made))
    return session.model


def test_named_rates_get_groups_of_their_own_behind_the_checkouts(session: bridge.Session, regrouping: Model) -> None:
    session.job["learning_rates"] = {
        "encoder.blocks": 0.01,
        "encoder.blocks.1": 0.02,
        "ph_decoder": 0.03,
        "ph_decoder.bias": 0.04,
    }
    optimizer = torch.optim.Adam(parts(regrouping), betas=(0.8, 0.9))
    rates = [(g["name"], g["lr"], g["weight_decay"], g["betas"]) for g in optimizer.param_groups]
    assert rates == [
        ("encoder", 0.1, 0, (0.8, 0.9)),
        ("amp_decoder", 0.1, 0, (0.8, 0.9)),
        ("ph_decoder", 0.1, 0.3, (0.8, 0.9)),
        ("encoder.blocks", 0.01, 0, (0.8, 0.9)),
        ("encoder.blocks.1", 0.02, 0, (0.8, 0.9)),
        ("ph_decoder", 0.03, 0.3, (0.8, 0.9)),
        ("ph_decoder.bias", 0.04, 0.3, (0.8, 0.9)),
    ]
    names = {id(parameter): path for path, parameter in regrouping.named_parameters()}
    held = [[names[id(p)] for p in group["params"]] for group in optimizer.param_groups]
    assert held[0] == ["encoder.pos_embed"]
    assert held[2] == []
    assert held[3][:2] == ["encoder.blocks.0.0.weight", "encoder.blocks.0.0.bias"]
    assert held[4] == [f"encoder.blocks.1.{layer}.{kind}" for layer in "01" for kind in ("weight", "bias")]
    assert held[5:] == [["ph_decoder.weight"], ["ph_decoder.bias"]]
    regrouping(torch.randn(4, 3)).sum().backward()
    optimizer.step()
    resumed = torch.optim.Adam(parts(regrouping), betas=(0.8, 0.9))
    resumed.load_state_dict(optimizer.state_dict())
    bridge.check_rates(session, resumed)


def test_without_named_rates_the_groups_are_the_checkouts(session: bridge.Session, regrouping: Model) -> None:
    assert [len(g["params"]) for g in torch.optim.Adam(parts(regrouping)).param_groups] == [45, 2, 2]
    session.job["learning_rates"] = {"encoder": 0.5}
    foreign = torch.optim.SGD([nn.Parameter(torch.zeros(2))], lr=0.1)
    assert len(foreign.param_groups) == 1
    with pytest.raises(bridge.JobError, match="no group for the rates of encoder"):
        bridge.check_rates(session, foreign)


@pytest.mark.parametrize(
    ("name", "message"), [("encodr", "parameter of the model"), ("log_scale_amp", "parameter of the optimizer")]
)
def test_a_rate_for_nothing_ends_the_job(session: bridge.Session, regrouping: Model, name: str, message: str) -> None:
    session.job["learning_rates"] = {name: 0.5}
    with pytest.raises(bridge.JobError, match=f"no {message} fits {name}") as caught:
        torch.optim.Adam(parts(regrouping))
    assert caught.value.reason == "unknown_part"


def test_weights_of_a_wrapped_model_lose_their_prefix(session: bridge.Session, tmp_path: Path) -> None:
    model, other = Model(), Model()
    torch.save({f"module.{name}": tensor for name, tensor in model.state_dict().items()}, tmp_path / "w.pth")
    bridge.on_model_built(session, other, str(tmp_path / "w.pth"), ("encoder", "log_scale_amp"))
    assert all(torch.equal(tensor, model.state_dict()[name]) for name, tensor in other.state_dict().items())
    built = events(session)[-1]
    assert (built["stripped_prefix"], built["parameters"]) == (True, 16)
    assert built["frozen"] + 16 == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.pop("log_scale_amp"), r"1 missing \(log_scale_amp\)"),
        (lambda w: w.update(extra=torch.zeros(1)), r"1 unknown \(extra\)"),
        (lambda w: w.update({"module.a": 0}), r"1 unknown \(module.a\)"),
        (
            lambda w: w.update({"amp_decoder.weight": torch.zeros(2, 4)}),
            r"1 of another shape \(amp_decoder.weight \(2, 4\) instead of \(2, 3\)\)",
        ),
        (lambda w: w.clear(), r"83 missing \(log_scale_amp, encoder.pos_embed, encoder\S*, …\)$"),
    ],
)
def test_weights_that_do_not_fit_are_told_by_name_and_shape(tmp_path: Path, change: Any, message: str) -> None:
    weights = dict(Model().state_dict())
    change(weights)
    torch.save(weights, tmp_path / "w.pth")
    with pytest.raises(bridge.JobError, match=message) as caught:
        bridge.load_strictly(torch, Model(), str(tmp_path / "w.pth"))
    assert caught.value.reason == "weights_mismatch"


@pytest.mark.parametrize("content", [b"", b"no zip", pickle.dumps({"a": 1})])
def test_a_file_that_holds_no_weights_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(bridge.JobError, match=r"w\.pth"):
        bridge.load_strictly(torch, Model(), str(tmp_path / "w.pth"))


class Noisy(torch.utils.data.Dataset):  # type: ignore[misc, name-defined]
    """Items of pure noise, from one of the sources that a checkout may use."""

    def __init__(self, source: str) -> None:
        self.source, self.kept = source, np.random.default_rng()
        self.own = np.random.Generator(np.random.PCG64(1))

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> tuple[Any]:
        drawn = {
            "legacy": lambda: np.random.poisson(50.0, 8),  # noqa: NPY002
            "per item": lambda: np.random.default_rng().poisson(50.0, 8),
            "kept": lambda: self.kept.poisson(50.0, 8),
            "torch": lambda: torch.randn(8).numpy(),
            "python": lambda: np.array([random.random()]),
            "own": lambda: self.own.normal(size=8),
            "none": lambda: np.arange(8),
        }[self.source]()
        return (torch.from_numpy(np.asarray(drawn, dtype=np.float64)),)


def noise(loader: Any) -> list[list[float]]:
    return [batch.tolist() for (batch,) in loader]


FOLLOWING = ("legacy", "per item", "kept", "torch", "python")


@pytest.mark.parametrize("source", FOLLOWING)
def test_noise_follows_the_seed_of_its_epoch(session: bridge.Session, source: str) -> None:
    loader = torch.utils.data.DataLoader(Noisy(source), 2, shuffle=True)
    epochs = []
    for epoch in (0, 1, 1):
        noise(loader)  # whatever was drawn before
        bridge.seed(session, bridge.derived_seed(session, "epoch", epoch))
        epochs.append(noise(loader))
    assert epochs[0] != epochs[1] == epochs[2]


@pytest.mark.parametrize("source", FOLLOWING)
def test_a_seeded_block_repeats_itself_and_leaves_the_generators_as_they_were(
    session: bridge.Session, source: str
) -> None:
    loader = torch.utils.data.DataLoader(Noisy(source), 2)
    bridge.seed(session, 3)
    plain = [noise(loader), noise(loader)]
    bridge.seed(session, 3)
    seen = []
    for expected in plain:
        with bridge.seeded(session, 9):
            seen.append(noise(loader))
        assert noise(loader) == expected
    assert seen[0] == seen[1] != plain[0]


@pytest.mark.parametrize(("source", "seeded"), [*((s, True) for s in FOLLOWING), ("none", True), ("own", False)])
def test_it_is_measured_whether_the_noise_follows(session: bridge.Session, source: str, seeded: bool) -> None:
    bridge.measure_seeding(session, torch.utils.data.DataLoader(Noisy(source), 2), 9)
    assert events(session)[-1]["seeded"] is seeded


@pytest.mark.parametrize("loader", [None, [], [1]])
def test_a_measurement_that_fails_is_told_and_ends_nothing(session: bridge.Session, loader: Any) -> None:
    bridge.measure_seeding(session, loader, 9)
    assert events(session)[-1]["seeded"] is None
    assert "could not be measured" in events(session)[-1]["message"]


def test_seeds_differ_by_purpose_epoch_and_process(session: bridge.Session) -> None:
    seeds = [bridge.derived_seed(session, *purpose) for purpose in (("epoch", 0), ("epoch", 1), ("validation",))]
    session.rank = 1
    seeds.append(bridge.derived_seed(session, "validation"))
    assert len(set(seeds)) == 4
    assert all(0 <= value < 2**32 for value in seeds)


def test_only_the_first_process_of_a_distributed_training_speaks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RANK", "1")
    silent = bridge.Session({"events": str(tmp_path / "events")})
    silent.emit("warning", message="not said")
    assert not (tmp_path / "events").exists()


def test_generators_that_are_not_held_are_forgotten(session: bridge.Session) -> None:
    kept = np.random.default_rng()
    for _ in range(100):
        np.random.default_rng().random()
    assert list(session.generators.values()) == [kept]
    assert isinstance(kept, np.random.Generator)
    assert np.random.default_rng(3).random() == np.random.default_rng(3).random()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), "out_of_memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), "out_of_memory"),
        (MemoryError(), "out_of_memory"),
        (FloatingPointError("the training loss of epoch 3 is nan"), "loss_not_finite"),
        (ValueError("memory"), "checkout_failed"),
    ],
)
def test_an_exception_has_the_word_of_its_cause(error: Exception, reason: str) -> None:
    assert bridge.reason_of(error) == reason
