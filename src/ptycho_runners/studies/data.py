"""The data of a study: simulated once, or the files that are named; and the truth to compare with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ptycho_contracts import engine_codes as codes
from ptycho_contracts.contracts.study import SimulatedGridLines, Study
from ptycho_contracts.finding import finding
from ptycho_contracts.run_codes import BAD_OPTION
from ptycho_runners.errors import RunError
from ptycho_runners.studies.layout import Layout

if TYPE_CHECKING:
    from ptycho_adapters.evaluation.harmonize import Region
    from ptycho_adapters.simulate.grid_lines import GridLinesSettings


@dataclass(frozen=True)
class Regions:
    """What the test scan lets us judge, the same for every arm.

    Attributes:
        lit: The patch centres' bounding box grown by the light around them; some pixels may stay uncovered.
        core: The bounding box itself, for a profile that knows no mask.
    """

    lit: Region
    core: Region


@dataclass(frozen=True)
class Files:
    """The splits of a study; `simulated` where it makes them itself."""

    train: Path | None
    test: Path
    simulated: bool


def files_of(study: Study, base: Path, layout: Layout) -> Files:
    """Where the splits lie, or will lie once simulated."""
    if study.data.simulate is not None:
        folder = layout.datasets / f"N{study.data.simulate.n}" / "gs1"
        return Files(folder / "train.npz", folder / "test.npz", simulated=True)
    train = base / study.data.train if study.data.train else None
    assert study.data.test is not None  # the contract demands it where nothing is simulated
    return Files(train, base / study.data.test, simulated=False)


def check_files(files: Files) -> None:
    """Refuse files that do not exist.

    Raises:
        RunError: naming each.
    """
    named = [p for p in (files.train, files.test) if p is not None]
    missing = [p for p in named if not files.simulated and not p.is_file()]
    if missing:
        raise RunError(*(finding(codes.FILE_ABSENT, "yaml:/data", f"{p} does not exist") for p in missing))


def provide(study: Study, files: Files) -> None:
    """Simulate the splits where the study asks for it and they are not there yet."""
    if study.data.simulate is None or (files.train is not None and files.train.is_file() and files.test.is_file()):
        return
    from ptycho_adapters.simulate.grid_lines import write_grid_lines  # noqa: PLC0415

    write_grid_lines(files.test.parent, settings_of(study.data.simulate))


def settings_of(asked: SimulatedGridLines) -> GridLinesSettings:
    """The simulator's settings.

    Raises:
        RunError: they leave no room for a scan.
    """
    from ptycho_adapters.simulate.grid_lines import GridLinesSettings  # noqa: PLC0415

    try:
        return GridLinesSettings(
            N=asked.n,
            size=asked.object_size_px,
            step_px=asked.step_px,
            n_train_objects=asked.train_objects,
            photons=asked.photons,
            seed=asked.seed,
        )
    except ValueError as error:
        raise RunError(finding(BAD_OPTION, "yaml:/data/simulate", str(error))) from error


def write_truth(study: Study, files: Files, layout: Layout) -> Regions:
    """Write the ground truth as `recons/gt/recon.npz`; returns the regions that the test scan makes comparable.

    Raises:
        RunError: the test file has no object, or not the one that the study names.
        ConversionError: its order cannot be established.
    """
    from ptycho_adapters.codec import ReadOptions  # noqa: PLC0415
    from ptycho_adapters.evaluation.harmonize import lit_half_width_px, region_of_scan  # noqa: PLC0415
    from ptycho_adapters.io import read  # noqa: PLC0415
    from ptycho_adapters.recon import truth_recon, write_recon  # noqa: PLC0415
    from ptycho_adapters.scan import centres_px  # noqa: PLC0415

    with read(files.test, ReadOptions(order=study.data.order)) as loaded:
        index = study.data.test_object
        if index >= len(loaded.scans) or "object" not in loaded.scans[index]:
            message = f"{files.test.name} holds no object {index} to compare with"
            raise RunError(finding(BAD_OPTION, "yaml:/data/test_object", message))
        scan = loaded.scans[index]
        truth = truth_recon(scan).field
        write_recon(layout.truth, truth, np.ones(truth.shape, np.float32), (0.0, 0.0), 1.0)
        place = (centres_px(scan), int(scan.sizes["detector_y"]), (truth.shape[0], truth.shape[1]))
        lit = lit_half_width_px(scan["probe"].values) if "probe" in scan else None
        return Regions(region_of_scan(*place, lit), region_of_scan(*place, 0.0))
