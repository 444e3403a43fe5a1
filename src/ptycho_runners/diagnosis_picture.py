"""The picture of a diagnosis: measured, predicted and their difference, for the best reading and the runner-up."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ptycho_contracts.atomic import atomic_path

if TYPE_CHECKING:
    from ptycho_contracts.physics.diagnosis.side_by_side import SideBySide

SHOWN_PATTERNS = 2


def draw(path: Path, best: tuple[str, SideBySide], second: tuple[str, SideBySide] | None = None) -> None:
    """Write a PNG.

    Args:
        path: Where to; replaced.
        best: Name and patterns of the best reading.
        second: Of the one that came nearest, if any other was tried.

    Raises:
        ImportError: matplotlib is not installed (extra `plots`).
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - an extra
    from matplotlib.figure import Figure  # noqa: PLC0415

    shown = [("best", *best), *([("runner-up", *second)] if second is not None else [])]
    count = min(SHOWN_PATTERNS, len(best[1].measured))
    figure = Figure(figsize=((2.2 * count + 0.5) * len(shown), 7.2), layout="constrained")
    FigureCanvasAgg(figure)
    parts = figure.subfigures(1, len(shown), squeeze=False)[0]
    for part, (role, name, patterns) in zip(parts, shown, strict=True):
        left = f"{patterns.residual[:count].mean():.2%} of these patterns unexplained, noise included"
        part.suptitle("\n".join([f"{role}:", *textwrap.wrap(name, 48), left]), fontsize=9)
        _rows(part, patterns, count)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png")


def _rows(part: Any, patterns: SideBySide, count: int) -> None:
    """Measured and predicted on one scale, their difference on its own; square roots of amplitudes, to see the weak."""
    axes = part.subplots(3, count, squeeze=False)
    for k in range(count):
        measured, predicted = patterns.measured[k], patterns.predicted[k]
        high = float(np.sqrt(max(measured.max(), predicted.max(), 1e-30)))
        difference = predicted - measured
        most = float(max(np.abs(difference).max(), 0.05 * measured.max(), 1e-30))
        pictures = (
            ("measured", np.sqrt(measured), {"cmap": "magma", "vmin": 0, "vmax": high}),
            ("predicted", np.sqrt(predicted), {"cmap": "magma", "vmin": 0, "vmax": high}),
            ("difference", difference, {"cmap": "RdBu_r", "vmin": -most, "vmax": most}),
        )
        for row, (label, image, style) in enumerate(pictures):
            axes[row, k].imshow(image, interpolation="nearest", **style)
            axes[row, k].set_xticks([])
            axes[row, k].set_yticks([])
            if k == 0:
                axes[row, k].set_ylabel(label, fontsize=8)
