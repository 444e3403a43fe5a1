"""Pictures of single items, where matplotlib is present."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path

import torch
from data import Item
from torch import nn

from utils.files import write_whole


@torch.no_grad()
def plot_item(model: nn.Module, item: Item, path: Path) -> None:
    """Draw the truth above the prediction: diffraction, amplitude, phase. Without matplotlib do nothing.

    Args:
        model: a PtychoViT.
        item: one item of the dataset.
        path: PNG file to write.

    """
    if importlib.util.find_spec("matplotlib") is None:
        return
    figure = importlib.import_module("matplotlib.figure").Figure(figsize=(9, 6), layout="constrained")
    model.eval()
    device = next(model.parameters()).device
    x, amplitude, phase, probe, _, norm, scale = (part[None].to(device) for part in item)
    predicted = model(x, torch.view_as_real(probe), norm, scale)
    axes = figure.subplots(2, 3)
    titles = ("diffraction, log(1+x)", "amplitude", "phase (rad)")
    rows = (("truth", (x, amplitude, phase)), ("prediction", predicted))
    for row, (name, images) in zip(axes, rows, strict=True):
        for axis, title, image in zip(row, titles, images, strict=True):
            shown = image[0, 0].float().cpu()
            axis.imshow(torch.log1p(shown.clamp_min(0)) if title.startswith("diffraction") else shown)
            axis.set_title(f"{title}: {name}", fontsize=8)
            axis.set_axis_off()
    write_whole(path, lambda temporary: figure.savefig(temporary, format="png", dpi=80))
