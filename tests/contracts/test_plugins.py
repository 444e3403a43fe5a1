"""Plug-ins are found by entry point; a broken one is one warning and takes nothing with it."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ptycho_contracts.plugins import PtychoPluginWarning, contributed, load_plugins, one_or_many

GROUP = "ptycho_adapters.formats"


class Site:
    """A folder on the path with packages in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, distribution: str, module: str, text: str, points: str, version: str = "1.0") -> None:
        (self.folder / f"{module}.py").write_text(text)
        info = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[{GROUP}]\n{points}\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield Site(tmp_path)
    for name in set(sys.modules) - before:
        del sys.modules[name]


def texts(found: Any) -> list[tuple[str, str]]:
    return [(text.upper(), text) for text in one_or_many(found, str)]


def loaded(taken: set[str] | None = None) -> tuple[dict[str, str], list[str]]:
    """What the plug-ins of this test add, and every warning."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        plugins = load_plugins(GROUP, texts, taken or set())
    assert all(w.category is PtychoPluginWarning for w in caught)
    return contributed(plugins), [str(w.message) for w in caught]


def test_without_plugins_nothing_is_added() -> None:
    assert loaded() == ({}, [])


def test_one_thing_or_several(site: Site) -> None:
    site.install("lab-b", "lab_b", "ONE = 'x'\nMANY = ('y', 'z')\n", "one = lab_b:ONE\nmany = lab_b:MANY")
    assert loaded() == ({"X": "x", "Y": "y", "Z": "z"}, [])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raise RuntimeError('no licence\\nfound')", "RuntimeError: no licence found"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("import not_installed_anywhere", "ModuleNotFoundError: No module named 'not_installed_anywhere'"),
        ("OTHER = 1", "AttributeError: module 'broken' has no attribute 'THING'"),
        ("THING = 7", "TypeError: it must be str, or a tuple of these, and holds int"),
        ("THING = ()", "TypeError: it must be str, or a tuple of these, and is empty"),
        ("THING = ('a', 7)", "TypeError: it must be str, or a tuple of these, and holds int"),
    ],
)
def test_a_broken_one_is_one_warning_and_the_others_work(site: Site, text: str, reason: str) -> None:
    site.install("lab-broken", "broken", text, "thing = broken:THING", "0.3")
    site.install("lab-good", "good", "GOOD = 'g'", "good = good:GOOD")
    added, said = loaded()
    assert added == {"G": "g"}
    assert said == [f"format plug-in 'thing' (broken:THING) of lab-broken 0.3: left out, because {reason}"]


def test_a_name_of_ours_is_refused_and_the_rest_is_taken(site: Site) -> None:
    site.install("lab-b", "lab_b", "MANY = ('ours', 'z')", "many = lab_b:MANY")
    added, said = loaded({"OURS"})
    assert added == {"Z": "z"}
    assert said == [
        "format plug-in 'many' (lab_b:MANY) of lab-b 1.0: 'OURS' refused, because the name is taken",
    ]


def test_of_two_that_take_one_name_the_first_by_distribution_keeps_it(site: Site) -> None:
    site.install("lab-b", "lab_b", "SAME = 'same'", "same = lab_b:SAME")
    site.install("lab-a", "lab_a", "SAME = 'SAME'", "same = lab_a:SAME")
    added, said = loaded()
    assert added == {"SAME": "SAME"}
    assert len(said) == 1
    assert "lab-b 1.0: 'SAME' refused" in said[0]
