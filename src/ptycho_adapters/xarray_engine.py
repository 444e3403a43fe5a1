"""`xarray.open_dataset(path, engine="ptycho")`: any readable file as a Scan whose patterns stay in the file.

Nothing heavy is imported here, because xarray imports every engine when it opens anything.
"""

from __future__ import annotations

import inspect
import os
import re
import threading
import warnings
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn, Self

import xarray as xr
from xarray.backends import BackendArray, BackendEntrypoint
from xarray.core import indexing

if TYPE_CHECKING:
    from ptycho_adapters.codec import Loaded, Order, ReadOptions
    from ptycho_contracts.finding import Finding

# Attributes of the Dataset that say what reading decided and left out.
DECISIONS = "ptycho_decisions"
DROPPED = "ptycho_dropped"


class UnverifiedWarning(UserWarning):
    """How a file is to be read was taken from the file, and nobody asked for that."""


class PtychoBackend(BackendEntrypoint):
    """Opens ptychography files of every format that `ptycho convert` reads, as Scans (the contract `scan`).

    The patterns (`intensity`) are read when they are indexed, also by dask with `chunks=`; positions, probe and
    object are in memory. `ds.close()` closes the file. Not supported: pickling a Dataset that has not been loaded
    (so no distributed dask), and `open_mfdataset`, because the positions of each file belong to its own object.
    """

    description: ClassVar[str] = "Ptychography files (PtychoViT, PtychoPINN, Ptychodus, CXI, …) as lazy Scans"
    url: ClassVar[str] = "https://ptycho-contracts.readthedocs.io"

    def open_dataset(  # noqa: D417 - the read options are described where they are declared
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
        object: int = 0,
        order: Order | None = None,
        frame: str | None = None,
        values: Literal["amplitude", "intensity"] | None = None,
        pixel_size_m: float | None = None,
        energy_eV: float | None = None,
        distance_m: float | None = None,
        propagation: Literal["far-field", "near-field"] | None = None,
    ) -> xr.Dataset:
        """One Scan of a file. What reading decided is in `ds.attrs["ptycho_decisions"]`, as JSON.

        Args:
            filename_or_obj: Path of any file of the artifact; nothing else can be opened.
            drop_variables: Variables to leave out.
            object: Which Scan, where the file holds several objects.
            order: `as-stored` takes the file's word and reads no pattern; `auto` proves on every pattern how the file
                is to be read, and refuses what fits nothing; `match` assigns each pattern to the place that
                explains it. By default as stored, with an `UnverifiedWarning` where that leaves something open.

        The other arguments are those of `ReadOptions`.

        Raises:
            ValueError: the file is not recognised, breaks its contract or cannot be read so; the message lists every
                finding. Or there is no such object, or the format has no use for an option.
            FileNotFoundError: a file of the artifact does not exist.
            TypeError: `filename_or_obj` is no path.
        """
        from ptycho_adapters.codec import ReadOptions  # noqa: PLC0415 - see the module's docstring

        options = ReadOptions(
            order=order or "as-stored",
            frame=frame,
            values=values,
            pixel_size_m=pixel_size_m,
            energy_eV=energy_eV,
            distance_m=distance_m,
            propagation=propagation,
        )
        path = _as_path(filename_or_obj)
        loaded = _read(path, options)
        try:
            if order is None:
                _warn_of_what_is_open(path, loaded)
            scan = _chosen(loaded, object)
            dropped = {drop_variables} if isinstance(drop_variables, str) else set(drop_variables or ())
            return _lazily(scan.drop_vars(dropped & {str(name) for name in scan.variables}), loaded)
        except BaseException:
            loaded.close()
            raise

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Whether it is a file that fulfils, by its headers alone, a contract that is read here."""
        is_file = isinstance(filename_or_obj, str | os.PathLike) and os.path.isfile(filename_or_obj)
        return is_file and _fulfils_what_is_read(Path(filename_or_obj))


def _fulfils_what_is_read(path: Path) -> bool:
    """Stricter than recognition, which takes a broken file, or one by another name, for what it was meant to be."""
    from ptycho_adapters.codec import all_codecs  # noqa: PLC0415 - see the module's docstring
    from ptycho_contracts.codes import Severity  # noqa: PLC0415 - likewise
    from ptycho_contracts.opening import open_artifact  # noqa: PLC0415 - likewise
    from ptycho_contracts.structure import check_structure  # noqa: PLC0415 - likewise

    opened = open_artifact(path)
    if opened.artifact is None or opened.contract is None:
        return False
    with opened.artifact as artifact:
        found = [*opened.findings, *check_structure(opened.contract, artifact.description)]
    if any(f.severity is Severity.ERROR for f in found):
        return False
    endings = [model.suffix for model in opened.contract.files.values() if model.suffix]
    codec = all_codecs().get(opened.contract.id)
    return codec is not None and codec.read is not None and (not endings or path.name.endswith(tuple(endings)))


def _as_path(filename_or_obj: Any) -> Path:
    if not isinstance(filename_or_obj, str | os.PathLike):
        raise TypeError(
            f"the engine 'ptycho' opens files by path, not {type(filename_or_obj).__name__}: an artifact may have "
            "several files, which are found by their names"
        )
    return Path(filename_or_obj)


def _read(path: Path, options: ReadOptions) -> Loaded:
    from ptycho_adapters.codec import ConversionError  # noqa: PLC0415 - see the module's docstring
    from ptycho_adapters.io import read  # noqa: PLC0415 - likewise
    from ptycho_contracts.engine_codes import FILE_ABSENT  # noqa: PLC0415 - likewise

    try:
        return read(path, options)
    except ConversionError as error:
        text = f"{path} cannot be opened as a scan\n" + "\n".join(map(_told, error.findings))
        absent = any(found.code == FILE_ABSENT.id for found in error.findings)
        raise (FileNotFoundError(text) if absent else ValueError(text)) from error
    except KeyError as error:
        raise ValueError(error.args[0]) from error


def _warn_of_what_is_open(path: Path, loaded: Loaded) -> None:
    taken = [
        name for name, how in loaded.decisions.items() if isinstance(how, dict) and how.get("method") == "as-stored"
    ]
    if taken:
        warnings.warn(
            f"{path.name}: {' and '.join(taken)} taken as stored, not verified; order='auto' proves it on every "
            "pattern, order='as-stored' takes it without this warning",
            UnverifiedWarning,
            stacklevel=4,  # whoever called xarray.open_dataset
        )


def _told(found: Finding) -> str:
    lines = [f"{found.severity.upper()} {found.code} {found.location}: {found.message}"]
    facts = (("expected", found.expected), ("found", found.found), ("fix", _as_arguments(found.fix or "")))
    return "\n".join(lines + [f"  {label}: {text}" for label, text in facts if text])


def _as_arguments(text: str) -> str:
    """What a finding tells to say at the terminal, as arguments: `--order as-stored` is `order='as-stored'`."""
    arguments = inspect.signature(PtychoBackend.open_dataset).parameters

    def argument(match: re.Match[str]) -> str:
        name = match[1].replace("-", "_").replace("energy_ev", "energy_eV")
        value = "=…" if match[2] is None else f"={match[2]!r}"
        return f"`{name}{value}`" if name in arguments else match[0]

    return re.sub(r"`--([a-z-]+)(?: ([a-z|-]+))?`", argument, text)


def _chosen(loaded: Loaded, number: int) -> xr.Dataset:
    count = len(loaded.scans)
    if not 0 <= number < count:
        raise ValueError(f"the file holds {count} object{'s' if count > 1 else ''}: object is 0 to {count - 1}")
    return loaded.scans[number]


def _lazily(scan: xr.Dataset, loaded: Loaded) -> xr.Dataset:
    """The scan with patterns that threads may share, with what reading decided, and with the file to close."""
    import json  # noqa: PLC0415 - see the module's docstring

    notes = {DECISIONS: json.dumps(loaded.decisions) if loaded.decisions else "", DROPPED: "\n".join(loaded.dropped)}
    scan = scan.assign_attrs({name: text for name, text in notes.items() if text})
    if "intensity" in scan:
        patterns = scan["intensity"].variable
        shared = _OneAtATime(patterns)
        # Like xarray's own engines: a Dataset that nobody closed gives its file back when nothing reads it any more.
        weakref.finalize(shared, loaded.close)
        scan = scan.assign(intensity=(patterns.dims, indexing.LazilyIndexedArray(shared), patterns.attrs))
    scan.set_close(_Closing(loaded))
    return scan


class _Closing:
    """Closes the files of a Dataset; a pickle of the Dataset, which holds its data, has none to close."""

    def __init__(self, loaded: Loaded | None) -> None:
        self._loaded = loaded

    def __call__(self) -> None:
        if self._loaded is not None:
            self._loaded.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return _Closing, (None,)


class _OneAtATime(BackendArray):
    """The patterns of an open file, read by one thread at a time: the readers seek in one file."""

    def __init__(self, patterns: xr.Variable) -> None:
        self.shape = patterns.shape
        self.dtype = patterns.dtype
        self._patterns = patterns
        self._lock = threading.Lock()

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> Any:
        with self._lock:
            return self._patterns[key].values

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """A copy of a Dataset that is not loaded reads from the same file."""
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("the patterns of an open file cannot be pickled: `ds.load()` first, or open it in each process")
