"""What the reference pages say of a format: what `ptycho` does with it, and the conventions of its codec."""

from __future__ import annotations

import inspect
import sys

from ptycho_adapters.codec import Codec, own_codecs
from ptycho_contracts.reference_contract import FormatNotes

_OPTIONS = {"pixel_size_m": "`--pixel-size-m`", "energy_eV": "`--energy-ev`", "distance_m": "`--distance-m`"}
# Not a part or a quantity that somebody could give.
_SAID_ELSEWHERE = {"far-field"}


def format_notes() -> dict[str, FormatNotes]:
    """The notes by contract id; the conventions are the docstring of the codec's module."""
    return {codec.id: _notes(codec) for codec in own_codecs().values()}


def _notes(codec: Codec) -> FormatNotes:
    functions = {"reads": codec.read, "writes": codec.write}
    able = {word: function for word, function in functions.items() if function is not None}
    module = sys.modules[next(iter(able.values())).__module__]
    needs = codec.needs - _SAID_ELSEWHERE if codec.write is not None else ()
    return FormatNotes(
        does=" and ".join(able),
        conventions=inspect.cleandoc(module.__doc__ or ""),
        needs=tuple(sorted(_OPTIONS.get(need, need) for need in needs)),
    )
