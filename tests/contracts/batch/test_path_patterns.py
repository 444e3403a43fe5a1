"""Patterns of paths mean what the documentation says, and never raise in the middle of a run."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_contracts.path_patterns import checked, matches

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/*?[]!^\\\n\0"), min_size=1, max_size=8)
PATHS = st.lists(NAMES, min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("raw/**", "raw/a.h5", True),
        ("raw/**", "raw/2024/a.h5", True),
        ("raw/**", "other/raw/a.h5", False),
        ("**/raw/**", "other/raw/a.h5", True),
        ("raw", "raw/2024/a.h5", True),
        ("raw", "other/raw/a.h5", True),
        ("raw/", "raw/a.h5", True),
        ("/raw", "raw/a.h5", True),
        ("raw", "drawn/a.h5", False),
        ("*.cxi", "a/b/c.cxi", True),
        ("*.cxi", "c.cxi.bak", False),
        ("a/*.h5", "a/b.h5", True),
        ("a/*.h5", "a/b/c.h5", False),
        ("a/**/c.h5", "a/c.h5", True),
        ("a/**/c.h5", "a/b/b/c.h5", True),
        ("scan_0[1-3].npz", "x/scan_02.npz", True),
        ("scan_0[!1-3].npz", "scan_02.npz", False),
        ("scan_?.npz", "scan_1.npz", True),
        ("scan_?.npz", "scan_12.npz", False),
        ("a.h5", "aXh5", False),
        ("[abc", "[abc", True),
    ],
)
def test_what_fits(pattern: str, path: str, fits: bool) -> None:
    assert matches(pattern, path) is fits


@given(PATHS)
def test_a_path_fits_itself_its_folders_and_two_stars(parts: list[str]) -> None:
    path = "/".join(parts)
    assert matches(path, path)
    assert all(matches("/".join(parts[:end]), path) for end in range(1, len(parts)))
    assert matches("**", path)
    assert matches("**/" + parts[-1], path)
    assert matches("/".join("*" for _ in parts), path)


@given(PATHS, NAMES)
def test_a_pattern_with_a_slash_is_anchored(parts: list[str], name: str) -> None:
    path = "/".join(parts)
    assert matches(f"{parts[0]}/**", f"{name}/{path}") is (
        name == parts[0] or re.fullmatch(re.escape(parts[0]), name) is not None
    )


@given(st.text(max_size=12))
def test_a_pattern_is_refused_at_once_or_never_raises(pattern: str) -> None:
    try:
        sound = checked(pattern)
    except ValueError:
        return
    assert sound == pattern
    assert matches(pattern, "a/b") in (True, False)


@pytest.mark.parametrize("pattern", ["", "/", "[z-a]"])
def test_patterns_that_mean_nothing(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"pattern"):
        checked(pattern)
