"""Run directories in the layout of the flat generation, with tensors of zeros that take no room."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

torch = pytest.importorskip("torch", reason="only torch writes checkpoints")

PARTS = ("encoder", "amp_decoder", "ph_decoder")
SCALES = ("log_scale_amp", "log_scale_ph")
MODEL: dict[str, Any] = {
    "encoder": {"img_size": 256, "patch_size": 32, "embed_dim": 24, "depth": 3, "num_heads": 2, "mlp_ratio": 2.5},
    "decoder": {"base_channels": 5, "num_stages": 3, "use_batchnorm": True},
}
HISTORIES = ("training_loss", "train_amp_loss", "train_ph_loss", "validation_loss", "val_amp_loss", "val_ph_loss")


def zeros(*shape: int, dtype: Any = torch.float32) -> Any:
    """A tensor of one stored zero, however large."""
    return torch.zeros((), dtype=dtype).expand(shape)


def state_dict(model: Mapping[str, Any], *, linear: bool = False, scales: tuple[str, ...] = SCALES) -> dict[str, Any]:
    """The names and shapes that the flat checkout's model has for a complete section `model`."""
    decoder = dict(model["decoder"])
    decoder["latent_dim"] = decoder.get("latent_dim") or model["encoder"]["embed_dim"]
    tensors = {name: zeros() for name in scales} | _encoder(**model["encoder"])
    for part in PARTS[1:]:
        tensors |= {f"{part}.{name}": tensor for name, tensor in _decoder(linear=linear, **decoder).items()}
    return tensors


def _encoder(
    *,
    embed_dim: int,
    depth: int,
    patch_size: int = 16,
    img_size: int = 256,
    in_channels: int = 1,
    mlp_ratio: float = 4,
    use_cls_token: bool = False,
    **_: Any,
) -> dict[str, Any]:
    dim, tokens = embed_dim, (img_size // patch_size) ** 2 + use_cls_token
    tensors = {"encoder.cls_token": zeros(1, 1, dim)} if use_cls_token else {}
    tensors["encoder.pos_embed"] = zeros(1, tokens, dim)
    layers: dict[str, tuple[int, ...]] = {"patch_embed.proj": (dim, in_channels, patch_size, patch_size)}
    for block in range(depth):
        shapes = {
            "norm1": (dim,),
            "attn.qkv": (3 * dim, dim),
            "attn.proj": (dim, dim),
            "norm2": (dim,),
            "mlp.fc1": (int(dim * mlp_ratio), dim),
            "mlp.fc2": (dim, int(dim * mlp_ratio)),
        }
        layers |= {f"blocks.{block}.{name}": shape for name, shape in shapes.items()}
    for name, shape in (layers | {"norm": (dim,)}).items():
        tensors |= {f"encoder.{name}.weight": zeros(*shape), f"encoder.{name}.bias": zeros(shape[0])}
    return tensors


def _decoder(
    *, latent_dim: int, linear: bool, base_channels: int = 64, num_stages: int = 4, use_batchnorm: bool = True, **_: Any
) -> dict[str, Any]:
    """Two transposed convolutions in each stage, whose kernels begin with the channels that they take."""
    inner = [min(base_channels * 2**i, latent_dim) for i in range(num_stages - 1)]
    widths = [*reversed(inner), base_channels]
    tensors: dict[str, Any] = {}
    taken = latent_dim
    for stage, width in enumerate(widths):
        for layer, channels in enumerate((taken, width)):
            block = f"stages.{stage}.{layer}.block"
            tensors |= {f"{block}.0.weight": zeros(channels, width, 3, 3), f"{block}.0.bias": zeros(width)}
            if use_batchnorm:
                names = ("weight", "bias", "running_mean", "running_var")
                tensors |= {f"{block}.1.{name}": zeros(width) for name in names}
                tensors[f"{block}.1.num_batches_tracked"] = zeros(dtype=torch.int64)
        taken = width
    kernel = (1, base_channels) if linear else (1, base_channels, 1, 1)
    return tensors | {"output.weight": zeros(*kernel), "output.bias": zeros(1)}


def trained(tensors: Mapping[str, Any], part: str) -> list[Any]:
    """The tensors of a component that an optimizer trains."""
    buffers = ("running_mean", "running_var", "num_batches_tracked")
    return [t for name, t in tensors.items() if name.startswith(f"{part}.") and not name.endswith(buffers)]


def training_state(tensors: Mapping[str, Any], epochs: int = 3, number: Any = float) -> dict[str, Any]:
    """`checkpoint.state` after some epochs, its losses of one type of number; the scales are in no group."""
    groups: list[dict[str, Any]] = []
    moments: dict[int, dict[str, Any]] = {}
    for part in PARTS:
        first = len(moments)
        for tensor in trained(tensors, part):
            moments[len(moments)] = {"step": torch.tensor(4.0), "exp_avg": tensor, "exp_avg_sq": tensor}
        indices = list(range(first, len(moments)))
        groups.append({"lr": 1e-4, "betas": (0.9, 0.999), "foreach": None, "name": part, "params": indices})
    losses = [number(1 / (epoch + 1)) for epoch in range(epochs)]
    return {
        "current_epoch": epochs,
        "loss_tracker": {name: list(losses) for name in HISTORIES} | {"best_val_loss": min(losses, default=math.inf)},
        "optimizer_state_dict": {"state": moments, "param_groups": groups},
        "scheduler_state_dict": None,
        "wandb_run_id": None,
    }


def config(model: Mapping[str, Any]) -> dict[str, Any]:
    """A whole config.yaml around a section `model`."""
    return {
        "data": {"data_path": "d", "test_path": "t", "scale": 1e4, "train_split": 0.9, "random_seed": 8},
        "training": {
            "mode": "supervised",
            "batch_size": 4,
            "learning_rate": 1e-4,
            "epochs": 3,
            "loss_function": "mse",
            "validation_plot_freq": 1,
            "test_plot_freq": 1,
        },
        "model": model,
        "paths": {"model_save_path": "runs"},
        "wandb": {"enabled": False},
        "trainer": {"run_num": 0},
    }


def save(path: Path, value: Any) -> Path:
    torch.save(value, path)
    return path


def write_run(
    folder: Path, *, weights: Any = None, state: Any = None, model: Mapping[str, Any] = MODEL, only_best: bool = False
) -> Path:
    """A run directory: best and last model, state and config, any of them replaced."""
    tensors = state_dict(MODEL)
    save(folder / "best_model.pth", tensors if weights is None else weights)
    (folder / "config.yaml").write_text(yaml.safe_dump(config(model)))
    if not only_best:
        save(folder / "checkpoint_model.pth", tensors if weights is None else weights)
        save(folder / "checkpoint.state", training_state(tensors) if state is None else state)
    return folder
