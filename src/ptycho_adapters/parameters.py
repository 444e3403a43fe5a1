"""Object, probe and positions in metres, as PtychoViT parameters and Ptychodus products hold them alike (HDF5).

`centre_px = (position_m − center_m)/pixel_m + origin(size)`, where only the frames of Ptychodus take the object's
stored centre off (`Frame.takes_centre`). y is the row, x the column, no flip (checked against PtychoViT's flat
generation and Ptychodus 1.7.0).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ptycho_adapters.codec import ReadOptions
from ptycho_adapters.quantities import known_quantities
from ptycho_adapters.scan import canvas_shape, centres_px
from ptycho_contracts.contracts.ptychodus_product import ENERGY_NAMES
from ptycho_contracts.contracts.ptychovit_para import FRAME, OBJECT_FACTOR, PLACEHOLDER, PROBE_FACTOR
from ptycho_contracts.description import AttributeInfo, FileInfo
from ptycho_contracts.physics.frames import FRAMES, GEOMETRIC, Frame, check_frame, to_position_m
from ptycho_contracts.sources.base import Source

if TYPE_CHECKING:
    import h5py
    import xarray as xr

COMMENT = "written by ptycho-contracts"
_CARRIED = {
    "object",
    "probe",
    "probe_position_indexes",
    "probe_position_x_m",
    "probe_position_y_m",
    "object_layer_spacing_m",
}
# Root attributes of a Scan, and the names under which these files hold them; the first one found counts.
PHYSICAL = {
    "photon_energy_eV": ENERGY_NAMES,
    "detector_object_distance_m": ("detector_object_distance_m",),
}
_CARRIED_ATTRIBUTES = {
    *(name for names in PHYSICAL.values() for name in names),
    *(FRAME, PLACEHOLDER, PROBE_FACTOR, OBJECT_FACTOR, "far_field"),
}
_SAY_NOTHING = ("", 0, COMMENT)


@dataclass(frozen=True)
class Parameters:
    """What such a file holds.

    Attributes:
        objects: (layer, H, W) complex.
        probe: (opr, mode, h, w) complex.
        position_px: (scan, 2) float64 positions (y, x) in object pixels from the frame's origin.
        stored_centre_px: (y, x) of `object@center_*_m` in object pixels; 0 where absent.
        frame_index: (scan,) numbers of the detector frames, or None.
        layer_spacing_m: (layer − 1,), or None.
        known: Root attributes of a Scan.
        info: Headers of the file.
    """

    objects: NDArray[np.complexfloating]
    probe: NDArray[np.complexfloating]
    position_px: NDArray[np.float64]
    stored_centre_px: tuple[float, float]
    frame_index: NDArray[np.integer] | None
    layer_spacing_m: NDArray[np.floating] | None
    known: Mapping[str, Any]
    info: FileInfo

    @property
    def origins_px(self) -> dict[str, tuple[float, float]]:
        """Array coordinate (y, x) of position 0 in every known frame."""
        return {name: self.origin_px(frame) for name, frame in FRAMES.items()}

    def origin_px(self, frame: Frame) -> tuple[float, float]:
        """Array coordinate (y, x) of position 0 in a frame."""
        off = self.stored_centre_px if frame.takes_centre else (0.0, 0.0)
        y, x = (frame.origin_px(size) for size in self.objects.shape[1:])
        return y - off[0], x - off[1]

    def centres_in(self, frame: Frame) -> NDArray[np.float64]:
        """(scan, 2) absolute patch centres (y, x) of a Scan."""
        centres: NDArray[np.float64] = self.position_px + np.array(self.origin_px(frame))
        return centres

    def frame_named(self, options: ReadOptions) -> tuple[Frame | None, str]:
        """The frame that the caller or else the file names, and who does.

        Raises:
            KeyError: no frame has that name.
        """
        name = options.frame or (self.info.attributes[FRAME].value if FRAME in self.info.attributes else None)
        if name is None:
            return None, ""
        check_frame(str(name))
        return FRAMES[str(name)], "named by the caller" if options.frame else "named by the file"

    def dropped(self) -> list[str]:
        """What the file holds and a Scan does not carry; what is empty or 0 says nothing."""
        members = [m for m, info in sorted(self.info.members.items()) if m not in _CARRIED and 0 not in info.shape]
        attributes = [
            f"@{name}"
            for name, info in sorted(self.info.attributes.items())
            if name not in _CARRIED_ATTRIBUTES and info.value not in _SAY_NOTHING
        ]
        lost = [f"{name} (a Scan has no room for it)" for name in [*members, *attributes]]
        if self.probe.shape[0] > 1:
            lost.append(f"OPR rows 1 to {self.probe.shape[0] - 1} of the probe (row 0 is taken, as PtychoViT does)")
        return lost


def read_parameters(source: Source, options: ReadOptions) -> Parameters:
    """The parameters of an open file whose headers were checked.

    Raises:
        ConversionError: an option contradicts the file.
    """
    info = source.describe()
    attributes = info.members["object"].attributes
    height = number(attributes["pixel_height_m"])
    width = number(attributes["pixel_width_m"]) if "pixel_width_m" in attributes else height
    centre = [number(attributes[name]) if name in attributes else 0.0 for name in ("center_y_m", "center_x_m")]
    objects, probe = source.read("object"), source.read("probe")
    positions = [source.read("probe_position_y_m") / height, source.read("probe_position_x_m") / width]
    return Parameters(
        objects=objects if objects.ndim == 3 else objects[None],
        probe=probe.reshape((1,) * (4 - probe.ndim) + probe.shape),
        position_px=np.column_stack(positions).astype(np.float64),
        stored_centre_px=(centre[0] / height, centre[1] / width),
        frame_index=_optional(source, info, "probe_position_indexes"),
        layer_spacing_m=_spacing_m(source, info),
        known=_known(info, height, width, options, f"{source.role}:/"),
        info=info,
    )


def _optional(source: Source, info: FileInfo, member: str) -> NDArray[Any] | None:
    return source.read(member) if member in info.members else None


def _spacing_m(source: Source, info: FileInfo) -> NDArray[Any] | None:
    """Distances between the layers of an object that has several."""
    shape = info.members["object"].shape
    stored = info.members.get("object_layer_spacing_m")
    several = len(shape) == 3 and stored is not None and stored.shape == (shape[0] - 1,)
    return source.read("object_layer_spacing_m") if several and shape[0] > 1 else None


def number(info: AttributeInfo) -> float:
    """The value of an attribute that the contract has checked to be one number."""
    value = info.value[0] if isinstance(info.value, list) else info.value
    return float(value)  # type: ignore[arg-type]  # the contract has checked that it is a number


def _known(info: FileInfo, height: float, width: float, options: ReadOptions, location: str) -> dict[str, Any]:
    """Root attributes of the Scan: what the file knows, then what the caller adds."""
    placeholder = PLACEHOLDER in info.attributes and info.attributes[PLACEHOLDER].value is True
    stated: dict[str, float | None] = {} if placeholder else {"pixel_size_y_m": height, "pixel_size_x_m": width}
    for attribute, names in PHYSICAL.items():
        found = (number(info.attributes[name]) for name in names if name in info.attributes)
        # A product written without knowing a quantity holds 0 there.
        stated[attribute] = next((value for value in found if value > 0), None)
    known = known_quantities(stated, options, location)
    if "far_field" in info.attributes:
        known["propagation"] = "far-field" if info.attributes["far_field"].value else "near-field"
    for attribute, name in (("probe_factor", PROBE_FACTOR), ("object_factor", OBJECT_FACTOR)):
        if name in info.attributes:
            known[attribute] = number(info.attributes[name])
    return known


def write_parameters(file: h5py.File, scan: xr.Dataset, frame: Frame, factor: float) -> None:
    """Object, probe times `factor` and positions in `frame`, with the frame's name.

    `object@center_*_m` are such that Ptychodus ≥ 1.6, which takes them off, lands on the same pixels. Where the pixel
    size is unknown, the unit 1.0 is written; who calls marks it as a placeholder.
    """
    probe = scan["probe"].values
    file["probe"] = (probe * factor).astype(probe.dtype, copy=False)[None]
    file["object"] = scan["object"].values
    _geometry(file, scan, frame)
    file.attrs[FRAME] = frame.name
    file.attrs[PROBE_FACTOR] = factor * float(scan.attrs.get("probe_factor", 1.0))
    file.attrs[OBJECT_FACTOR] = float(scan.attrs.get("object_factor", 1.0))


def _geometry(file: h5py.File, scan: xr.Dataset, frame: Frame) -> None:
    pixel = (float(scan.attrs.get("pixel_size_y_m", 1.0)), float(scan.attrs.get("pixel_size_x_m", 1.0)))
    size, centres = canvas_shape(scan), centres_px(scan)
    for axis, letter in enumerate("yx"):
        file[f"probe_position_{letter}_m"] = to_position_m(centres[:, axis], pixel[axis], size[axis], frame)
        shift_px = GEOMETRIC.origin_px(size[axis]) - frame.origin_px(size[axis])
        file["object"].attrs[f"center_{letter}_m"] = shift_px * pixel[axis]
    for member in ("object", "probe"):
        file[member].attrs["pixel_height_m"], file[member].attrs["pixel_width_m"] = pixel
    indexes = scan["frame_index"].values if "frame_index" in scan else np.arange(len(centres))
    file["probe_position_indexes"] = indexes


def has_geometry(scan: xr.Dataset) -> bool:
    """Whether the scan knows the quantities that a Ptychodus product cannot be without."""
    return all(name in scan.attrs for name in (*PHYSICAL, "pixel_size_y_m"))


def write_product(file: h5py.File, scan: xr.Dataset) -> None:
    """What makes the file a Ptychodus product: both names of the energy, and the text and numbers that 1.2 needs."""
    for attribute, names in PHYSICAL.items():
        for name in names:
            file.attrs[name] = float(scan.attrs[attribute])
    file.attrs.update({"name": "", "comments": COMMENT, "exposure_time_s": 0.0})
    file.attrs["far_field"] = scan.attrs.get("propagation") != "near-field"
    file["loss_values"] = np.empty(0)
    spacing = known_spacing_m(scan)
    if spacing is not None:
        file["object_layer_spacing_m"] = spacing


def known_spacing_m(scan: xr.Dataset) -> NDArray[np.float64] | None:
    """(layer − 1,) distances between the object's layers; None where there are several and nothing says them."""
    gaps = int(scan.sizes["layer"]) - 1
    if "layer_spacing_m" in scan and scan.sizes["gap"] == gaps:
        return np.asarray(scan["layer_spacing_m"].values, np.float64)
    return None if gaps else np.empty(0)
