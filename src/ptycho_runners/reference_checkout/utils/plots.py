"""Pictures of single items, where matplotlib is present."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path

import torch
from data import Item
from torch import nn

from utils.files import write_whole


def is_due(epoch: int, frequency: float) -> bool:
    """Whether an epoch's picture is drawn: always the first, then every so many epochs; 0 for no more."""
    return epoch == 0 or (int(frequency) > 0 and epoch % int(frequency) == 0)


@torch.no_grad()
def plot_item(model: nn.Module, item: Item, path: Path, title: str) -> None:
    """Draw the truth above the prediction: diffraction, amplitude, phase. Without matplotlib do nothing.

    Args:
        model: a PtychoViT.
        item: one item of the dataset.
        path: PNG file to write.
        title: above everything.

    """
    if importlib.util.find_spec("matplotlib") is None:
        return
    figure = importlib.import_module("matplotlib.figure").Figure(figsize=(9, 6), layout="constrained")
    figure.suptitle(title)
    model.eval()
    device = next(model.parameters()).device
    x, amplitude, phase, probe, _, norm, scale = (part[None].to(device) for part in item)
    predicted = model(x, torch.view_as_real(probe), norm, scale)
    axes = figure.subplots(2, 3)
    quantities = ("diffraction, log(1+x)", "amplitude", "phase (rad)")
    rows = (("truth", (x, amplitude, phase)), ("prediction", predicted))
    for row, (name, images) in zip(axes, rows, strict=True):
        for axis, quantity, image in zip(row, quantities, images, strict=True):
            shown = image[0, 0].float().cpu()
            shown = torch.log1p(shown.clamp_min(0)) if quantity.startswith("diffraction") else shown
            axis.imshow(shown.numpy())
            axis.set_title(f"{quantity}: {name}", fontsize=8)
            axis.set_axis_off()
    write_whole(path, lambda temporary: figure.savefig(temporary, format="png", dpi=80))
