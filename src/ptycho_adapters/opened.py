"""Opening a source for a codec: checked against its contract, and closed again where reading it fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ptycho_adapters.codec import ConversionError, Loaded
from ptycho_contracts.contract import ArrayContract
from ptycho_contracts.opening import open_checked
from ptycho_contracts.sources.base import Source, SourceError


def load_checked(path: Path, contract: ArrayContract, load: Callable[[dict[str, Source]], Loaded]) -> Loaded:
    """What `load` makes of the open files by role; it takes them over, in `Loaded.sources`.

    Raises:
        ConversionError: the artifact breaks its contract, or of `load`.
    """
    try:
        sources = open_checked(path, contract)
    except SourceError as error:
        raise ConversionError(*error.findings) from error
    try:
        return load(sources)
    except BaseException:
        for source in sources.values():
            source.close()
        raise
