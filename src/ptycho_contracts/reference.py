"""The generated reference: one page for each contract, the codes, and the frames, from the declarations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ptycho_contracts import reference_codes
from ptycho_contracts.contract import AnyContract, ArrayContract, DocumentContract, own_contracts
from ptycho_contracts.physics.frames import FRAMES, Frame
from ptycho_contracts.reference_contract import FormatNotes, contract_page
from ptycho_contracts.reference_markdown import GENERATED, page, table

_SIZES = (400, 401, 402, 403)
_PATCH = 256

_FRAMES_TEXT = """A position says where a patch's centre lies, counted from an origin that tools and their versions
choose differently. `centre_px = position_m / pixel_m + origin` is the 0-based array coordinate of the patch's
centre, patch index (n−1)/2; the patch begins at `centre_px − (n−1)/2`. y is the row, x the column, no flip.

A reconstruction from positions in another frame looks perfect and lies up to a pixel off; only a comparison with
a stored object shows it (`ptycho validate --depth physics`). A pair written by `ptycho convert` names its frame in
the root attribute `ptycho_contracts_frame` of the para file."""


def pages(notes: Mapping[str, FormatNotes]) -> dict[str, str]:
    """Every page by its path below the docs folder.

    Args:
        notes: What those who convert say of their formats, by contract id.
    """
    contracts = {f"contracts/{c.id}.md": contract_page(c, notes.get(c.id)) for c in own_contracts().values()}
    index = {"contracts/index.md": _contracts_page(notes)}
    return contracts | index | reference_codes.pages() | {"frames.md": _frames_page()}


def _contracts_page(notes: Mapping[str, FormatNotes]) -> str:
    formats = [c for c in own_contracts().values() if c.id in notes]
    others = [c for c in own_contracts().values() if c.id not in notes]
    arrays = [c for c in others if isinstance(c, ArrayContract)]
    documents = [c for c in others if isinstance(c, DocumentContract)]
    toctree = "\n".join(["```{toctree}", ":hidden:", *(c.id for c in [*formats, *arrays, *documents]), "```"])
    return page(
        "# Formats and contracts",
        GENERATED,
        "A contract says what a file must hold. `ptycho validate FILE` recognises it by what is in it; "
        "`--contract ID` insists on one.",
        "## Formats",
        _formats_table(formats, notes),
        "## Other array files",
        _contracts_table(arrays),
        "## Documents",
        _contracts_table(documents),
        toctree,
    )


def _formats_table(formats: Iterable[AnyContract], notes: Mapping[str, FormatNotes]) -> str:
    rows = [[f"[{c.id}]({c.id}.md)", c.version, c.summary, notes[c.id].does] for c in formats]
    return table(["contract", "version", "is", "`ptycho convert`"], rows)


def _contracts_table(contracts: Iterable[AnyContract]) -> str:
    rows = [[f"[{c.id}]({c.id}.md)", c.version, c.summary] for c in contracts]
    return table(["contract", "version", "is"], rows)


def _frames_page() -> str:
    origins = [
        [f"`{frame.name}`", frame.used_by, *(f"{frame.origin_px(size):g}" for size in _SIZES)]
        for frame in FRAMES.values()
    ]
    rows = [[f"`{frame.name}`", _rows(frame)] for frame in FRAMES.values()]
    return page(
        "# Frames: which object pixel position 0 means",
        GENERATED,
        _FRAMES_TEXT,
        "Origin in object pixels for an axis of that many pixels:",
        table(["frame", "used by", *map(str, _SIZES)], origins),
        f"Rows that a patch of {_PATCH} pixels at position 0 covers on an object of {_SIZES[0]}; halves are "
        "sub-pixel shifts:",
        table(["frame", "rows"], rows),
    )


def _rows(frame: Frame) -> str:
    first = frame.origin_px(_SIZES[0]) - (_PATCH - 1) / 2
    return f"{first:g} … {first + _PATCH - 1:g}"
