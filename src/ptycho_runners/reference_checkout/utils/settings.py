"""Reading `config.yaml`: required keys, numbers that are numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

REQUIRED = {
    "data": ("data_path", "test_path", "scale", "train_split", "random_seed"),
    "training": (
        "mode",
        "batch_size",
        "learning_rate",
        "epochs",
        "loss_function",
        "validation_plot_freq",
        "test_plot_freq",
    ),
    "paths": ("model_save_path",),
    "wandb": ("enabled",),
    "trainer": ("run_num",),
}


def read_config(path: Path) -> dict[str, Any]:
    """Read a configuration; unknown keys are left alone.

    Args:
        path: config.yaml.

    Returns:
        the sections by name; ``model`` is empty when absent.

    Raises:
        FileNotFoundError: when the file is absent.
        KeyError: naming the first required section or key that is absent.
        ValueError: when a tracker is asked for, for the reference checkout has none.

    """
    config = yaml.safe_load(path.read_text()) or {}
    for section, keys in REQUIRED.items():
        for key in keys:
            if key not in (config.get(section) or {}):
                raise KeyError(f"{section}.{key} is missing in {path}")
    if config["wandb"]["enabled"]:
        raise ValueError("wandb.enabled is true, but the reference checkout has no tracker: set it to false")
    config["model"] = config.get("model") or {}
    return config


def number(section: dict[str, Any], key: str, default: float | None = None) -> float:
    """A number of a section.

    Args:
        section: part of the configuration.
        key: its key.
        default: returned when the key is absent or null.

    Returns:
        the value.

    Raises:
        KeyError: when it is absent without a default.
        ValueError: when it is no number. PyYAML reads ``1e-4`` and ``1.0e4`` as text:
            it wants a point and a sign.

    """
    value = section[key] if default is None else section.get(key)
    if value is None and default is not None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{key} is {value!r}, not a number; write 1.0e-4 or 1.0e+4 in YAML")
    return float(value)
