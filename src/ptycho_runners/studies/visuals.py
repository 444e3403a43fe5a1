"""Pictures: one for each arm (amplitude, phase, differences, coverage), one comparing all with the truth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.atomic import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ptycho_adapters.evaluation.evaluate import Evaluation


# The one panel that shows masked pixels too.
_COVERAGE = "gray"


def available() -> bool:
    """Whether matplotlib is installed (extra `plots`)."""
    from importlib.util import find_spec  # noqa: PLC0415

    return find_spec("matplotlib") is not None


def draw_arm(path: Path, name: str, evaluation: Evaluation) -> None:
    """Amplitude and phase of one arm and of the truth, their differences, and what was covered."""
    recon, truth, valid = evaluation.recon, evaluation.truth, evaluation.valid
    amplitude = _limits(np.abs(truth), valid)
    phase = _limits(_phase(truth, truth, valid), valid)
    phases = _phase(truth, truth, valid), _phase(recon, truth, valid)
    difference = np.angle(recon * np.conj(truth))
    figure = _figure(4, 2)
    panels = [
        ("truth: amplitude", np.abs(truth), amplitude, "viridis"),
        (f"{name}: amplitude", np.abs(recon), amplitude, "viridis"),
        (
            "amplitude difference",
            np.abs(recon) - np.abs(truth),
            _symmetric(np.abs(recon) - np.abs(truth), valid),
            "RdBu",
        ),
        ("compared pixels (white)", valid.astype(float), (-0.3, 1.0), _COVERAGE),
        ("truth: phase, rad", phases[0], phase, "cividis"),
        (f"{name}: phase, rad", phases[1], phase, "cividis"),
        ("phase difference, rad", difference, _symmetric(difference, valid), "RdBu"),
    ]
    for position, (title, image, limits, colours) in enumerate(panels, start=1):
        shown = image if colours == _COVERAGE else np.where(valid, image, np.nan)
        _panel(figure, (2, 4, position), title, shown, limits, colours)
    _text(figure, (2, 4, 8), _numbers(evaluation.metrics))
    _save(figure, path)


def draw_comparison(path: Path, evaluations: Mapping[str, Evaluation]) -> None:
    """Amplitude above, phase below: the truth, then every arm, on the same colour scales."""
    first = next(iter(evaluations.values()))
    columns = {"truth": (first.truth, first.valid)} | {n: (e.recon, e.valid) for n, e in evaluations.items()}
    amplitude = _limits(np.abs(first.truth), first.valid)
    phase = _limits(_phase(first.truth, first.truth, first.valid), first.valid)
    figure = _figure(len(columns), 2)
    for column, (name, (field, valid)) in enumerate(columns.items(), start=1):
        images = (
            (np.abs(field), amplitude, "viridis"),
            (_phase(field, first.truth, first.valid), phase, "cividis"),
        )
        for row, ((image, limits, colours), what) in enumerate(zip(images, ("amplitude", "phase, rad"), strict=True)):
            position = row * len(columns) + column
            _panel(
                figure, (2, len(columns), position), f"{name}: {what}", np.where(valid, image, np.nan), limits, colours
            )
    _save(figure, path)


def _phase(field: NDArray[Any], truth: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Phase around the truth's mean direction, so that the branch cut lies far from the picture's values."""
    mean = np.angle(np.sum(truth[valid] / np.maximum(np.abs(truth[valid]), 1e-12)))
    turned: NDArray[np.float64] = np.angle(field * np.exp(-1j * mean)) + mean
    return turned


def _limits(image: NDArray[Any], valid: NDArray[np.bool_]) -> tuple[float, float]:
    low, high = np.percentile(image[valid], [1, 99])
    return float(low), float(high)


def _symmetric(image: NDArray[Any], valid: NDArray[np.bool_]) -> tuple[float, float]:
    bound = float(np.percentile(np.abs(image[valid]), 99)) or 1.0
    return -bound, bound


def _numbers(metrics: Mapping[str, Any]) -> str:
    lines = [f"{'':10} {'amplitude':>10} {'phase':>10}"]
    for name in ("pearson", "ssim", "ms_ssim", "psnr", "mae", "mse"):
        pair = metrics.get(name)
        if pair is not None:
            cells = ["–" if value is None else f"{value:.4g}" for value in pair]
            lines.append(f"{name:10} {cells[0]:>10} {cells[1]:>10}")
    return "\n".join(lines)


def _figure(columns: int, rows: int) -> Figure:
    from matplotlib.figure import Figure  # noqa: PLC0415 - no pyplot: no display, no global state

    return Figure(figsize=(3.6 * columns, 3.5 * rows), layout="constrained")


def _panel(
    figure: Figure,
    place: tuple[int, int, int],
    title: str,
    image: NDArray[Any],
    limits: tuple[float, float],
    colours: str,
) -> None:
    axes = figure.add_subplot(*place)
    axes.set_facecolor("0.85")
    drawn = axes.imshow(image, vmin=limits[0], vmax=limits[1], cmap=colours, interpolation="nearest")
    axes.set_title(title, fontsize=10)
    axes.set_xticks([])
    axes.set_yticks([])
    figure.colorbar(drawn, ax=axes, shrink=0.8)


def _text(figure: Figure, place: tuple[int, int, int], text: str) -> None:
    axes = figure.add_subplot(*place)
    axes.set_axis_off()
    axes.text(0, 0.95, text, family="monospace", fontsize=9, va="top", transform=axes.transAxes)


def _save(figure: Figure, path: Path) -> None:
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110)
