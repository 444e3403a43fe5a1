"""`normalization.pkl` of PtychoViT: object name → maximum over its whole dp stack, as Python floats.

Upstream divides by it; an object that is missing here silently gets 100000.0 (flat generation, February 2026).
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

from ptycho_contracts.atomic import atomic_write_bytes


def write_normalization(path: Path, maxima: Mapping[str, float]) -> None:
    """Write the dictionary; plain floats, so that any restricted unpickler can read it.

    Raises:
        ValueError: empty, or a maximum is not positive and finite.
    """
    plain = {str(name): float(value) for name, value in maxima.items()}
    wrong = [name for name, value in plain.items() if not 0 < value < float("inf")]
    if wrong or not plain:
        raise ValueError(f"a maximum must be positive and finite; {wrong or 'there is none'}")
    # Writing a pickle is safe; reading one is what we never do.
    atomic_write_bytes(path, pickle.dumps(plain, protocol=4))


def maximum_intensity(dp: Path) -> float:
    """The largest value of a dp stack, in one streaming pass; memory does not grow with the file.

    Args:
        dp: a `<name>_dp.hdf5` whose structure is right.

    Raises:
        ValueError: no value is finite and positive, so that nothing can be divided by it.
    """
    import h5py  # noqa: PLC0415 - costs start-up time that most callers never need

    with h5py.File(dp, "r") as file:
        stack = file["dp"]
        maximum = max((float(stack[index].max()) for index in range(stack.shape[0])), default=0.0)
    if not 0 < maximum < float("inf"):
        raise ValueError(f"the maximum of {dp} is {maximum:g}; `ptycho validate --depth data` says where")
    return maximum
