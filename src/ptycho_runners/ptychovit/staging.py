"""The pairs of a training as links in its run directory, so that `data_path` holds exactly what was chosen."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

TRAIN, TEST = "work/train", "work/test"
Link = tuple[str, Path]


def links_to(paths: Iterable[Path], folder: str) -> tuple[Link, ...]:
    """A link in a folder of the run directory for each file, under the file's own name."""
    return tuple((f"{folder}/{path.name}", path) for path in paths)


def stage(run_dir: Path, links: Iterable[Link]) -> None:
    """Make the links, and take away what else lies in their folders: PtychoViT trains on every pair it sees."""
    targets = {run_dir / name: target for name, target in links}
    for folder in {link.parent for link in targets}:
        folder.mkdir(parents=True, exist_ok=True)
        for stray in set(folder.iterdir()) - targets.keys():
            stray.unlink()
    for link, target in targets.items():
        if link.is_symlink() and os.readlink(link) == str(target):
            continue
        link.unlink(missing_ok=True)
        link.symlink_to(target)
