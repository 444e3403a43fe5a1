"""PtychoViT pair (checked against the flat generation of February 2026): intensities, metres, un-normalised FFT.

Frame written: `ptychovit` (`physics.frames`), named in an attribute of ours. `object@center_x_m/center_y_m` are
such that Ptychodus ≥ 1.6, which adds them, lands on the same pixels; pty-chi, which ignores them, is then 1 px
off for even sizes. Where the pixel size is unknown, the pixel-space unit 1.0 is written and marked as a
placeholder. Energy and distance are written only when known, and only then is the pair a Ptychodus product.
y is the row, x the column, no flip; zero frequency at n/2; the probe's energy is that of the patterns.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ptycho_adapters.codec import Codec, ConversionError, Loaded, ReadOptions, Written
from ptycho_adapters.patterns import StoredIntensity
from ptycho_adapters.quantities import known_quantities
from ptycho_adapters.reading import decide_reading
from ptycho_adapters.scan import (
    canvas_shape,
    centres_px,
    check_intensity,
    check_square,
    intensity_blocks,
    make_scan,
    probe_factor,
)
from ptycho_contracts.atomic import atomic_path
from ptycho_contracts.contracts.ptychovit_dp import DpFile
from ptycho_contracts.contracts.ptychovit_pair import CONTRACT
from ptycho_contracts.contracts.ptychovit_para import FRAME, OBJECT_FACTOR, PLACEHOLDER, PROBE_FACTOR, ParaFile
from ptycho_contracts.description import AttributeInfo, FileInfo
from ptycho_contracts.opening import open_checked
from ptycho_contracts.physics.forward import ForwardModel
from ptycho_contracts.physics.frames import FRAMES, PTYCHOVIT, to_position_m
from ptycho_contracts.physics.mistakes import frame_change, usual_mistakes
from ptycho_contracts.physics.stored import StoredPatterns
from ptycho_contracts.sources.base import Source, SourceError

if TYPE_CHECKING:
    import h5py

_CARRIED = {"object", "probe", "probe_position_x_m", "probe_position_y_m"}
_PHYSICAL = {
    "photon_energy_eV": ("photon_energy_eV", "probe_energy_eV"),
    "detector_object_distance_m": ("detector_object_distance_m",),
}


def read(path: Path, options: ReadOptions) -> Loaded:
    """The Scan of a pair, found from either half.

    The frame is the one that the file names, or that the caller names; otherwise it is established by evidence.

    Raises:
        ConversionError: the pair breaks its contract, or its frame cannot be established.
        KeyError: no frame has the name that the caller gives.
    """
    try:
        sources = open_checked(path, CONTRACT)
    except SourceError as error:
        raise ConversionError(*error.findings) from error
    try:
        return _load(sources, options)
    except BaseException:
        for source in sources.values():
            source.close()
        raise


def _load(sources: dict[str, Source], options: ReadOptions) -> Loaded:
    dp, para = sources["dp"], sources["para"]
    info = para.describe()
    objects, probe = para.read("object"), para.read("probe")
    patterns = StoredPatterns(dp, "dp", dp.layout("dp")[0])
    attributes = info.members["object"].attributes
    height = _number(attributes["pixel_height_m"])
    width = _number(attributes["pixel_width_m"]) if "pixel_width_m" in attributes else height
    centred = np.column_stack([para.read("probe_position_y_m") / height, para.read("probe_position_x_m") / width])
    size = (objects.shape[1], objects.shape[2])
    centres, decision = _centres(centred.astype(np.float64), size, info, options, (objects, probe, patterns))
    known = _known(info, height, width, options)
    scan = make_scan(
        StoredIntensity(patterns, np.arange(patterns.count), "intensity"), centres, probe[0], objects, known
    )
    return Loaded([scan], _dropped(info, probe), {"frame": decision}, [dp, para])


def _number(info: AttributeInfo) -> float:
    value = info.value[0] if isinstance(info.value, list) else info.value
    return float(value)  # type: ignore[arg-type]  # the contract has checked that it is a number


def _centres(
    centred: NDArray[np.float64],
    size: tuple[int, int],
    info: FileInfo,
    options: ReadOptions,
    physics: tuple[NDArray[Any], NDArray[Any], StoredPatterns],
) -> tuple[NDArray[np.float64], dict[str, Any]]:
    named = options.frame or (info.attributes[FRAME].value if FRAME in info.attributes else None)
    origins = {name: (frame.origin_px(size[0]), frame.origin_px(size[1])) for name, frame in FRAMES.items()}
    frame = str(named or PTYCHOVIT.name)
    if frame not in FRAMES:
        raise KeyError(f"no frame is called {frame!r}; known: {', '.join(FRAMES)}")
    if options.order == "as-stored":
        return centred + np.array(origins[frame]), {"frame": frame, "method": "as-stored"}
    objects, probe, patterns = physics
    readings = usual_mistakes(centred, origins, frame, "intensity")
    model = ForwardModel(objects[:1], probe[0])
    # A frame that somebody has named is verified, and only one that nobody named is open to repair.
    repairable = () if named else tuple(frame_change(name) for name in FRAMES)
    reading, evidence = decide_reading(
        readings,
        model,
        patterns,
        options,
        repairable,
        ("dp:/dp", "para:/probe_position_y_m", "para:/probe_position_x_m"),
        "`--order as-stored` takes the file as it is, unverified.",
        None if named is None else "named by the caller" if options.frame else "named by the file",
    )
    chosen = next((name for name in FRAMES if frame_change(name) in reading.changes), frame)
    return reading.places.centre_px, {"frame": chosen, **evidence}


def _known(info: FileInfo, height: float, width: float, options: ReadOptions) -> dict[str, Any]:
    """Root attributes of the Scan: what the file knows, then what the caller adds."""
    placeholder = PLACEHOLDER in info.attributes and info.attributes[PLACEHOLDER].value is True
    stated: dict[str, float | None] = {} if placeholder else {"pixel_size_y_m": height, "pixel_size_x_m": width}
    for attribute, names in _PHYSICAL.items():
        stated[attribute] = next((_number(info.attributes[name]) for name in names if name in info.attributes), None)
    known = known_quantities(stated, options, "para:/")
    for attribute, name in (("probe_factor", PROBE_FACTOR), ("object_factor", OBJECT_FACTOR)):
        if name in info.attributes:
            known[attribute] = _number(info.attributes[name])
    return known


def _dropped(info: FileInfo, probe: NDArray[Any]) -> list[str]:
    lost = [f"{name} (a Scan has no room for it)" for name in sorted(set(info.members) - _CARRIED)]
    if probe.shape[0] > 1:
        lost.append(f"OPR rows 1 to {probe.shape[0] - 1} of the probe (row 0 is taken, as PtychoViT does)")
    return lost


def write(scan: xr.Dataset, folder: Path, name: str, progress: Callable[[int, int], None] | None = None) -> Written:
    """Stream the pair; both files appear when both are complete.

    Raises:
        ValueError: the patterns are not square.
    """
    check_square(scan)
    files = targets(folder, name)
    with atomic_path(files["para"]) as para, atomic_path(files["dp"]) as dp:
        total, highest = _write_dp(scan, dp, progress)
        factor = probe_factor(scan, total)
        _write_para(scan, para, factor)
    facts = {
        "patterns": int(scan.sizes["scan"]),
        "total_intensity": total,
        "maximum_intensity": highest,
        "probe_factor": factor,
        "object_factor": float(scan.attrs.get("object_factor", 1.0)),
        "frame": PTYCHOVIT.name,
        "pixel_size_is_placeholder": "pixel_size_y_m" not in scan.attrs,
    }
    return Written(files, _not_carried(scan), facts)


def _write_dp(scan: xr.Dataset, path: Path, progress: Callable[[int, int], None] | None) -> tuple[float, float]:
    """Stream the intensities; returns their sum and their maximum."""
    import h5py  # noqa: PLC0415

    variable = scan["intensity"].variable
    total, highest = 0.0, 0.0
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("dp", shape=variable.shape, dtype=variable.dtype)
        for start, block in intensity_blocks(scan):
            dataset[start : start + len(block)] = block
            check_intensity(block, start)
            total += _sum(block)
            highest = max(highest, float(block.max()))
            if progress is not None:
                progress(start + len(block), variable.shape[0])
    return total, highest


def _sum(block: NDArray[Any]) -> float:
    """Pairwise sum in the block's own precision: numpy's is good to 1e-6 in float32 and three times as fast."""
    return float(block.sum())


def _write_para(scan: xr.Dataset, path: Path, factor: float) -> None:
    import h5py  # noqa: PLC0415

    pixel = (float(scan.attrs.get("pixel_size_y_m", 1.0)), float(scan.attrs.get("pixel_size_x_m", 1.0)))
    with h5py.File(path, "w") as file:
        probe = scan["probe"].values
        file["probe"] = (probe * factor).astype(probe.dtype, copy=False)[None]
        file["object"] = scan["object"].values
        _geometry(file, scan, pixel)
        file.attrs[FRAME] = PTYCHOVIT.name
        file.attrs[PLACEHOLDER] = "pixel_size_y_m" not in scan.attrs
        file.attrs[PROBE_FACTOR] = factor * float(scan.attrs.get("probe_factor", 1.0))
        file.attrs[OBJECT_FACTOR] = float(scan.attrs.get("object_factor", 1.0))
        _product(file, scan)


def _geometry(file: h5py.File, scan: xr.Dataset, pixel: tuple[float, float]) -> None:
    """Positions in PtychoViT's frame, and a centre that leads Ptychodus ≥ 1.6 to the same pixels."""
    size = canvas_shape(scan)
    centres = centres_px(scan)
    for axis, letter in enumerate("yx"):
        file[f"probe_position_{letter}_m"] = to_position_m(centres[:, axis], pixel[axis], size[axis])
        # Ptychodus ≥ 1.6 places position p at (p − center)/pixel + (size−1)/2.
        shift_px = (size[axis] - 1) / 2 - PTYCHOVIT.origin_px(size[axis])
        file["object"].attrs[f"center_{letter}_m"] = shift_px * pixel[axis]
    for member in ("object", "probe"):
        file[member].attrs["pixel_height_m"], file[member].attrs["pixel_width_m"] = pixel
    file["probe_position_indexes"] = np.arange(len(centres))


def _product(file: h5py.File, scan: xr.Dataset) -> None:
    """What makes the file a Ptychodus product, where it is known; both names of the energy, for every version."""
    if not all(name in scan.attrs for name in (*_PHYSICAL, "pixel_size_y_m")):
        return
    for attribute, names in _PHYSICAL.items():
        for name in names:
            file.attrs[name] = float(scan.attrs[attribute])
    file.attrs.update({"name": "", "comments": "written by ptycho-contracts", "exposure_time_s": 0.0})
    file["loss_values"] = np.empty(0)
    file["object_layer_spacing_m"] = np.zeros(max(0, scan.sizes["layer"] - 1))


def _not_carried(scan: xr.Dataset) -> list[str]:
    incomplete = [k for k in _PHYSICAL if k in scan.attrs] and not all(
        k in scan.attrs for k in (*_PHYSICAL, "pixel_size_y_m")
    )
    return (
        [f"{k} (written only with energy, distance and pixel size together)" for k in _PHYSICAL if k in scan.attrs]
        if incomplete
        else []
    )


def targets(folder: Path, name: str) -> dict[str, Path]:
    """The two files that `write` makes."""
    return {"dp": folder / f"{name}{DpFile.suffix}", "para": folder / f"{name}{ParaFile.suffix}"}


CODEC = Codec(
    CONTRACT.id,
    read,
    write,
    targets,
    takes=frozenset({"frame"}),
    needs=frozenset({"patterns", "positions", "probe", "object", "far-field"}),
)
