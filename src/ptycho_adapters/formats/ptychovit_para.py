"""The parameters of a PtychoViT pair alone (checked against the flat generation of February 2026): no patterns.

Frame: the one that the file names, or that the caller names; otherwise `ptychovit`, whose format it is. Without
patterns no evidence decides, so the choice is recorded as an assumption; patterns that are joined to it
(`--patterns-from`) are verified against it. y is the row, x the column, no flip.
"""

from __future__ import annotations

from pathlib import Path

from ptycho_adapters.codec import Codec, Loaded, ReadOptions
from ptycho_adapters.opened import load_checked
from ptycho_adapters.parameters import read_parameters
from ptycho_adapters.scan import make_scan
from ptycho_contracts.contracts.ptychovit_para import CONTRACT, ParaFile
from ptycho_contracts.physics.frames import PTYCHOVIT
from ptycho_contracts.sources.base import Source


def read(path: Path, options: ReadOptions) -> Loaded:
    """A Scan without patterns.

    Raises:
        ConversionError: the file breaks its contract.
        KeyError: no frame has the name that the caller gives.
    """
    return load_checked(path, CONTRACT, lambda sources: _load(sources["para"], options))


def _load(source: Source, options: ReadOptions) -> Loaded:
    parameters = read_parameters(source, options)
    named, by_whom = parameters.frame_named(options)
    frame = named or PTYCHOVIT
    scan = make_scan(
        None,
        parameters.centres_in(frame),
        parameters.probe[0],
        parameters.objects,
        parameters.known,
        frame_index=parameters.frame_index,
        layer_spacing_m=parameters.layer_spacing_m,
    )
    decision = {"frame": frame.name, "method": by_whom}
    if named is None:
        decision |= {"method": "assumed", "because": "nothing names it, and it is PtychoViT's format; --frame names it"}
    return Loaded([scan], parameters.dropped(), {"frame": decision}, [source])


def targets(folder: Path, name: str) -> dict[str, Path]:
    """The file."""
    return {"para": folder / f"{name}{ParaFile.suffix}"}


CODEC = Codec(CONTRACT.id, read, None, targets, takes=frozenset({"frame"}))
