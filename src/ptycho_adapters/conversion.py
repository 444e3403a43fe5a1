"""Conversion between formats: read to Scans, decide what is open, write, and say in a manifest what happened."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from ptycho_adapters.codec import Codec, ConversionError, Loaded, OptionError, ReadOptions, Written
from ptycho_adapters.composition import composed
from ptycho_adapters.io import absent_half, read_with, reader_of, recognised, refuse_existing, write_with, writer_of
from ptycho_adapters.needs import Part
from ptycho_contracts import __version__
from ptycho_contracts import engine_codes as codes
from ptycho_contracts.atomic import atomic_write_json, sha256_of
from ptycho_contracts.contracts.conversion_manifest import ConversionManifest, OutputRecord
from ptycho_contracts.contracts.ptychovit_dp import DpFile
from ptycho_contracts.contracts.ptychovit_para import ParaFile
from ptycho_contracts.contracts.run_manifest import FileDigest
from ptycho_contracts.finding import finding

if TYPE_CHECKING:
    import xarray as xr

_T = TypeVar("_T")
_Outputs: TypeAlias = list[tuple[Written, Future[tuple[FileDigest, ...]]]]

MANIFEST_SUFFIX = "_conversion.json"


@dataclass(frozen=True)
class Converted:
    """What a conversion left: the manifest, where it lies, and the files by role for each object."""

    manifest: ConversionManifest
    manifest_path: Path
    files: list[Mapping[str, Path]]


def convert(
    source: Path | str,
    folder: Path | str,
    to: str,
    *,
    name: str | None = None,
    options: ReadOptions | None = None,
    take: Mapping[Part, Path | str] | None = None,
    object_median_one: bool = False,
    overwrite: bool = False,
) -> Converted:
    """Convert an artifact; several objects become several artifacts (`<name>_000`, `<name>_001`, …).

    Args:
        source: Any file of the artifact.
        folder: Where the outputs and the manifest (`<name>_conversion.json`) go.
        to: Contract id of the target.
        name: Stem of the outputs; by default that of the source.
        options: What the caller says of the source, and how its order is decided.
        take: Parts (`patterns`, `positions`, `probe`, `object`) that come from other artifacts; what is put together
            so is verified by evidence, unless the options say `as-stored`.
        object_median_one: Set the gauge so that the median object amplitude is 1; the factor is recorded.
        overwrite: Replace outputs that exist.

    Raises:
        ConversionError: the source breaks its contract, does not decide, or cannot be written as `to`; or an
            output exists already.
        KeyError: no codec of that id, or it cannot write.
        OptionError: an option means nothing to the source, or the name is none.
    """
    source, folder = Path(source), Path(folder)
    options = options or ReadOptions()
    if name is not None and (Path(name).name != name or name in {"", ".."}):
        raise OptionError(f"a name is the stem of a file, without a folder, not {name!r}")
    contract, files = recognised(source)
    others = {part: Path(path) for part, path in (take or {}).items()}
    # The digests of large files are computed while other work is done, beginning with the imports of the codecs.
    digests = _in_background(partial(_source_records, files, others))
    target = writer_of(to)
    stem = name or _stem(source)
    with (
        read_with(reader_of(contract, source), source, options) as base,
        composed(base, others, options) as loaded,
        _all_or_none() as outputs,
    ):
        names = [stem] if len(loaded.scans) == 1 else [f"{stem}_{index:03d}" for index in range(len(loaded.scans))]
        _refuse_sources(target, folder, names, files.values())
        if not overwrite:
            refuse_existing(target, folder, names)
        for scan, part in zip(loaded.scans, names, strict=True):
            with _with_absent_half(source):
                written = write_with(
                    target, _gauged(scan, object_median_one), folder, part, options.step(f"writing {part}")
                )
            outputs.append((written, _in_background(partial(_output_records, written))))
        said = _said(options, others, object_median_one)
        manifest = _manifest((contract.id, to), digests.result(), said, loaded, outputs)
        path = folder / f"{stem}{MANIFEST_SUFFIX}"
        atomic_write_json(path, manifest.model_dump(mode="json"))
    return Converted(manifest, path, [written.files for written, _ in outputs])


def _refuse_sources(target: Codec, folder: Path, names: list[str], sources: Iterable[Path]) -> None:
    """A source is never overwritten, not even when it is asked for: it would be lost where the writing fails."""
    outputs = [path for name in names for path in target.targets(folder, name).values() if path.exists()]
    own = [path for path in outputs if any(path.samefile(source) for source in sources)]
    if own:
        raise ConversionError(
            finding(
                codes.OUTPUT_EXISTS,
                f"{target.id}:/",
                f"{', '.join(path.name for path in own)} is the source itself",
                expected="another folder or name than that of the source",
                fix="The source is never changed: name another folder, or another `--name`.",
            )
        )


@contextmanager
def _with_absent_half(source: Path) -> Iterator[None]:
    """What half a pair cannot become is told with what is missing beside it."""
    try:
        yield
    except ConversionError as error:
        raise ConversionError(*absent_half(source), *error.findings) from error


def _stem(source: Path) -> str:
    stem = source.name
    for suffix in (DpFile.suffix, ParaFile.suffix, ".npz", ".hdf5", ".h5", ".cxi", ".ptyd", ".ptyr"):
        stem = stem.removesuffix(suffix)
    return stem


def _gauged(scan: xr.Dataset, median_one: bool) -> xr.Dataset:
    from ptycho_adapters.gauge import median_to_one, rescale_object  # noqa: PLC0415 - imports xarray

    return rescale_object(scan, median_to_one(scan)) if median_one else scan


@contextmanager
def _all_or_none() -> Iterator[_Outputs]:
    """The list of what is written; an exception removes it again: artifacts without a manifest help nobody."""
    outputs: _Outputs = []
    try:
        yield outputs
    except BaseException:
        for written, _ in outputs:
            for path in written.files.values():
                path.unlink(missing_ok=True)
        raise


def _in_background(work: Callable[[], _T]) -> Future[_T]:
    """The future result of `work`, done in a daemon thread: it does not hold up a conversion that is refused."""
    future: Future[_T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def _output_records(written: Written) -> tuple[FileDigest, ...]:
    return tuple(_record(role, path, path.name) for role, path in written.files.items())


def _record(role: str, path: Path, shown: str) -> FileDigest:
    return FileDigest(role=role, path=shown, sha256=sha256_of(path), bytes=path.stat().st_size)


def _source_records(files: Mapping[str, Path], others: Mapping[Part, Path]) -> tuple[FileDigest, ...]:
    """The files of the source, and those that parts were taken from (each once, under its first part's name)."""
    parts = {path: f"{part}-from" for part, path in reversed(list(others.items()))}
    own = [_record(role, path, str(path)) for role, path in files.items()]
    taken = [(f"{name}:{role}", path) for given, name in parts.items() for role, path in recognised(given)[1].items()]
    return (*own, *(_record(role, path, str(path)) for role, path in taken))


def _said(options: ReadOptions, others: Mapping[Part, Path], median_one: bool) -> dict[str, Any]:
    """What the caller said, for the manifest."""
    said = {k: v for k, v in asdict(options).items() if v is not None and k != "progress"}
    return said | {f"{part}_from": str(path) for part, path in others.items()} | {"object_median_one": median_one}


def _manifest(
    contracts: tuple[str, str],
    source: tuple[FileDigest, ...],
    said: dict[str, Any],
    loaded: Loaded,
    outputs: _Outputs,
) -> ConversionManifest:
    records = tuple(
        OutputRecord(files=files.result(), facts=dict(written.facts), dropped=tuple(written.dropped))
        for written, files in outputs
    )
    placeholder = any(written.facts.get("pixel_size_is_placeholder") for written, _ in outputs)
    return ConversionManifest(
        tool=f"ptycho-contracts {__version__}",
        finished_at=datetime.now(UTC),
        source_contract=contracts[0],
        target_contract=contracts[1],
        source=source,
        options=said,
        decisions=loaded.decisions,
        dropped=tuple(loaded.dropped),
        placeholders=("pixel size: 1.0 stands for an unknown one",) if placeholder else (),
        outputs=records,
    )
