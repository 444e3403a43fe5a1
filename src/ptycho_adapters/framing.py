"""The frame of positions in metres where patterns are at hand: verified if it is named, otherwise established."""

from __future__ import annotations

from typing import Any

from ptycho_adapters.codec import FIX_OR_TRUST, ReadOptions
from ptycho_adapters.parameters import Parameters
from ptycho_adapters.reading import decide_reading
from ptycho_contracts.physics.forward import ForwardModel
from ptycho_contracts.physics.frames import FRAMES, Frame
from ptycho_contracts.physics.mistakes import frame_change, usual_mistakes
from ptycho_contracts.physics.readings import Patterns


def decide_frame(
    parameters: Parameters,
    patterns: Patterns,
    default: Frame,
    options: ReadOptions,
    places: tuple[str, str, str],
) -> tuple[Frame, dict[str, Any]]:
    """The frame of the positions, and how it was decided (for the manifest).

    One that somebody has named is verified; only one that nobody named is open to another reading.

    Args:
        parameters: Object, probe and positions.
        patterns: Their intensities.
        default: The format's own frame, where nobody names one.
        options: Of the caller.
        places: Locations of the patterns, the y and the x positions.

    Raises:
        ConversionError: no frame explains the patterns.
        KeyError: no frame has the name that the caller gives.
    """
    named, by_whom = parameters.frame_named(options)
    stated = named or default
    if options.order == "as-stored":
        return stated, {"frame": stated.name, "method": "as-stored"}
    reading, evidence = decide_reading(
        usual_mistakes(parameters.position_px, parameters.origins_px, stated.name, "intensity"),
        ForwardModel(parameters.objects[:1], parameters.probe[0]),
        patterns,
        options,
        () if named else tuple(frame_change(name) for name in FRAMES),
        places,
        FIX_OR_TRUST,
        by_whom or None,
    )
    found = next((frame for frame in FRAMES.values() if frame_change(frame.name) in reading.changes), stated)
    return found, {"frame": found.name, **evidence}
