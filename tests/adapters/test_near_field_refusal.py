"""Near-field patterns are refused by formats that stand for far-field ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ptycho_adapters import ConversionError, read
from ptycho_adapters.io import writer_of
from ptycho_adapters.needs import check_needs


def test_a_pair_of_near_field_patterns_is_refused(
    simulated: Callable[..., dict[str, NDArray[Any]]], tmp_path: Path
) -> None:
    np.savez(tmp_path / "split.npz", **simulated("test"))
    codec = writer_of("ptychovit-pair")
    with read(tmp_path / "split.npz") as loaded:
        scan = loaded.scans[0]
        check_needs(codec, scan, "scan")
        with pytest.raises(ConversionError) as refused:
            check_needs(codec, scan.assign_attrs(propagation="near-field"), "scan")
    assert [f.code for f in refused.value.findings] == ["PTY011"]
