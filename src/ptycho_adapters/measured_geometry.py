"""What every format of measured patterns shares: quantities, far or near field, and where positions in metres lie.

Such a file knows no origin. Where neither an object nor a canvas is stored, the canvas is what the scan spans: along
each axis the first patch begins at pixel 0, and the last one ends inside (as cdtools 0.3.2 makes its objects).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_adapters.codec import ConversionError, ReadOptions
from ptycho_adapters.quantities import known_quantities, with_object_pixel
from ptycho_contracts import engine_codes
from ptycho_contracts.artifact import Artifact
from ptycho_contracts.codes import Severity
from ptycho_contracts.contract import ArrayContract
from ptycho_contracts.description import Description, FileInfo
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.marks import CANVAS, PIXEL, PROPAGATION
from ptycho_contracts.measured.geometry import LARGEST_STEP, Geometry, typical_step
from ptycho_contracts.rule import rules_for
from ptycho_contracts.rules.steps_in_far_field import CODE as STEPS_IN_FAR_FIELD
from ptycho_contracts.sources.base import Source

_PIXEL = ("pixel_size_y_m", "pixel_size_x_m")
_DETECTOR_PIXEL = ("detector_pixel_size_y_m", "detector_pixel_size_x_m")
# Far-field geometry is known to a few per cent at most; a pixel further off than this is another one.
_SAME_PIXEL = 0.05


def refuse_broken(contract: ArrayContract, source: Source) -> None:
    """Stop at what a rule calls an error: a quantity in another unit would put every pattern elsewhere.

    Raises:
        ConversionError: with the findings.
    """
    artifact = Artifact(contract, {source.role: source}, Description(files={source.role: source.describe()}))
    found = [
        f
        for rule in rules_for(contract)
        if rule.depth != "physics" and all(artifact.member(need) is not None for need in rule.needs)
        for f in rule.check(artifact)
        if f.severity is Severity.ERROR
    ]
    if found:
        raise ConversionError(*found)


def known_geometry(
    geometry: Geometry,
    positions_m: NDArray[np.float64] | None,
    pixel_m: tuple[float | None, float | None],
    options: ReadOptions,
    source: Source,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Root attributes of a Scan, and how it was decided what they are.

    Args:
        geometry: What the file says.
        positions_m: (scan, 2), where the file has them.
        pixel_m: (height, width) of an object pixel, where the file states it.
        options: Of the caller.
        source: For marks of ours, and for locations.

    Raises:
        ConversionError: an option contradicts the file, or the field can be the near one as well as the far one.
    """
    where = f"{source.role}:/"
    detector = geometry.detector_pixel_m or (None, None)
    stated: dict[str, float | None] = {
        "photon_energy_eV": geometry.energy_eV,
        "detector_object_distance_m": geometry.distance_m,
        **dict(zip(_DETECTOR_PIXEL, detector, strict=True)),
        **dict(zip(_PIXEL, pixel_m, strict=True)),
    }
    known = known_quantities(stated, options, where)
    propagation = propagation_of(source, options)
    if propagation is not None:
        known["propagation"] = propagation
    if propagation != "near-field" and geometry.frame_shape is not None and None in pixel_m:
        _settle_far_field(known, geometry.frame_shape, positions_m, where, stated=propagation is not None)
        known = with_object_pixel(known, geometry.frame_shape)
    decision = {"method": _whence(known, pixel_m, options)}
    return known, decision | ({"propagation": propagation} if propagation else {})


def _whence(known: Mapping[str, Any], pixel_m: tuple[float | None, float | None], options: ReadOptions) -> str:
    if not all(name in known for name in _PIXEL):
        return "object pixel not known"
    if options.pixel_size_m is not None:
        return "object pixel named by the caller"
    return "far field: object pixel λ·z/(n·detector pixel)" if None in pixel_m else "object pixel stated by the file"


def propagation_of(source: Source, options: ReadOptions) -> str | None:
    """`far-field` or `near-field`, where the caller or a file of ours says it."""
    said = options.propagation or mark(source.describe(), PROPAGATION)
    return said if said in {"far-field", "near-field"} else None


def _settle_far_field(
    known: Mapping[str, Any],
    shape: tuple[int, int],
    positions_m: NDArray[np.float64] | None,
    where: str,
    *,
    stated: bool,
) -> None:
    """Refuse what may be a near field, unless somebody has said which it is."""
    without = with_object_pixel({k: v for k, v in known.items() if k not in _PIXEL}, shape)
    if not all(name in without for name in _PIXEL):
        return
    far_m = np.array([without[name] for name in _PIXEL])
    if all(name in known for name in _PIXEL):
        said_m = np.array([known[name] for name in _PIXEL])
        if np.any(np.abs(said_m / far_m - 1) > _SAME_PIXEL):
            raise ConversionError(_other_pixel(far_m, said_m, where))
    elif positions_m is not None and not stated:
        step = typical_step(positions_m, far_m * np.array(shape))
        if step is not None and step > LARGEST_STEP:
            raise ConversionError(_either_field(step, where))


def _other_pixel(far_m: NDArray[np.float64], said_m: NDArray[np.float64], where: str) -> Finding:
    return finding(
        engine_codes.SOURCE_SAYS_OTHERWISE,
        where,
        f"--pixel-size-m {said_m[0]:g} contradicts the source, whose far field has an object pixel of {far_m[0]:.6g} m",
        expected=f"{far_m[0]:.6g}",
        found=f"{said_m[0]:.6g}",
        fix="Leave the option out; if these are near-field patterns, say `--propagation near-field` too.",
    )


def _either_field(step: float, where: str) -> Finding:
    return finding(
        STEPS_IN_FAR_FIELD,
        where,
        f"neighbouring scan points are {step:.0%} of a far-field patch apart: near-field patterns, or a wrong quantity",
        expected=f"at most {LARGEST_STEP:.0%} in the far field",
        found=f"{step:.0%}",
        fix="Say which with `--propagation near-field` or `--propagation far-field`.",
    ).model_copy(update={"severity": Severity.ERROR})


def in_pixels(positions_m: NDArray[np.float64], known: Mapping[str, Any], where: str) -> NDArray[np.float64]:
    """Positions in object pixels.

    Raises:
        ConversionError: nobody knows the object pixel.
    """
    if not all(name in known for name in _PIXEL):
        near = known.get("propagation") == "near-field"
        fix = "`--pixel-size-m` says it"
        fix += ": the detector pixel over the magnification." if near else "; energy and distance would give it."
        raise ConversionError(
            finding(
                engine_codes.QUANTITY_MISSING,
                where,
                "the positions are in metres, and the object pixel size is not known",
                expected="the object pixel size",
                found="nothing of it in the source",
                fix=fix,
            )
        )
    pixels: NDArray[np.float64] = positions_m / np.array([known[name] for name in _PIXEL])
    return pixels


def on_spanned_canvas(
    relative_px: NDArray[np.float64], patch: tuple[int, int]
) -> tuple[NDArray[np.float64], dict[str, int]]:
    """Absolute centres (scan, 2) of positions that know no origin, and the canvas that they span.

    Args:
        relative_px: (scan, 2) from any origin.
        patch: (rows, columns) of a patch.
    """
    half = (np.array(patch) - 1) / 2
    centres = relative_px - relative_px.min(axis=0) + half
    rows, columns = (np.ceil(centres.max(axis=0) + half).astype(int) + 1).tolist()
    return centres, {"canvas_y_px": rows, "canvas_x_px": columns}


def placed_on_canvas(
    positions_m: NDArray[np.float64], known: Mapping[str, Any], patch: tuple[int, int], source: Source
) -> tuple[NDArray[np.float64], dict[str, int], str]:
    """Absolute centres (scan, 2), the canvas that they lie on, and what its origin is, where no object is stored.

    Raises:
        ConversionError: nobody knows the object pixel.
    """
    relative = in_pixels(positions_m, known, f"{source.role}:/")
    marked = marked_canvas(source.describe())
    if marked is None:
        centres, canvas = on_spanned_canvas(relative, patch)
        return centres, canvas, "the canvas that the scan spans"
    canvas = {"canvas_y_px": marked[0], "canvas_x_px": marked[1]}
    return relative + (np.array(marked) - 1) / 2, canvas, "middle (H−1)/2 of the canvas that the file names"


def marked_canvas(info: FileInfo) -> tuple[int, int] | None:
    """(rows, columns) of the canvas that a file of ours names."""
    rows, columns = (mark(info, name) for name in CANVAS)
    return None if rows is None or columns is None else (int(rows), int(columns))


def marked_pixel_m(info: FileInfo) -> tuple[float | None, float | None]:
    """(height, width) of an object pixel that a file of ours names."""
    height, width = (mark(info, name) for name in PIXEL)
    return (None, None) if height is None or width is None else (float(height), float(width))


def mark(info: FileInfo, name: str) -> Any:
    """The value of a root attribute (a list of one counts as its element), or None."""
    value = info.attributes[name].value if name in info.attributes else None
    return value[0] if isinstance(value, list) else value


def marks_of(scan_attributes: Mapping[Any, Any], canvas: tuple[int, int] | None) -> dict[str, Any]:
    """Root attributes that bring a Scan back: its canvas, its object pixel and its propagation."""
    marks: dict[str, Any] = {} if canvas is None else dict(zip(CANVAS, canvas, strict=True))
    marks |= {m: float(scan_attributes[a]) for m, a in zip(PIXEL, _PIXEL, strict=True) if a in scan_attributes}
    if "propagation" in scan_attributes:
        marks[PROPAGATION] = str(scan_attributes["propagation"])
    return marks
