import copy
import math
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

torch = pytest.importorskip("torch", reason="the reference checkout needs torch")

WritePair = Callable[..., Path]
ALWAYS = {"best_model.pth", "checkpoint_model.pth", "checkpoint.state", "config.yaml", "metrics.pickle"}
TRACKED = ("training_loss", "train_amp_loss", "train_ph_loss", "validation_loss", "val_amp_loss", "val_ph_loss")


def tiny_config() -> dict[str, Any]:
    return {
        "data": {
            "data_path": "pairs",
            "test_path": "test",
            "scale": 1e4,
            "normalization_dict_path": "pairs/normalization.pkl",
            "test_normalization": "test/normalization.pkl",
            "train_split": 0.5,
            "random_seed": 8,
            "validation_noise_seed": 0,
            "unknown_key": "tolerated",
        },
        "training": {
            "mode": "supervised",
            "batch_size": 2,
            "learning_rate": 1e-3,
            "encoder_lr": 5e-4,
            "epochs": 1,
            "loss_function": "smooth_l1",
            "validation_plot_freq": 0,
            "test_plot_freq": 0,
        },
        "model": {
            "encoder": {"patch_size": 32, "embed_dim": 16, "depth": 1, "num_heads": 2},
            "decoder": {"base_channels": 4, "num_stages": 5},
        },
        "paths": {"model_save_path": "runs"},
        "wandb": {"enabled": False},
        "trainer": {"run_num": 7},
    }


def run_main(checkout: SimpleNamespace, folder: Path, config: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    environment = dict(os.environ, CUDA_VISIBLE_DEVICES="", OMP_NUM_THREADS="1")
    command = [sys.executable, str(checkout.root / "main.py")]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def load(path: Path) -> Any:
    return torch.load(path, weights_only=True)


def test_main_trains_resumes_and_leaves_the_promised_files(
    checkout: SimpleNamespace, write_pair: WritePair, tmp_path: Path
) -> None:
    write_pair(tmp_path / "pairs")
    write_pair(tmp_path / "test", "other")
    config = tiny_config()
    first = run_main(checkout, tmp_path, config)
    assert first.returncode == 0, first.stderr
    assert "ormalization" not in first.stdout
    run_dir = tmp_path / "runs/run7"
    names = {path.name for path in run_dir.iterdir()}
    assert names - {"plot_epoch0.png", "test_epoch0.png"} == ALWAYS
    state = load(run_dir / "checkpoint.state")
    assert set(state) == {
        "current_epoch",
        "loss_tracker",
        "optimizer_state_dict",
        "scheduler_state_dict",
        "wandb_run_id",
    }
    assert state["current_epoch"] == 1
    assert state["scheduler_state_dict"] is None
    assert all(len(state["loss_tracker"][name]) == 1 for name in TRACKED)
    assert state["loss_tracker"]["best_val_loss"] == state["loss_tracker"]["validation_loss"][0]
    groups = state["optimizer_state_dict"]["param_groups"]
    assert [(group["name"], group["lr"]) for group in groups] == [
        ("encoder", 5e-4),
        ("amp_decoder", 1e-3),
        ("ph_decoder", 1e-3),
    ]
    assert pickle.loads((run_dir / "metrics.pickle").read_bytes()) == state["loss_tracker"]  # noqa: S301

    config["training"] |= {"epochs": 2, "resume_from_checkpoint": True, "learning_rate": 9.0}
    config["data"]["augment"] = {"items_per_epoch": 2, "photons": 1e5, "stock": 1}
    config["data"]["test_normalization"] = "test/absent.pkl"
    second = run_main(checkout, tmp_path, config)
    assert second.returncode == 0, second.stderr
    assert "Normalization file not found at test/absent.pkl" in second.stdout
    resumed = load(run_dir / "checkpoint.state")
    assert resumed["current_epoch"] == 2
    assert resumed["loss_tracker"]["training_loss"][0] == state["loss_tracker"]["training_loss"][0]
    assert resumed["optimizer_state_dict"]["param_groups"][1]["lr"] == 1e-3
    assert load(run_dir / "best_model.pth").keys() == load(run_dir / "checkpoint_model.pth").keys()


@pytest.fixture
def trainer(
    checkout: SimpleNamespace, write_pair: WritePair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """Function that builds a Trainer on the scene with changed training settings."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").touch()
    path = write_pair(tmp_path / "pairs")

    def build(model: dict[str, Any] | None = None, **training: Any) -> Any:
        config = copy.deepcopy(tiny_config())
        config["training"] |= training
        items = checkout.data.PtychographyDataset(
            path, scale=1e4, normalization_dict_path=path.parent / "normalization.pkl"
        )
        loader = torch.utils.data.DataLoader(items, batch_size=2)
        network = checkout.model.PtychoViT(model or config["model"])
        return checkout.training.Trainer(network, (loader, loader), items, config, tmp_path)

    return build


def test_checkpoint_files_are_written_once_at_the_end(
    trainer: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = trainer(epochs=2)
    seen = []
    validate = one.validate

    def watch(*arguments: Any) -> None:
        seen.append({path.name for path in tmp_path.iterdir()} & ALWAYS)
        validate(*arguments)

    monkeypatch.setattr(one, "validate", watch)
    monkeypatch.setattr(one, "_plot", lambda epoch: None)
    one.train()
    assert seen == [{"config.yaml"}, {"config.yaml", "best_model.pth"}]
    assert {path.name for path in tmp_path.iterdir()} >= ALWAYS
    assert not list(tmp_path.glob(".*"))


def test_best_model_changes_only_on_improvement(
    trainer: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = trainer()
    written = []
    for loss in (1.0, 1.5, 0.5):
        part = torch.tensor(loss)
        monkeypatch.setattr(one, "losses", lambda batch, part=part: (part, part, part))
        one.validate(one.optimizer, one.loss_tracker, 0)
        written.append((tmp_path / "best_model.pth").stat().st_ino)
    assert written[0] == written[1] != written[2]
    assert one.loss_tracker["validation_loss"] == [1.0, 1.5, 0.5]
    assert one.loss_tracker["best_val_loss"] == 0.5


def test_resume_is_strict(trainer: Callable[..., Any], tmp_path: Path) -> None:
    one = trainer()
    with pytest.raises(FileNotFoundError, match=r"Checkpoint not found at .*checkpoint_model\.pth"):
        one.resume()
    one.current_epoch = 1
    one.save_checkpoint()
    trainer().resume()
    deeper = tiny_config()["model"]
    deeper["encoder"]["depth"] = 2
    with pytest.raises(RuntimeError, match=r"Missing key"):
        trainer(model=deeper).resume()
    done = trainer(epochs=1)
    done.resume()
    with pytest.raises(ValueError, match="1 in total and 1 are done"):
        done.train()
    state = load(tmp_path / "checkpoint.state")
    state["optimizer_state_dict"]["param_groups"].pop()
    torch.save(state, tmp_path / "checkpoint.state")
    with pytest.raises(ValueError, match="different number of parameter groups"):
        trainer().resume()
    (tmp_path / "checkpoint.state").unlink()
    with pytest.raises(FileNotFoundError, match=r"checkpoint\.state"):
        trainer().resume()


def test_nan_loss_is_an_error(trainer: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    one = trainer()
    nan = torch.tensor(math.nan, requires_grad=True)
    monkeypatch.setattr(one, "losses", lambda batch: (nan * 1, nan, nan))
    with pytest.raises(FloatingPointError, match="training loss of epoch 0 is nan"):
        one.train_epoch(0)


def test_diffraction_mode_learns_from_the_pattern(trainer: Callable[..., Any]) -> None:
    one = trainer(mode="unsupervised", loss_function="l1")
    batch = next(iter(one.train_loader))
    total, _, _ = one.losses(batch)
    x, _, _, probe, _, norm, scale = batch
    predicted = one.model(x, torch.view_as_real(probe), norm, scale)[0]
    torch.testing.assert_close(total, (predicted - x).abs().mean())


def test_cosine_schedule_ends_near_zero_and_starts_at_the_rate(trainer: Callable[..., Any]) -> None:
    one = trainer(lr_schedule="cosine", epochs=4)
    rates = []
    for done in (0.0, 2.0, 4.0):
        one._set_learning_rate(done)
        rates.append(one.optimizer.param_groups[1]["lr"])
    assert rates == pytest.approx([1e-3, 5e-4, 0.0])


@pytest.mark.parametrize("name", ["smooth_l1", "mse", "l1", "poisson_nll", "weighted"])
def test_every_loss_is_smallest_at_the_truth(checkout: SimpleNamespace, name: str) -> None:
    truth = torch.linspace(0.5, 2.0, 16)
    weighted = {"loss_type": "mae", "threshold": 1.0, "alpha": 3.0}
    at_truth = checkout.losses.pointwise_loss(name, truth, truth, weighted).mean()
    for factor in (0.8, 1.25):
        assert checkout.losses.pointwise_loss(name, truth * factor, truth, weighted).mean() > at_truth


def test_unknown_loss_is_refused(checkout: SimpleNamespace) -> None:
    with pytest.raises(ValueError, match="expected smooth_l1"):
        checkout.losses.pointwise_loss("huber", torch.ones(1), torch.ones(1), {})


@pytest.mark.parametrize(
    ("section", "key"),
    [("data", "scale"), ("training", "loss_function"), ("paths", "model_save_path"), ("trainer", "run_num")],
)
def test_required_keys_are_named(checkout: SimpleNamespace, tmp_path: Path, section: str, key: str) -> None:
    config = tiny_config()
    del config[section][key]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(KeyError, match=f"{section}.{key} is missing"):
        checkout.settings.read_config(tmp_path / "config.yaml")


def test_a_tracker_is_refused(checkout: SimpleNamespace, tmp_path: Path) -> None:
    config = tiny_config()
    config["wandb"]["enabled"] = True
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(ValueError, match="no tracker"):
        checkout.settings.read_config(tmp_path / "config.yaml")


def test_a_number_that_yaml_reads_as_text_is_refused(checkout: SimpleNamespace) -> None:
    with pytest.raises(ValueError, match=r"write 1\.0e-4"):
        checkout.settings.number(yaml.safe_load("learning_rate: 1e-4"), "learning_rate")


def test_shipped_config_is_readable(checkout: SimpleNamespace) -> None:
    config = checkout.settings.read_config(checkout.root / "config.yaml")
    assert checkout.augment.augment_options(config["data"]["augment"]).fraction == 1.0
    checkout.model.PtychoViT(config["model"])


@pytest.mark.parametrize(
    "section", [{"fraction": 1.5}, {"photons": 0.0}, {"items_per_epoch": 0}, {"stock": 0}, {"typo": 1}]
)
def test_impossible_augmentation_is_refused(checkout: SimpleNamespace, section: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(section))):
        checkout.augment.augment_options(section)


def test_simulated_items_are_like_the_pairs_own(
    checkout: SimpleNamespace, write_pair: WritePair, tmp_path: Path
) -> None:
    path = write_pair(tmp_path)
    dataset = checkout.data.PtychographyDataset(
        path, scale=1e4, normalization_dict_path=tmp_path / "normalization.pkl", apply_noise=False
    )
    options = checkout.augment.AugmentOptions(photons=1e9, stock=1)
    simulated = checkout.augment.AugmentedDataset(dataset, [0, 1], options)
    assert len(simulated) == 2
    own, drawn = dataset[0], simulated[0]
    assert [(part.shape, part.dtype) for part in own] == [(part.shape, part.dtype) for part in drawn]
    x, amplitude, phase, probe, _, norm, scale = drawn
    explained = checkout.physics.detector_intensity((torch.polar(amplitude, phase) * probe[0])[None])
    energy = (explained.sum(), (x.square() * norm / scale).sum())
    torch.testing.assert_close(*energy, rtol=1e-3, atol=0.0)
    assert float(x.square().sum() / own[0].square().sum()) == pytest.approx(1.0, abs=0.5)
    stored = checkout.augment.AugmentedDataset(dataset, [3], checkout.augment.AugmentOptions(fraction=0.0))
    torch.testing.assert_close(stored[0], dataset[3])
    with pytest.raises(IndexError):
        simulated[2]
