"""The pytest plug-in, found by entry point: assertions about files, and files to test with.

Fixtures: `ptycho_valid(path)` fails with the whole report, `ptycho_file(contract)` writes a valid artifact to
`tmp_path`, `ptycho_broken_file(contract, code)` one with exactly that error. How deep `ptycho_valid` looks is its
argument, else the marker `@pytest.mark.ptycho(depth="physics")`, else the ini option `ptycho_depth`, else `header`.
Nothing but pytest is imported before a fixture is used.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from ptycho_contracts.finding import Depth, Report

__all__ = ["PtychoBrokenFile", "PtychoFile", "PtychoValid"]


class PtychoValid(Protocol):
    """What the fixture `ptycho_valid` is."""

    def __call__(self, path: Path | str, *, contract: str | None = None, depth: Depth | None = None) -> Report:
        """The report of an artifact without errors; fails with the report as text where there are some."""
        ...


class PtychoFile(Protocol):
    """What the fixture `ptycho_file` is."""

    def __call__(self, contract: str, *, name: str = "scan", **simulated: Any) -> Path:
        """Write a valid artifact or document; returns the path by which it is found.

        `seed=` and the fields of `ptycho_contracts.testing.Size` (`n=64, modes=2`) are for contracts of which a scan
        is simulated: pairs, RawData, grid-lines.
        """
        ...


class PtychoBrokenFile(Protocol):
    """What the fixture `ptycho_broken_file` is."""

    def __call__(self, contract: str, code: str, *, name: str = "scan", location: str | None = None) -> Path:
        """Write an artifact or document whose only errors have that code, at that location where one is given."""
        ...


def pytest_addoption(parser: pytest.Parser) -> None:
    """The ini option `ptycho_depth`."""
    parser.addini("ptycho_depth", "how deep ptycho_valid looks: header, data or physics", default="header")


def pytest_configure(config: pytest.Config) -> None:
    """The marker `ptycho`."""
    config.addinivalue_line("markers", "ptycho(depth): how deep ptycho_valid looks in this test")


@pytest.fixture
def ptycho_valid(request: pytest.FixtureRequest) -> PtychoValid:
    """Assert that an artifact has no error; its report."""
    marker = request.node.get_closest_marker("ptycho")
    stated = (marker.kwargs.get("depth") if marker else None) or request.config.getini("ptycho_depth")

    def check(path: Path | str, *, contract: str | None = None, depth: Depth | None = None) -> Report:
        __tracebackhide__ = True
        from ptycho_contracts.testing.assertions import assert_valid  # noqa: PLC0415 - see the module's docstring

        return assert_valid(path, contract=contract, depth=depth or stated)

    return check


@pytest.fixture
def ptycho_file(tmp_path: Path) -> PtychoFile:
    """Write a valid artifact or document of a contract to `tmp_path`."""

    def write(contract: str, *, name: str = "scan", **simulated: Any) -> Path:
        from ptycho_contracts.testing.files import write_example  # noqa: PLC0415 - see the module's docstring

        return write_example(contract, tmp_path, name, **simulated)

    return write


@pytest.fixture
def ptycho_broken_file(tmp_path: Path) -> PtychoBrokenFile:
    """Write an artifact or document with exactly one defect to `tmp_path`."""

    def write(contract: str, code: str, *, name: str = "scan", location: str | None = None) -> Path:
        from ptycho_contracts.testing.files import write_broken_example  # noqa: PLC0415 - see the module's docstring

        return write_broken_example(contract, code, tmp_path, name, location)

    return write
