"""The generated reference: one page for each contract, the codes, and the frames, from the declarations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ptycho_contracts.atomic import atomic_write_text
from ptycho_contracts.codes import Code, all_codes
from ptycho_contracts.contract import all_contracts
from ptycho_contracts.physics.frames import FRAMES, Frame
from ptycho_contracts.reference_contract import contract_page
from ptycho_contracts.reference_markdown import GENERATED, page, table

_SIZES = (400, 401, 402, 403)
_PATCH = 256

_RANGES = {
    "0": "file and security",
    "1": "structure",
    "2": "relations between members and files",
    "3": "units, frames and physics",
    "4": "values",
    "5": "runs, checkpoints and manifests",
    "9": "ourselves",
}

_FRAMES_TEXT = """A position says where a patch's centre lies, counted from an origin that tools and their versions
choose differently. `centre_px = position_m / pixel_m + origin` is the 0-based array coordinate of the patch's
centre, patch index (n−1)/2; the patch begins at `centre_px − (n−1)/2`. y is the row, x the column, no flip.

A reconstruction from positions in another frame looks perfect and lies up to a pixel off; only a comparison with
a stored object shows it (`ptycho validate --depth physics`). A pair written by `ptycho convert` names its frame in
the root attribute `ptycho_contracts_frame` of the para file."""


def write_reference(folder: Path | str) -> list[Path]:
    """Write every page below `folder` (usually `docs/`); returns the files that changed."""
    changed = []
    for name, text in pages().items():
        path = Path(folder) / name
        if _text(path) != text:
            atomic_write_text(path, text)
            changed.append(path)
    return changed


def check_reference(folder: Path | str) -> list[str]:
    """What is wrong with the pages below `folder`: missing, different, or of no contract; empty where all is well."""
    wanted, folder = pages(), Path(folder)
    problems = [
        f"{name} is {'different from' if (folder / name).is_file() else 'missing, unlike'} what the contracts declare"
        for name, text in wanted.items()
        if _text(folder / name) != text
    ]
    stale = (path.relative_to(folder).as_posix() for path in sorted((folder / "contracts").glob("*.md")))
    return problems + [f"{name} belongs to no contract" for name in stale if name not in wanted]


def pages() -> dict[str, str]:
    """Every page by its path below the docs folder."""
    contracts = {f"contracts/{c.id}.md": contract_page(c) for c in all_contracts().values()}
    return contracts | {"codes.md": _codes_page(), "frames.md": _frames_page()}


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _codes_page() -> str:
    codes = list(all_codes().values())
    overview = table(["code", "severity", "finding"], [[_link(c), c.severity.value, c.title] for c in codes])
    intro = (
        "Every finding has a code, and `ptycho explain CODE` prints what follows here. An error breaks a reader; "
        "warnings and hints help reuse."
    )
    return page("# Codes", GENERATED, intro, overview, *_code_sections(codes))


def _code_sections(codes: list[Code]) -> Iterator[str]:
    for digit, title in _RANGES.items():
        members = [code for code in codes if code.id[3] == digit]
        if members:
            yield f"## {digit}xx: {title}"
        for code in members:
            yield f"### {code.id}: {code.title}"
            yield f"{code.severity.value.capitalize()}, since {code.since}."
            yield f"**What:** {code.what}"
            yield f"**Why it matters:** {code.why}"
            yield f"**Fix:** {code.fix}"


def _link(code: Code) -> str:
    return f"[{code.id}](#{code.id.lower()}-{''.join(_slug(code.title))})"


def _slug(title: str) -> Iterator[str]:
    """GitHub's anchor of a heading: lower case, spaces as hyphens, other signs left out."""
    for sign in title.lower():
        if sign == " ":
            yield "-"
        elif sign.isalnum() or sign in "-_":
            yield sign


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
