"""What is taken for a checkout, and what is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from ptycho_runners.errors import RunError
from ptycho_runners.ptychovit.checkout import find_checkout


def test_the_word_reference_is_the_bundled_checkout() -> None:
    checkout = find_checkout("reference")
    assert (checkout.root / "main.py").is_file()
    assert (checkout.identity.name, checkout.identity.generation) == ("reference", "flat")


def test_a_folder_is_recognised_by_its_files(fake_checkout: Path) -> None:
    checkout = find_checkout(fake_checkout)
    assert checkout.root == fake_checkout
    assert (checkout.identity.name, checkout.identity.commit) == ("fake_checkout", None)


@pytest.mark.parametrize("package", ["ptycho_vit", "ptycho_fm"])
def test_package_generations_are_refused_by_name(tmp_path: Path, package: str) -> None:
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").touch()
    with pytest.raises(RunError, match=f"PTY504 .*package generation {package}.*only the flat"):
        find_checkout(tmp_path)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "main.py").touch()
    with pytest.raises(RunError, match=r"PTY504 .*has no data.py, training.py, model/model.py"):
        find_checkout(tmp_path)
    with pytest.raises(RunError, match=r"PTY504 .*is not a folder"):
        find_checkout(tmp_path / "absent")
