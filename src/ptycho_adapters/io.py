"""Reading any artifact to Scans and writing a Scan in any format, by contract id."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from ptycho_adapters.codec import (
    Codec,
    ConversionError,
    Loaded,
    OptionError,
    ReadOptions,
    Written,
    all_codecs,
)
from ptycho_adapters.needs import check_needs
from ptycho_contracts import engine_codes as codes
from ptycho_contracts.contract import ArrayContract, contract_of_part
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.opening import identify
from ptycho_contracts.sources.base import SourceError

if TYPE_CHECKING:
    import xarray as xr


def read(path: Path | str, options: ReadOptions | None = None) -> Loaded:
    """The Scans of the artifact at `path`, whose contract is recognised by its members; patterns stay in the file.

    Args:
        path: Any file of the artifact.
        options: What the caller says of it, and how open questions are decided; by default by evidence.

    Raises:
        ConversionError: nothing reads it, it breaks its contract, or it cannot be established how it is meant.
        KeyError: no frame has the name that the options give.
    """
    contract, _ = recognised(Path(path))
    return read_with(reader_of(contract, Path(path)), Path(path), options or ReadOptions())


def write(
    scan: xr.Dataset,
    folder: Path | str,
    to: str,
    name: str,
    *,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Written:
    """Write a Scan in the format `to`; its files appear whole or not at all.

    Args:
        scan: Of `read`, or made by `scan.make_scan`.
        folder: Where the files go; created where absent.
        to: Contract id of the format.
        name: Stem of the files.
        overwrite: Replace files that exist.
        progress: Called with (patterns written, all patterns).

    Raises:
        ConversionError: the format cannot hold the scan, or a file exists already.
        KeyError: no codec writes that format.
    """
    codec = writer_of(to)
    if not overwrite:
        refuse_existing(codec, Path(folder), [name])
    return write_with(codec, scan, Path(folder), name, progress)


def recognised(path: Path) -> tuple[ArrayContract, dict[str, Path]]:
    """The contract that the artifact at `path` looks like, and its files by role; imports no codec.

    A half of a pair whose other half is absent is what it is alone: parameters, or patterns.

    Raises:
        ConversionError: no contract recognises it.
    """
    contract, files, findings = identify(path)
    if contract is None:
        raise ConversionError(*findings)
    return contract_of_part(contract, files) or contract, files


def absent_half(path: Path) -> list[Finding]:
    """That the other half of a pair is not there, where that is so."""
    return [found for found in identify(path)[2] if found.code == codes.PARTNER_ABSENT.id]


def reader_of(contract: ArrayContract, path: Path) -> Codec:
    """The codec that reads a contract; `path` is the artifact, for the message.

    Raises:
        ConversionError: there is none.
    """
    codec = all_codecs().get(contract.id)
    if codec is None or codec.read is None:
        raise ConversionError(
            finding(
                codes.UNKNOWN_CONTRACT,
                f"{next(iter(contract.files))}:/",
                f"{path.name} is {contract.id}, which cannot be converted",
                expected=", ".join(c.id for c in all_codecs().values() if c.read is not None),
                found=contract.id,
                fix="A pair is converted from either of its files; both must be there.",
            )
        )
    return codec


def writer_of(contract_id: str) -> Codec:
    """The codec that writes a format.

    Raises:
        KeyError: there is none; the message names the nearest and all that there are.
    """
    codec = all_codecs().get(contract_id)
    if codec is None or codec.write is None:
        writable = [c.id for c in all_codecs().values() if c.write is not None]
        near = get_close_matches(contract_id, writable, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise KeyError(f"nothing writes {contract_id!r}{hint}; writable: {', '.join(writable)}")
    return codec


def read_with(codec: Codec, path: Path, options: ReadOptions) -> Loaded:
    """Read by a codec that `reader_of` has found.

    Raises:
        ConversionError: the source is damaged, or says something that a Scan cannot hold; or of the codec.
        OptionError: an option means nothing to this format.
    """
    assert codec.read is not None  # `reader_of` chooses among those that read
    refuse_idle_options(codec, options)
    with _as_findings(f"{codec.id}:/", f"{path.name} cannot be read"):
        return codec.read(path, options)


def refuse_idle_options(codec: Codec, options: ReadOptions) -> None:
    """Stop where an option would be ignored.

    Raises:
        OptionError: naming those that mean nothing to the format.
    """
    given = {
        "match": ("--order match", options.order == "match"),
        "frame": ("--frame", options.frame is not None),
        "values": ("--values", options.values is not None),
        "propagation": ("--propagation", options.propagation is not None),
    }
    idle = [label for name, (label, used) in given.items() if used and name not in codec.takes]
    if idle:
        raise OptionError(f"{', '.join(idle)} means nothing to {codec.id}")


def write_with(
    codec: Codec, scan: xr.Dataset, folder: Path, name: str, progress: Callable[[int, int], None] | None
) -> Written:
    """Write by a codec that `writer_of` has found.

    Raises:
        ConversionError: the format cannot hold the scan, or the source proves damaged when its patterns are read.
    """
    assert codec.write is not None  # `writer_of` chooses among those that write
    check_needs(codec, scan, name)
    with _as_findings(f"{codec.id}:/", f"{name} cannot be written"):
        return codec.write(scan, folder, name, progress)


@contextmanager
def _as_findings(location: str, what: str) -> Iterator[None]:
    """What codecs raise about data, as findings."""
    try:
        yield
    except SourceError as error:
        raise ConversionError(*error.findings) from error
    except ValueError as error:
        raise ConversionError(finding(codes.NOT_REPRESENTABLE, location, f"{what}: {error}")) from error


def refuse_existing(codec: Codec, folder: Path, names: list[str]) -> None:
    """Stop before anything is overwritten.

    Raises:
        ConversionError: naming the files that exist.
    """
    existing = [p for name in names for p in codec.targets(folder, name).values() if p.exists()]
    if existing:
        raise ConversionError(
            finding(
                codes.OUTPUT_EXISTS,
                f"{codec.id}:/",
                f"{folder} already holds {', '.join(p.name for p in existing)}",
                expected="a folder without them",
            )
        )
