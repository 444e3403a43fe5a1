"""Every picture of the gallery is made anew by the page itself, and looks like the committed one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

DOCS = Path(__file__).parents[2] / "docs"
PICTURES = re.findall(r"!\[[^]]+\]\(images/([\w.]+)\)", (DOCS / "gallery.md").read_text())
# Made by `make demo`, which takes minutes and has a test of its own.
ELSEWHERE = {"demo_compare.png"}
MOST_BYTES = 200_000
# Fonts and antialiasing differ between releases of matplotlib; a picture of something else differs by far more.
NEAR = 0.04

pytest.importorskip("matplotlib", reason="the extra plots is not installed")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    subprocess.run([sys.executable, DOCS / "make_gallery.py", folder], check=True, capture_output=True)
    return folder


def pixels(path: Path) -> NDArray[np.float32]:
    import matplotlib.image

    return np.asarray(matplotlib.image.imread(path), np.float32)


def test_the_page_makes_the_pictures_that_it_shows(made: Path) -> None:
    assert len(PICTURES) >= 4
    assert {path.name for path in made.iterdir()} == set(PICTURES) - ELSEWHERE
    assert {path.name for path in (DOCS / "images").iterdir()} >= set(PICTURES)


@pytest.mark.parametrize("name", sorted(set(PICTURES) - ELSEWHERE))
def test_a_committed_picture_is_small_and_like_the_one_made_anew(made: Path, name: str) -> None:
    committed = DOCS / "images" / name
    assert committed.stat().st_size < MOST_BYTES
    old, new = pixels(committed), pixels(made / name)
    assert all(abs(a - b) <= 0.02 * a for a, b in zip(old.shape, new.shape, strict=True))
    height, width = np.minimum(old.shape, new.shape)[:2]
    assert np.abs(old[:height, :width] - new[:height, :width]).mean() < NEAR
