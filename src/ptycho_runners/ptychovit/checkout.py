"""What a checkout is: a folder of the flat PtychoViT generation, or the word `reference`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ptycho_contracts.contracts.run_manifest import CodeIdentity
from ptycho_contracts.finding import finding
from ptycho_contracts.run_codes import NOT_A_FLAT_CHECKOUT
from ptycho_runners.errors import RunError
from ptycho_runners.provenance import code_identity
from ptycho_runners.ptychovit.program_text import class_names

REFERENCE = "reference"
Generation = Literal["flat", "ptycho_vit", "ptycho_fm", "unknown"]

_FLAT = ("main.py", "data.py", "training.py", "model/model.py")


@dataclass(frozen=True)
class _Package:
    """A later generation: its package, what tells it, and why driving it would be unsafe."""

    name: Generation
    model_classes: frozenset[str]
    why_not: str


_PACKAGES = (
    _Package(
        "ptycho_vit",
        frozenset({"PtychoViT"}),
        "it guesses whether positions are pixels or metres, zero-pads and resamples what is not of its size, and looks "
        "normalizations up by relative path, so that what it makes of a pair is not what our checks have checked",
    ),
    _Package(
        "ptycho_fm",
        frozenset({"PtychoFM"}),
        "its training reads pairs past the dataset class that our bridge watches, and its models, learning-rate "
        "groups and state file (format_version 2) are others",
    ),
)


@dataclass(frozen=True)
class Checkout:
    """A flat checkout on this machine."""

    root: Path
    identity: CodeIdentity


@dataclass(frozen=True)
class Recognition:
    """Which generation lies in a folder, and by what it was told; for all but `flat` also why it is refused."""

    generation: Generation
    reason: str


def find_checkout(spec: str | Path) -> Checkout:
    """The checkout that a user names.

    Args:
        spec: a folder, or `reference` for the bundled checkout.

    Raises:
        RunError: NOT_A_FLAT_CHECKOUT, saying what the folder is instead or what it lacks.
    """
    root = root_of(spec)
    recognised = recognise(root)
    if recognised.generation != "flat":
        raise RunError(finding(NOT_A_FLAT_CHECKOUT, f"checkout:/{root.name}", f"{root} {recognised.reason}"))
    return Checkout(root, identity_of(spec, recognised.generation))


def root_of(spec: str | Path) -> Path:
    """The folder that a user means."""
    if str(spec) == REFERENCE:
        return Path(__file__).parents[1] / "reference_checkout"
    return Path(spec).expanduser().absolute()


def identity_of(spec: str | Path, generation: Generation) -> CodeIdentity:
    """Commit, state and digest of a checkout's program text, whatever its generation."""
    root = root_of(spec)
    return code_identity(root, REFERENCE if str(spec) == REFERENCE else root.name, generation)


def recognise(root: Path) -> Recognition:
    """Tell the generation by files and by the names of classes; nothing is imported."""
    if not root.is_dir():
        return Recognition("unknown", "is not a folder")
    for package in _PACKAGES:
        told_by = _told_by(root, package)
        if told_by is not None:
            start = f"python -m {package.name}.train --config"
            reason = f"is the package generation {package.name} ({told_by}; started with `{start}`); "
            return Recognition(package.name, f"{reason}only the flat generation is supported: {package.why_not}")
    missing = [name for name in _FLAT if not (root / name).is_file()]
    if missing:
        return Recognition("unknown", f"has no {', '.join(missing)}")
    return Recognition("flat", f"has {', '.join(_FLAT)}")


def _told_by(root: Path, package: _Package) -> str | None:
    """What shows that the package lies in a folder, or in its `src`; None where nothing does."""
    for folder in (root / package.name, root / "src" / package.name):
        shown = folder.relative_to(root).as_posix()
        for path in sorted(folder.glob("model/*.py")):
            for name in sorted(package.model_classes & class_names(path)):
                return f"class {name} in {shown}/model/{path.name}"
        for name in ("train.py", "__init__.py"):
            if (folder / name).is_file():
                return f"{shown}/{name} is there"
    return None
