"""Make the weights that are shipped: `python train_weights.py` writes into `weights/`.

Every batch is simulated: random-line objects, probes of a jittered zone-plate family and Poisson noise of a
random dose. The random streams are spawned from a root seed above 2⁶⁴, while simulated files have seeds
below 2³²: the entropy differs, so no object of a simulated file can be among those trained on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from model.model import DECODER_DEFAULTS, ENCODER_DEFAULTS, WINDOW, N, PtychoViT
from model.physics import detector_intensity
from torch import Tensor
from utils.lines import DEFAULT_PROBE, LineWorld, zone_plate
from utils.losses import illumination_weight

ROOT_SEED = 2**64 + 20261123
VALIDATION_ITEMS = 48
Batch = tuple[Tensor, Tensor, Tensor]


def simulate(world: LineWorld, size: int, photons: tuple[float, float]) -> Batch:
    """Draw patterns.

    Args:
        world: stock of objects and probes.
        size: number of patterns.
        photons: least and greatest mean count per pattern; drawn log-uniformly.

    Returns:
        diffraction amplitude (B, 1, N, N) in the unit of the forward model, probe (B, 1, N, N), object
        patch (B, 1, N, N).
    """
    patches, probes = zip(*(world.draw() for _ in range(size)), strict=True)
    patch, probe = torch.stack(patches)[:, None], torch.stack(probes)
    intensity = detector_intensity(patch * probe)
    wanted = np.exp(world.rng.uniform(*np.log(photons), size))
    dose = torch.from_numpy(wanted).float()[:, None, None, None] / intensity.sum((-2, -1), keepdim=True)
    counts = world.rng.poisson((intensity * dose).numpy())
    return (torch.from_numpy(counts.astype(np.float32)) / dose).sqrt(), probe, patch


def supervised_loss(model: PtychoViT, batch: Batch) -> Tensor:
    """Illumination-weighted squared error of amplitude and phase inside the window."""
    amplitude, probe, patch = batch
    with torch.autocast("cpu", torch.bfloat16):
        modulus, phase = model.reconstruct(amplitude, probe)
    weight, truth = window(illumination_weight(probe)), window(patch)
    error = (modulus - truth.abs()).square() + (phase - truth.angle()).square()
    return (weight * error).mean() * (WINDOW / N) ** 2


def window(image: Tensor) -> Tensor:
    """The central part of an image (…, N, N) that the model reconstructs."""
    edge = (N - WINDOW) // 2
    return image[..., edge : edge + WINDOW, edge : edge + WINDOW]


@torch.no_grad()
def correlation(model: PtychoViT, batch: Batch) -> tuple[float, float]:
    """Pearson correlation over the central 64 px of all items, amplitude and phase."""
    amplitude, probe, patch = batch
    model.eval()
    modulus, phase = model.reconstruct(amplitude, probe)
    model.train()
    core = (..., slice(32, 96), slice(32, 96))
    pairs = ((modulus, window(patch).abs()), (phase, window(patch).angle()))
    figures = [np.corrcoef(a[core].ravel().numpy(), b[core].ravel().numpy())[0, 1] for a, b in pairs]
    return float(figures[0]), float(figures[1])


def train(steps: int, batch_size: int, learning_rate: float) -> tuple[PtychoViT, list[dict[str, Any]]]:
    """Train from scratch.

    Args:
        steps: number of batches.
        batch_size: patterns per batch.
        learning_rate: greatest rate of the one-cycle schedule.

    Returns:
        the model and its history (one entry per 100 steps).

    Raises:
        FloatingPointError: when the loss is not finite.
    """
    training, validation = np.random.SeedSequence(ROOT_SEED).spawn(2)
    torch.manual_seed(ROOT_SEED % 2**63)
    model = PtychoViT({}).to(memory_format=torch.channels_last)
    world = LineWorld(np.random.default_rng(training))
    held_out = LineWorld(np.random.default_rng(validation), [zone_plate(N, DEFAULT_PROBE)[None]], stock=6)
    reference = simulate(held_out, VALIDATION_ITEMS, (1e6, 1e6))
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, learning_rate, total_steps=steps, pct_start=0.1, final_div_factor=1e3
    )
    history: list[dict[str, Any]] = []
    losses: list[float] = []
    started = time.monotonic()
    for step in range(1, steps + 1):
        world.renew()
        loss = supervised_loss(model, simulate(world, batch_size, (2e5, 5e6)))
        if not torch.isfinite(loss):
            raise FloatingPointError(f"the loss is not finite at step {step}")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        if step % 100 == 0 or step == steps:
            figures = [round(figure, 4) for figure in correlation(model, reference)]
            history.append({"step": step, "loss": round(float(np.mean(losses)), 5), "correlation": figures})
            losses.clear()
            print(f"{time.monotonic() - started:7.0f} s", history[-1], flush=True)
    return model, history


def publish(path: Path, content: bytes) -> str:
    """Write a file whole or not at all; return its sha256."""
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
    return hashlib.sha256(content).hexdigest()


def main() -> None:
    """Train and write `best_model.pth`, `config.yaml` and `manifest.json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--steps", type=int, default=1400)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "weights")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    started = time.monotonic()
    model, history = train(options.steps, options.batch_size, options.learning_rate)
    options.out.mkdir(parents=True, exist_ok=True)
    temporary = options.out / ".state.tmp"
    torch.save({key: value.contiguous() for key, value in model.state_dict().items()}, temporary)
    digest = publish(options.out / "best_model.pth", temporary.read_bytes())
    temporary.unlink()
    config = {
        # Whoever infers divides by the pair's own maximum; the scale matters only to the noise of a training.
        "data": {"scale": 1.0e4, "max_probe_modes": 8},
        "model": {"encoder_type": "custom", "encoder": ENCODER_DEFAULTS, "decoder": DECODER_DEFAULTS},
    }
    publish(options.out / "config.yaml", yaml.safe_dump(config, sort_keys=False).encode())
    manifest = {
        "command": f"python train_weights.py --steps {options.steps} --batch-size {options.batch_size} "
        f"--learning-rate {options.learning_rate:g} --threads {options.threads}",
        "root_seed": ROOT_SEED,
        "steps": options.steps,
        "patterns": options.steps * options.batch_size,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "seconds": round(time.monotonic() - started),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
        "validation": {
            "what": f"Pearson correlation over the central 64 px of {VALIDATION_ITEMS} held-out patterns of the "
            "default probe at 1e6 photons: amplitude, phase",
            "correlation": history[-1]["correlation"],
        },
        "history": history,
        "sha256": {"best_model.pth": digest},
    }
    publish(options.out / "manifest.json", (json.dumps(manifest, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
