"""Ptychodus product HDF5 (checked against Ptychodus 1.7.0; what 1.2 to 1.6 need besides is written too).

Frame written: `geometric-centre` with the object's centre at 0, the frame of Ptychodus ≥ 1.6, named in an attribute of
ours. Ptychodus ≤ 1.5.1 takes position 0 at size/2 and lies half a pixel further in both axes. Frame read: the one that
the file or the caller (`--frame half-size`) names, otherwise that of Ptychodus ≥ 1.6, recorded with the reason; the
object's stored centre is taken off, as Ptychodus does. y is the row, x the column, no flip.

A product holds no patterns. Writing one drops them, and says so; reading one takes them from another file with
`--patterns-from`, joined by frame numbers where both have them, and verified.

The probe written has the scale of a pair, with which pty-chi 2.2.0 compares patterns as well: un-normalised FFT. That
of a foreign product counts as unknown, because the probes that Ptychodus builds hold photons instead; it is solved from
the energies where patterns are at hand. Row 0 of an OPR probe is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import xarray as xr

from ptycho_adapters.codec import Codec, Loaded, ReadOptions, Written
from ptycho_adapters.opened import load_checked
from ptycho_adapters.parameters import (
    Parameters,
    known_spacing_m,
    read_parameters,
    write_parameters,
    write_product,
)
from ptycho_adapters.scan import intensity_blocks, make_scan, probe_factor
from ptycho_contracts.atomic import atomic_path
from ptycho_contracts.contracts.ptychodus_product import CONTRACT, SINCE_1_7
from ptycho_contracts.contracts.ptychovit_para import PROBE_FACTOR
from ptycho_contracts.physics.frames import GEOMETRIC, Frame
from ptycho_contracts.sources.base import Source


def read(path: Path, options: ReadOptions) -> Loaded:
    """A Scan without patterns.

    Raises:
        ConversionError: the file breaks its contract.
        KeyError: no frame has the name that the caller gives.
    """
    return load_checked(path, CONTRACT, lambda sources: _load(sources["product"], options))


def _load(source: Source, options: ReadOptions) -> Loaded:
    parameters = read_parameters(source, options)
    frame, decision = _frame(parameters, options)
    scale = "calibrated" if PROBE_FACTOR in parameters.info.attributes else "unknown"
    scan = make_scan(
        None,
        parameters.centres_in(frame),
        parameters.probe[0],
        parameters.objects,
        {**parameters.known, "probe_scale": scale},
        frame_index=parameters.frame_index,
        layer_spacing_m=parameters.layer_spacing_m,
    )
    return Loaded([scan], parameters.dropped(), {"frame": decision}, [source])


def _frame(parameters: Parameters, options: ReadOptions) -> tuple[Frame, dict[str, str]]:
    """The frame, and how it was decided (for the manifest): by name, by what only newer versions write, or assumed."""
    named, by_whom = parameters.frame_named(options)
    if named is not None:
        return named, {"frame": named.name, "method": by_whom}
    newer = [name for name in SINCE_1_7 if name in parameters.info.attributes]
    if newer:
        because = f"only Ptychodus ≥ 1.7 writes {newer[0]}"
        return GEOMETRIC, {"frame": GEOMETRIC.name, "method": "by version", "because": because}
    because = "nothing names it; a file of Ptychodus ≤ 1.5.1 is read with --frame half-size"
    return GEOMETRIC, {"frame": GEOMETRIC.name, "method": "assumed", "because": because}


def write(scan: xr.Dataset, folder: Path, name: str, progress: Callable[[int, int], None] | None = None) -> Written:
    """Object, probe and positions, readable by Ptychodus 1.2 to 1.7.

    Where the probe's scale is unknown and the scan has patterns, they are read once, to solve it.

    Raises:
        ValueError: the object has several layers and nothing says how far apart they are.
    """
    import h5py  # noqa: PLC0415

    if known_spacing_m(scan) is None:
        raise ValueError("the object has several layers, and nothing says how far apart they are")
    target = targets(folder, name)["product"]
    factor = _factor(scan, progress)
    with atomic_path(target) as temporary, h5py.File(temporary, "w") as file:
        write_parameters(file, scan, GEOMETRIC, factor)
        write_product(file, scan)
    facts = {
        "frame": GEOMETRIC.name,
        "probe_factor": factor,
        "object_factor": float(scan.attrs.get("object_factor", 1.0)),
    }
    return Written({"product": target}, _not_carried(scan), facts)


def _factor(scan: xr.Dataset, progress: Callable[[int, int], None] | None) -> float:
    """What brings the probe to the energy of the patterns; 1 where it has it, or where there are none."""
    if scan.attrs.get("probe_scale", "calibrated") == "calibrated" or "intensity" not in scan:
        return 1.0
    total = 0.0
    for start, block in intensity_blocks(scan):
        total += float(block.sum())
        if progress is not None:
            progress(start + len(block), int(scan.sizes["scan"]))
    return probe_factor(scan, total)


def _not_carried(scan: xr.Dataset) -> list[str]:
    lost = []
    if "intensity" in scan:
        lost.append("patterns (a product holds none; write ptychodus-diffraction too, or keep the source)")
    if "bad_pixels" in scan:
        lost.append("bad_pixels (they go with the patterns)")
    return lost


def targets(folder: Path, name: str) -> dict[str, Path]:
    """The file that `write` makes."""
    return {"product": folder / f"{name}.h5"}


CODEC = Codec(
    CONTRACT.id,
    read,
    write,
    targets,
    takes=frozenset({"frame"}),
    needs=frozenset({"positions", "probe", "object", "pixel_size_m", "energy_eV", "distance_m"}),
)
