"""Where things come from: digests of files and source trees, commits, versions."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ptycho_contracts.atomic import sha256_of
from ptycho_contracts.contracts.run_manifest import CodeIdentity, FileDigest

_GIT_TIMEOUT_S = 20
_PACKAGES = ("ptycho-contracts", "numpy", "h5py", "pydantic")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages of this process that a result depends on."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed as a package"
    return found


def file_digest(role: str, path: Path, relative_to: Path | None = None) -> FileDigest:
    """A file pinned by its content; its path is relative where it lies inside `relative_to`."""
    inside = relative_to is not None and path.is_relative_to(relative_to)
    shown = path.relative_to(relative_to) if inside and relative_to is not None else path.absolute()
    return FileDigest(role=role, path=str(shown), sha256=sha256_of(path), bytes=path.stat().st_size)


def code_identity(root: Path, name: str, generation: str | None = None) -> CodeIdentity:
    """Which program text lies in a folder: digest of its sources, and commit where the folder is a git checkout."""
    commit = _git(root, "rev-parse", "HEAD") if (root / ".git").exists() else None
    changes = _git(root, "status", "--porcelain", "--untracked-files=no") if commit else None
    return CodeIdentity(
        name=name,
        generation=generation,
        commit=commit,
        dirty=None if changes is None else bool(changes),
        sha256=tree_digest(root, sources_of(root)),
    )


def sources_of(root: Path) -> list[Path]:
    """The Python files below a folder, hidden folders excepted, in the order of their names."""
    found = (path for path in root.rglob("*.py") if path.is_file())
    return sorted(p for p in found if not any(part.startswith(".") for part in p.relative_to(root).parts))


def tree_digest(root: Path, paths: Iterable[Path]) -> str:
    """SHA-256 over the relative names and the contents of files, in the given order."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{sha256_of(path)}  {path.relative_to(root).as_posix()}\n".encode())
    return digest.hexdigest()


def _git(root: Path, *arguments: str) -> str | None:
    """What git prints, stripped; None where there is no git, or it refuses the folder."""
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_GIT_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
