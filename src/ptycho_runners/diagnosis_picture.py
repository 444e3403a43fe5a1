"""The picture of a diagnosis: measured, predicted and their difference, for each of some readings."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ptycho_contracts.atomic import atomic_path

if TYPE_CHECKING:
    from ptycho_contracts.physics.diagnosis.side_by_side import SideBySide

SHOWN_PATTERNS = 2


@dataclass(frozen=True)
class Column:
    """What is drawn of one reading.

    Attributes:
        role: Why it is shown, such as `best`.
        name: What it says of the file.
        patterns: As it reads them.
    """

    role: str
    name: str
    patterns: SideBySide


def draw(path: Path, numbers: Sequence[int], columns: Sequence[Column]) -> None:
    """Write a PNG.

    Args:
        path: Where to; replaced.
        numbers: Of the patterns that are drawn, in the file.
        columns: One for each reading, of these patterns.

    Raises:
        ImportError: matplotlib is not installed (extra `plots`).
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - an extra
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=((2.2 * len(numbers) + 0.5) * len(columns), 7.4), layout="constrained")
    FigureCanvasAgg(figure)
    parts = figure.subfigures(1, len(columns), squeeze=False)[0]
    titles = [_title(column) for column in columns]
    for part, title, column in zip(parts, titles, columns, strict=True):
        # As many lines everywhere, so that the patterns stand beside each other.
        part.suptitle("\n".join(title + [""] * (max(map(len, titles)) - len(title))), fontsize=9)
        _rows(part, column.patterns, numbers)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png")


def _title(column: Column) -> list[str]:
    left = f"{column.patterns.residual.mean():.2%} of these patterns unexplained, noise included"
    return [f"{column.role}:", *textwrap.wrap(column.name, 48), left]


def _rows(part: Any, patterns: SideBySide, numbers: Sequence[int]) -> None:
    """Measured and predicted on one scale, their difference on its own; square roots of amplitudes, to see the weak."""
    axes = part.subplots(3, len(numbers), squeeze=False)
    for k, number in enumerate(numbers):
        axes[0, k].set_title(f"pattern {number}", fontsize=8)
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
