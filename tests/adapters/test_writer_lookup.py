"""The codec that writes a format is found by its exact name; a misspelt one is answered with the nearest."""

from __future__ import annotations

import pytest

from ptycho_adapters.io import writer_of


def test_a_misspelt_target_is_answered_with_the_nearest() -> None:
    with pytest.raises(KeyError, match=r"did you mean 'ptychovit-pair'\?; writable: .*ptychodus-product"):
        writer_of("ptychovit-pairs")


def test_a_target_like_none_is_answered_with_all() -> None:
    with pytest.raises(KeyError, match=r"nothing writes 'zzz'; writable: .*ptychovit-pair"):
        writer_of("zzz")
