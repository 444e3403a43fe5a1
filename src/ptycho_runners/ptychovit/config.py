"""The `config.yaml` of a training: every key that the flat checkout reads, none left to a default of its own."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import JsonValue

from ptycho_contracts.finding import finding
from ptycho_contracts.run_codes import BAD_OPTION
from ptycho_runners.errors import RunError
from ptycho_runners.ptychovit.request import TrainOptions

DECIDED_BY_THE_RUNNER = frozenset(
    {
        "data.data_path",
        "data.test_path",
        "data.normalization_dict_path",
        "data.test_normalization",
        "paths.model_save_path",
        "trainer.run_num",
        "training.resume_from_checkpoint",
        "wandb.enabled",
    }
)
"""Keys that no override may touch: they tie the config to the run directory and to the checks after the run."""

SHIPPED_SCALE = 1.0e4
"""`data.scale` of the config that the February checkout ships."""


@dataclass(frozen=True)
class ConfigPaths:
    """Where the training reads and writes; absolute, because the checkout resolves them in its own directory."""

    data_path: Path
    test_dp: Path
    normalization: Path
    test_normalization: Path
    runs_dir: Path
    run_number: int


def runtime_config(
    options: TrainOptions, paths: ConfigPaths, source: Mapping[str, Any], *, seed: int, cuda: bool
) -> dict[str, Any]:
    """The content of config.yaml.

    Args:
        options: what the user chose.
        paths: data, normalization files, and the run directory as parent and number.
        source: the config that section `model` is taken from, as it is, and `data.scale` where the user chose
            none: weights understand amplitudes of the scale that they were trained with.
        seed: of the split into training and validation, and of the samplers.
        cuda: whether a CUDA device may be used; pinned memory makes no sense, and warns, without one.
    """
    plots = options.plot_every or options.epochs
    return {
        "data": {
            "data_path": str(paths.data_path),
            "test_path": str(paths.test_dp),
            "normalization_dict_path": str(paths.normalization),
            "test_normalization": str(paths.test_normalization),
            "scale": float(options.scale or _scale_of(source)),
            "cache_object": True,
            "max_probe_modes": options.max_probe_modes,
            "train_split": float(options.train_split),
            "random_seed": seed,
            "sharding_strategy": "static",
            "num_workers": options.num_workers,
            "prefetch_factor": 2,
            "pin_memory": cuda,
            "persistent_workers": options.num_workers > 0,
            "use_cuda_prefetcher": True,
        },
        "training": {
            "mode": options.mode,
            "batch_size": options.batch_size,
            "learning_rate": float(options.learning_rate),
            "encoder_lr": float(options.encoder_lr or options.learning_rate),
            "amp_decoder_lr": float(options.amp_decoder_lr or options.learning_rate),
            "ph_decoder_lr": float(options.ph_decoder_lr or options.learning_rate),
            "epochs": options.epochs,
            "loss_function": options.loss_function,
            "validation_plot_freq": plots,
            "test_plot_freq": plots,
            "resume_from_checkpoint": False,
            "profile": False,
        },
        "model": deepcopy(dict(source["model"])),
        "paths": {"model_save_path": str(paths.runs_dir)},
        "wandb": {"enabled": False},
        "trainer": {"run_num": paths.run_number},
    }


def _scale_of(source: Mapping[str, Any]) -> float:
    data = source.get("data")
    scale = data.get("scale") if isinstance(data, dict) else None
    return float(scale) if isinstance(scale, int | float) and scale > 0 else SHIPPED_SCALE


def with_overrides(config: Mapping[str, Any], overrides: Mapping[str, JsonValue]) -> dict[str, Any]:
    """A copy of the config with keys set by dotted name; absent sections are made.

    Raises:
        RunError: BAD_OPTION for a key that the runner decides, for a section that it lies in, and for a name
            that leads through something that is not a section.
    """
    changed = deepcopy(dict(config))
    for name, value in overrides.items():
        if any(key == name or key.startswith(f"{name}.") for key in DECIDED_BY_THE_RUNNER):
            raise _refused(name, "is decided by the runner")
        *sections, last = name.split(".")
        place = changed
        for section in sections:
            place = place.setdefault(section, {})
            if not isinstance(place, dict):
                raise _refused(name, f"leads through {section!r}, which is no section")
        place[last] = value
    return changed


def planned_epochs(config: Mapping[str, Any]) -> int | None:
    """`training.epochs`, the total; None where the config does not say it as a number."""
    training = config.get("training")
    epochs = training.get("epochs") if isinstance(training, Mapping) else None
    return epochs if isinstance(epochs, int) else None


def to_yaml(config: Mapping[str, Any]) -> str:
    """The file's text; PyYAML writes a float with a point, so that PyYAML reads a float (`1e-4` is a string)."""
    return yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True, width=1000)


def _refused(name: str, why: str) -> RunError:
    return RunError(finding(BAD_OPTION, f"yaml:/{name.replace('.', '/')}", f"the override {name} {why}"))
