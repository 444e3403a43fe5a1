"""Ptychodus diffraction data (checked against Ptychodus 1.7.0, which opens what is written here): patterns alone.

Intensities, zero frequency at n/2, in the dtype of the source. `indexes` number the detector frames; a product's
`probe_position_indexes` name the same ones, and the two are joined by them. Frames with a negative number were never
assembled and are passed over, as Ptychodus does.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import xarray as xr

from ptycho_adapters.codec import Codec, ConversionError, Loaded, ReadOptions, Written
from ptycho_adapters.hdf5_stream import write_intensities
from ptycho_adapters.opened import load_checked
from ptycho_adapters.parameters import number
from ptycho_adapters.patterns import StoredIntensity
from ptycho_adapters.quantities import known_quantities, with_detector_pixel, with_object_pixel
from ptycho_adapters.scan import make_scan
from ptycho_contracts import engine_codes as codes
from ptycho_contracts.atomic import atomic_path
from ptycho_contracts.contracts.ptychodus_diffraction import CONTRACT
from ptycho_contracts.finding import finding
from ptycho_contracts.physics.stored import StoredPatterns
from ptycho_contracts.sources.base import Source

_CARRIED = {"patterns", "indexes", "bad_pixels"}


def read(path: Path, options: ReadOptions) -> Loaded:
    """A Scan of patterns with their frame numbers.

    Raises:
        ConversionError: the file breaks its contract.
    """
    return load_checked(path, CONTRACT, lambda sources: _load(sources["diffraction"], options))


def _load(source: Source, options: ReadOptions) -> Loaded:
    info = source.describe()
    patterns = StoredPatterns(source, "patterns", info.members["patterns"].shape)
    indexes = source.read("indexes").astype(np.int64)
    assembled = np.flatnonzero(indexes >= 0)
    pixel = info.members["patterns"].attributes
    stated: dict[str, float | None] = {
        "detector_pixel_size_y_m": number(pixel["detector_pixel_height_m"]),
        "detector_pixel_size_x_m": number(pixel["detector_pixel_width_m"]),
    }
    known = known_quantities(stated, options, "diffraction:/")
    bad = source.read("bad_pixels")
    scan = make_scan(
        StoredIntensity(patterns, assembled, "intensity"),
        None,
        None,
        None,
        with_object_pixel(known, patterns.frame_shape),
        frame_index=indexes[assembled],
        bad_pixels=bad if bad.any() else None,
    )
    dropped = [f"{name} (a Scan has no room for it)" for name in sorted(set(info.members) - _CARRIED)]
    return Loaded([scan], dropped, {}, [source])


def write(scan: xr.Dataset, folder: Path, name: str, progress: Callable[[int, int], None] | None = None) -> Written:
    """Stream the patterns, their frame numbers and the bad pixels.

    Raises:
        ConversionError: the detector's pixel size is not known, and does not follow from what is.
    """
    import h5py  # noqa: PLC0415

    target = targets(folder, name)["diffraction"]
    shape = (int(scan.sizes["detector_y"]), int(scan.sizes["detector_x"]))
    height, width = _detector_pixel_m(scan, shape, name)
    count = int(scan.sizes["scan"])
    with atomic_path(target) as temporary, h5py.File(temporary, "w") as file:
        write_intensities(file, "patterns", scan, progress)
        file["patterns"].attrs["detector_pixel_height_m"] = height
        file["patterns"].attrs["detector_pixel_width_m"] = width
        file["indexes"] = scan["frame_index"].values if "frame_index" in scan else np.arange(count)
        file["bad_pixels"] = scan["bad_pixels"].values if "bad_pixels" in scan else np.zeros(shape, np.bool_)
    return Written({"diffraction": target}, _not_carried(scan), {})


def _detector_pixel_m(scan: xr.Dataset, shape: tuple[int, int], name: str) -> tuple[float, float]:
    known = with_detector_pixel({str(key): value for key, value in scan.attrs.items()}, shape)
    if "detector_pixel_size_y_m" in known and "detector_pixel_size_x_m" in known:
        return float(known["detector_pixel_size_y_m"]), float(known["detector_pixel_size_x_m"])
    raise ConversionError(
        finding(
            codes.QUANTITY_MISSING,
            f"{CONTRACT.id}:/",
            f"{name} cannot be written: {CONTRACT.id} needs the detector's pixel size, which the source does not hold",
            expected="the detector's pixel size, or energy, distance and object pixel size, from which it follows",
            found="neither in the source",
            fix="`--energy-ev`, `--distance-m` and `--pixel-size-m` together give it.",
        )
    )


def _not_carried(scan: xr.Dataset) -> list[str]:
    held = [part for part in ("position_y", "probe", "object") if part in scan]
    names = {"position_y": "positions"}
    lost = [f"{names.get(part, part)} (the file holds patterns only; a ptychodus-product has them)" for part in held]
    kept = {"detector_pixel_size_y_m", "detector_pixel_size_x_m"}
    physical = [name for name in sorted(scan.attrs) if name.endswith(("_m", "_eV")) and name not in kept]
    return lost + [f"{name} (the format has no room for it)" for name in physical]


def targets(folder: Path, name: str) -> dict[str, Path]:
    """The file that `write` makes."""
    return {"diffraction": folder / f"{name}_diffraction.h5"}


CODEC = Codec(CONTRACT.id, read, write, targets, needs=frozenset({"patterns"}))
