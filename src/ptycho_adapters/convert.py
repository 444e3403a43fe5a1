"""Conversion between formats: read to Scans, decide what is open, write, and say in a manifest what happened."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import xarray as xr

from ptycho_adapters.codec import Codec, ConversionError, Loaded, ReadOptions, Written, all_codecs
from ptycho_adapters.gauge import median_to_one, rescale_object
from ptycho_contracts import __version__
from ptycho_contracts import engine_codes as codes
from ptycho_contracts.atomic import atomic_write_json, sha256_of
from ptycho_contracts.contracts.conversion_manifest import ConversionManifest, FileRecord, OutputRecord
from ptycho_contracts.finding import finding
from ptycho_contracts.opening import identify

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
        object_median_one: Set the gauge so that the median object amplitude is 1; the factor is recorded.
        overwrite: Replace outputs that exist.

    Raises:
        ConversionError: the source breaks its contract, does not decide, or cannot be written as `to`; or an
            output exists already.
        KeyError: no codec of that id, or it cannot write.
    """
    source, folder = Path(source), Path(folder)
    options = options or ReadOptions()
    target = _codec(to)
    origin = _source_codec(source)
    stem = name or _stem(source)
    with ThreadPoolExecutor(max_workers=1) as background:
        # The digest of a large source is computed while it is converted.
        digests = background.submit(lambda: {role: _record(role, p, str(p)) for role, p in origin[1].items()})
        assert origin[0].read is not None  # `_source_codec` chooses among those that read
        with origin[0].read(source, options) as loaded:
            scans = [_gauged(scan, object_median_one) for scan in loaded.scans]
            names = [stem] if len(scans) == 1 else [f"{stem}_{index:03d}" for index in range(len(scans))]
            if not overwrite:
                _refuse_existing(target, folder, names)
            written = [_write(target, scan, folder, part, options) for scan, part in zip(scans, names, strict=True)]
        manifest = _manifest((origin[0].id, to), digests.result(), options, loaded, written, object_median_one)
    path = folder / f"{stem}{MANIFEST_SUFFIX}"
    atomic_write_json(path, manifest.model_dump(mode="json"))
    return Converted(manifest, path, [w.files for w in written])


def _codec(contract_id: str) -> Codec:
    codecs = all_codecs()
    if contract_id not in codecs or codecs[contract_id].write is None:
        writable = ", ".join(c.id for c in codecs.values() if c.write is not None)
        raise KeyError(f"nothing writes {contract_id!r}; writable: {writable}")
    return codecs[contract_id]


def _source_codec(source: Path) -> tuple[Codec, dict[str, Path]]:
    contract, files, findings = identify(source)
    if contract is None:
        raise ConversionError(*findings)
    codec = all_codecs().get(contract.id)
    if codec is None or codec.read is None:
        readable = ", ".join(c.id for c in all_codecs().values() if c.read is not None)
        raise ConversionError(
            finding(
                codes.UNKNOWN_CONTRACT,
                "file:/",
                f"{source.name} is {contract.id}, which cannot be converted",
                expected=readable,
                found=contract.id,
                fix="A pair is converted from either of its files; both must be there.",
            )
        )
    return codec, files


def _stem(source: Path) -> str:
    stem = source.name
    for suffix in ("_dp.hdf5", "_para.hdf5", ".npz", ".hdf5", ".h5"):
        stem = stem.removesuffix(suffix)
    return stem


def _gauged(scan: xr.Dataset, median_one: bool) -> xr.Dataset:
    return rescale_object(scan, median_to_one(scan)) if median_one else scan


def _refuse_existing(target: Codec, folder: Path, names: list[str]) -> None:
    existing = [p for name in names for p in target.targets(folder, name).values() if p.exists()]
    if existing:
        raise ConversionError(
            finding(
                codes.OUTPUT_EXISTS,
                f"{target.id}:/",
                f"{', '.join(p.name for p in existing)} exists already in {folder}",
                expected="a folder without them",
            )
        )


def _write(target: Codec, scan: xr.Dataset, folder: Path, name: str, options: ReadOptions) -> Written:
    assert target.write is not None  # `_codec` chooses among those that write
    progress = options.progress
    step = None if progress is None else lambda done, count: progress(f"writing {name}", done, count)
    try:
        return target.write(scan, folder, name, step)
    except ValueError as error:
        raise ConversionError(
            finding(codes.NOT_REPRESENTABLE, f"{target.id}:/", f"{name} cannot be written: {error}")
        ) from error


def _record(role: str, path: Path, shown: str) -> FileRecord:
    return FileRecord(role=role, path=shown, sha256=sha256_of(path), bytes=path.stat().st_size)


def _manifest(
    contracts: tuple[str, str],
    source: dict[str, FileRecord],
    options: ReadOptions,
    loaded: Loaded,
    written: list[Written],
    median_one: bool,
) -> ConversionManifest:
    outputs = tuple(
        OutputRecord(
            files=tuple(_record(role, path, path.name) for role, path in w.files.items()),
            facts=dict(w.facts),
            dropped=tuple(w.dropped),
        )
        for w in written
    )
    said: dict[str, Any] = {k: v for k, v in asdict(options).items() if v is not None and k != "progress"}
    placeholder = any(w.facts.get("pixel_size_is_placeholder") for w in written)
    return ConversionManifest(
        tool=f"ptycho-contracts {__version__}",
        finished_at=datetime.now(UTC),
        source_contract=contracts[0],
        target_contract=contracts[1],
        source=tuple(source.values()),
        options={**said, "object_median_one": median_one},
        decisions=loaded.decisions,
        dropped=tuple(loaded.dropped),
        placeholders=("pixel size: 1.0 stands for an unknown one",) if placeholder else (),
        outputs=outputs,
    )
