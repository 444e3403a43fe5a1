"""The field's own tools open what we write: `make test-peers`, in an environment of its own.

Where the tools are not installed, the tests are skipped.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).parents[2] / "../shared/data"
# Compiled operators whose names torchvision 0.28 asks for when it is imported; no test calls one.
TORCHVISION_OPERATORS = (
    *("nms", "qnms", "qroi_align"),
    *(
        name
        for operator in ("roi_align", "ps_roi_align", "roi_pool", "ps_roi_pool", "deform_conv2d")
        for name in (operator, f"_{operator}_backward")
    ),
)
_kept: list[Any] = []


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "peers: needs the field's tools; run with `make test-peers`")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What other people's packages warn about is not our failure."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("peers")
            item.add_marker(pytest.mark.filterwarnings("default"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real sample files."""
    if not SHARED.is_dir():
        pytest.skip("needs the folder of real sample files beside the checkout")
    return SHARED


@pytest.fixture(scope="session")
def ptychodus() -> None:
    """Ptychodus is importable."""
    _need("ptychodus")


@pytest.fixture(scope="session")
def ptychi() -> Any:
    """`ptychi.api`."""
    _need("ptychi")
    declare_torchvision_operators()
    return importlib.import_module("ptychi.api")


@pytest.fixture(scope="session")
def cdtools() -> Any:
    """`cdtools`."""
    _need("cdtools")
    declare_torchvision_operators()
    return importlib.import_module("cdtools")


def _need(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"needs {package}: `make test-peers` installs it")


def declare_torchvision_operators() -> None:
    """Make the torchvision of PyPI importable beside a CPU build of torch, where its compiled operators do not load."""
    torch = importlib.import_module("torch")
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None or _kept:
        return
    try:
        torch.ops.load_library(str(Path(spec.origin).with_name("_C.so")))
    except OSError:
        library = torch.library.Library("torchvision", "DEF")
        for operator in TORCHVISION_OPERATORS:
            library.define(f"{operator}(Tensor x) -> Tensor")
        _kept.append(library)  # the operators live as long as it does
