"""What a checkout is: a folder of the flat PtychoViT generation, or the word `reference`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ptycho_contracts.contracts.run_manifest import CodeIdentity
from ptycho_contracts.finding import finding
from ptycho_contracts.run_codes import NOT_A_FLAT_CHECKOUT
from ptycho_runners.errors import RunError
from ptycho_runners.provenance import code_identity

REFERENCE = "reference"
_FLAT = ("main.py", "data.py", "training.py", "model/model.py")
_PACKAGES = {
    "ptycho_vit": "the package generation ptycho_vit, started with `python -m ptycho_vit.train --config`",
    "ptycho_fm": "the package generation ptycho_fm, started with `python -m ptycho_fm.train --config`",
}


@dataclass(frozen=True)
class Checkout:
    """A flat checkout on this machine."""

    root: Path
    identity: CodeIdentity


def find_checkout(spec: str | Path) -> Checkout:
    """The checkout that a user names.

    Args:
        spec: a folder, or `reference` for the bundled checkout.

    Raises:
        RunError: NOT_A_FLAT_CHECKOUT, saying what the folder is instead or what it lacks.
    """
    bundled = str(spec) == REFERENCE
    root = Path(__file__).parents[1] / "reference_checkout" if bundled else Path(spec).expanduser().absolute()
    problem = _problem(root)
    if problem is not None:
        raise RunError(finding(NOT_A_FLAT_CHECKOUT, f"checkout:/{root.name}", f"{root} {problem}"))
    return Checkout(root, code_identity(root, REFERENCE if bundled else root.name, "flat"))


def _problem(root: Path) -> str | None:
    """Why a folder is no flat checkout, or None where it is one."""
    if not root.is_dir():
        return "is not a folder"
    for package, meaning in _PACKAGES.items():
        if (root / package / "__init__.py").is_file() or (root / package / "train.py").is_file():
            return f"is {meaning}; only the flat generation is supported"
    missing = [name for name in _FLAT if not (root / name).is_file()]
    return f"has no {', '.join(missing)}" if missing else None
