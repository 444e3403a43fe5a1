"""What is examined where files, folders, patterns and run directories are named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ptycho_contracts.batch.discover import discover, looks_like_data, relative_to


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as projects have them; the current one."""
    for name in (
        "pairs/a_dp.hdf5",
        "pairs/a_para.hdf5",
        "pairs/alone_dp.hdf5",
        "raw/2024/one.npz",
        "raw/2024/two.cxi",
        "raw/notes.txt",
        "raw/settings.json",
        "raw/train_conversion.json",
        "raw/.hidden.npz",
        ".git/x.npz",
        "run1/best_model.pth",
        "run1/config.yaml",
        "run1/inner/y.npz",
        "weights/lonely.pth",
        "config.yaml",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(*arguments: str, exclude: tuple[str, ...] = (), join_pairs: bool = True) -> list[str]:
    return [p.as_posix() for p in discover(arguments, Path.cwd(), exclude, join_pairs=join_pairs).artifacts]


@pytest.mark.usefixtures("project")
class TestDiscover:
    def test_a_folder_is_searched_to_the_bottom(self) -> None:
        assert names(".") == [
            "config.yaml",
            "pairs/a_dp.hdf5",
            "pairs/alone_dp.hdf5",
            "raw/train_conversion.json",
            "raw/2024/one.npz",
            "raw/2024/two.cxi",
            "run1",
        ]

    def test_a_pair_counts_once(self) -> None:
        assert names("pairs/a_para.hdf5", "pairs/a_dp.hdf5", "pairs") == ["pairs/a_para.hdf5", "pairs/alone_dp.hdf5"]
        both = ["pairs/a_para.hdf5", "pairs/a_dp.hdf5"]
        assert names(*both, join_pairs=False) == both

    def test_one_file_under_two_names_counts_once(self) -> None:
        one = "raw/2024/one.npz"
        assert names(one, "./raw/2024/one.npz", str(Path(one).absolute()), "raw/2024") == [one, "raw/2024/two.cxi"]

    def test_files_are_taken_as_they_are_named(self) -> None:
        assert names("raw/notes.txt", "raw/.hidden.npz", "no/such.npz", "pairs/a") == [
            "raw/notes.txt", "raw/.hidden.npz", "no/such.npz", "pairs/a",
        ]  # fmt: skip

    def test_patterns_mean_what_a_shell_makes_of_them(self) -> None:
        assert names("raw/**/*.npz", "raw/2024/*.c?i") == ["raw/2024/one.npz", "raw/2024/two.cxi"]
        assert names("ra[w]/2024") == ["raw/2024/one.npz", "raw/2024/two.cxi"]

    def test_a_name_with_a_bracket_is_a_name(self) -> None:
        Path("scan[1].npz").touch()
        assert names("scan[1].npz") == ["scan[1].npz"]

    def test_what_is_excluded_is_counted_and_not_entered(self) -> None:
        found = discover(["."], Path.cwd(), ("raw", "a_para.hdf5"))
        assert [p.as_posix() for p in found.artifacts] == ["config.yaml", "pairs/alone_dp.hdf5", "run1"]
        assert found.excluded == 3
        assert found.empty == ()

    def test_excluded_holds_where_a_path_is_named(self) -> None:
        found = discover(["raw/2024/one.npz", str(Path("raw/2024/two.cxi").absolute())], Path.cwd(), ("raw/**",))
        assert (found.artifacts, found.excluded, found.empty) == ((), 2, ())

    def test_patterns_are_relative_to_the_project(self) -> None:
        found = discover(["2024"], Path.cwd(), ("raw/2024/*.cxi",)).artifacts
        os.chdir("raw")
        found = discover(["2024"], Path.cwd().parent, ("raw/2024/*.cxi",)).artifacts
        assert [p.as_posix() for p in found] == ["2024/one.npz"]

    def test_what_leads_to_nothing_is_told(self) -> None:
        Path("void").mkdir()
        assert discover(["void", "*.tif", "pairs"], Path.cwd()).empty == ("void", "*.tif")

    def test_links_to_folders_are_not_followed(self) -> None:
        os.symlink("..", "raw/loop")
        assert names("raw") == ["raw/train_conversion.json", "raw/2024/one.npz", "raw/2024/two.cxi"]


@pytest.mark.parametrize(
    "name", ["a.NPZ", "b.h5", "c.ptyd", "study.yaml", "x_conversion.json", "ptycho-contracts.toml"]
)
def test_what_looks_like_data(name: str) -> None:
    assert looks_like_data(name)


@pytest.mark.parametrize("name", ["README.md", "a.json", "pyproject.toml", ".a.npz", "a.pth", "npz"])
def test_what_does_not(name: str) -> None:
    assert not looks_like_data(name)


def test_paths_elsewhere_stay_absolute(tmp_path: Path) -> None:
    assert relative_to(tmp_path / "a" / "b", tmp_path) == "a/b"
    assert relative_to(tmp_path.parent / "b", tmp_path) == (tmp_path.parent / "b").as_posix()
