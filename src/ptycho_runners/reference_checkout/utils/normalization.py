"""The normalization pickle: object name to the maximum of its patterns."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

DEFAULT_NORMALIZATION = 100000.0

_ALLOWED = {
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "scalar"),
}
"""What a pickled dict of numpy scalars names. Anything else could run code."""


class _NumbersOnly(pickle.Unpickler):
    """Unpickler that refuses every global but those of numpy scalars."""

    def find_class(self, module: str, name: str) -> Any:
        """Return an allowed global.

        Raises:
            pickle.UnpicklingError: for any other.

        """
        if (module, name) == ("_codecs", "encode"):
            # Protocols below 3 spell bytes as encoded text; only that one meaning is let in.
            return _latin1_bytes
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed in a normalization file")
        return super().find_class(module, name)


def _latin1_bytes(text: str, _encoding: str) -> bytes:
    """The bytes of a scalar in an old pickle."""
    return text.encode("latin1")


def read_normalization(path: Path) -> dict[str, float]:
    """Read a normalization file.

    Args:
        path: a pickled dict of object name to number.

    Returns:
        the same with Python floats.

    Raises:
        pickle.UnpicklingError: when the file is no pickle or names a forbidden global.
        TypeError: when it holds no dict of numbers.
        OSError: when it cannot be read.

    """
    with path.open("rb") as stream:
        content = _NumbersOnly(stream).load()
    if not isinstance(content, dict):
        raise TypeError(f"expected a dict, found {type(content).__name__}")
    return {str(name): float(value) for name, value in content.items()}


def normalization_of(name: str, path: str | Path | None) -> float:
    """Look up an object's normalization, or fall back with a warning on stdout as the real project does.

    The fallback is part of the interface: whoever runs a checkout has to notice it in the output.

    Args:
        name: object name.
        path: normalization file; None falls back without a word.

    Returns:
        the object's number, or 100000.0.

    """
    if path is None:
        return DEFAULT_NORMALIZATION
    path = Path(path)
    if not path.is_file():
        print(f"Normalization file not found at {path}; using {DEFAULT_NORMALIZATION}", flush=True)
        return DEFAULT_NORMALIZATION
    try:
        known = read_normalization(path)
    except (pickle.UnpicklingError, TypeError, ValueError, EOFError, OSError, AttributeError) as error:
        print(f"Error loading normalization file {path}: {error}; using {DEFAULT_NORMALIZATION}", flush=True)
        return DEFAULT_NORMALIZATION
    if name not in known:
        print(
            f"Object '{name}' not found in normalization dictionary {path}; using {DEFAULT_NORMALIZATION}",
            flush=True,
        )
        return DEFAULT_NORMALIZATION
    return known[name]
