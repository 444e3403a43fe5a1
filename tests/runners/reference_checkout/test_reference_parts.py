"""What a training is made of: learning rates, losses, settings, augmentation."""

import ast
import math
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

torch = pytest.importorskip("torch", reason="the reference checkout needs torch")

WritePair = Callable[..., Path]


def test_the_checkout_needs_nothing_of_ours(checkout: SimpleNamespace) -> None:
    """Its own interpreter runs it, where our packages need not be installed."""
    imported = set()
    for path in checkout.root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").split(".")[0])
    own = {path.stem for path in checkout.root.iterdir()}
    assert imported - own - sys.stdlib_module_names == {"h5py", "numpy", "torch", "yaml"}


def test_cosine_follows_from_the_epoch_alone(checkout: SimpleNamespace) -> None:
    """Half a cosine over all epochs, whatever was set before; a repeated call changes nothing."""
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.Adam([{"params": [parameter], "lr": 1e-3}])
    factors = []
    for epoch in (0, 1, 3, 2, 2):
        checkout.optimizer.set_learning_rates(optimizer, "cosine", epoch, 4)
        factors.append(optimizer.param_groups[0]["lr"] / 1e-3)
    assert factors == pytest.approx([(1 + math.cos(math.pi * (epoch + 0.5) / 4)) / 2 for epoch in (0, 1, 3, 2, 2)])
    checkout.optimizer.set_learning_rates(optimizer, "constant", 2, 4)
    assert optimizer.param_groups[0]["lr"] == 1e-3
    with pytest.raises(ValueError, match="lr_schedule 'step'"):
        checkout.optimizer.set_learning_rates(optimizer, "step", 0, 4)


@pytest.mark.parametrize("name", ["smooth_l1", "mse", "l1", "poisson_nll", "weighted"])
def test_every_loss_is_smallest_at_the_truth(checkout: SimpleNamespace, name: str) -> None:
    truth = torch.linspace(0.5, 2.0, 16)
    criterion = checkout.losses.PixelLoss(name, {"loss_type": "mae", "threshold": 1.0, "alpha": 3.0})
    at_truth = criterion(truth, truth)
    assert at_truth.shape == truth.shape
    for factor in (0.8, 1.25):
        assert criterion(truth * factor, truth).mean() > at_truth.mean()


def test_weighted_loss_counts_bright_pixels_more(checkout: SimpleNamespace) -> None:
    truth = torch.tensor([0.5, 2.0])
    criterion = checkout.losses.PixelLoss("weighted", {"loss_type": "mae", "threshold": 1.0, "alpha": 3.0})
    assert criterion(truth + 1, truth).tolist() == [1.0, 3.0]
    # The section is for this loss alone.
    assert checkout.losses.PixelLoss("l1", {"alpha": 3.0})(truth + 1, truth).tolist() == [1.0, 1.0]


def test_unknown_loss_is_refused(checkout: SimpleNamespace) -> None:
    with pytest.raises(ValueError, match="expected smooth_l1"):
        checkout.losses.PixelLoss("huber")
    with pytest.raises(ValueError, match="must be mse or mae"):
        checkout.losses.PixelLoss("weighted", {"loss_type": "huber"})


@pytest.mark.parametrize(
    ("section", "key"),
    [("data", "scale"), ("training", "loss_function"), ("paths", "model_save_path"), ("trainer", "run_num")],
)
def test_required_keys_are_named(
    checkout: SimpleNamespace, tmp_path: Path, section: str, key: str, config: dict[str, Any]
) -> None:
    del config[section][key]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(KeyError, match=f"{section}.{key} is missing"):
        checkout.settings.read_config(tmp_path / "config.yaml")


def test_a_tracker_is_refused(checkout: SimpleNamespace, tmp_path: Path, config: dict[str, Any]) -> None:
    config["wandb"]["enabled"] = True
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(ValueError, match="no tracker"):
        checkout.settings.read_config(tmp_path / "config.yaml")


@pytest.mark.parametrize("spelling", ["1e-4", "1.0e4"])
def test_a_number_that_yaml_reads_as_text_is_refused(checkout: SimpleNamespace, spelling: str) -> None:
    with pytest.raises(ValueError, match=r"write 1\.0e-4 or 1\.0e\+4"):
        checkout.settings.number(yaml.safe_load(f"learning_rate: {spelling}"), "learning_rate")
    assert checkout.settings.number(yaml.safe_load("learning_rate: 1.0e+4"), "learning_rate") == 1e4


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
    dataset = checkout.data.CombinedDataset(
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
