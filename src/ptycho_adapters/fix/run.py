"""The repair of an artifact: what is safe goes into a new file, the source is never touched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from ptycho_adapters.codec import ConversionError
from ptycho_adapters.fix.copying import copy_with
from ptycho_adapters.fix.edits import Edit
from ptycho_adapters.fix.physics import Mended, mend
from ptycho_adapters.fix.structure import structural_edits
from ptycho_contracts import __version__
from ptycho_contracts import engine_codes as codes
from ptycho_contracts.atomic import atomic_write_json, sha256_of
from ptycho_contracts.codes import Severity
from ptycho_contracts.contract import ArrayContract, get_contract
from ptycho_contracts.contracts.fix_record import FixedItem, FixRecord
from ptycho_contracts.contracts.run_manifest import FileDigest
from ptycho_contracts.finding import Depth, Report, finding
from ptycho_contracts.opening import open_artifact
from ptycho_contracts.validation import validate

RECORD_SUFFIX = "_fix.json"
_COPIED = {"hdf5", "npz"}


@dataclass(frozen=True)
class Fixed:
    """What a repair left.

    Attributes:
        files: The new files by role; empty where there was nothing to repair.
        record: What was done; None where nothing was.
        record_path: Where it lies.
        after: What validation says of the result, or of the source where there is no result.
    """

    files: Mapping[str, Path]
    record: FixRecord | None
    record_path: Path | None
    after: Report


def fix(
    path: Path | str,
    folder: Path | str,
    *,
    contract: str | None = None,
    physics: bool = True,
    overwrite: bool = False,
) -> Fixed:
    """Write a repaired copy of an artifact into `folder`, under its own file names.

    First what the headers show and the file itself answers: axes of length 1, narrower element types, attributes that
    follow from others. Then, where object, probe, positions and patterns are all there, what the forward model
    *proves* on every pattern: axes, signs, frames, order, turned or shifted patterns, units, pixel size.

    Args:
        path: Any file of the artifact; never changed.
        folder: Where the copy goes; not the folder of the source.
        contract: Id, where the members do not tell.
        physics: Whether to ask the forward model.
        overwrite: Replace files of the folder.

    Raises:
        ConversionError: the artifact cannot be opened or recognised, has a finding about the file itself (0xx), or an
            output exists already.
        KeyError: no contract of that id.
    """
    path, folder = Path(path), Path(folder)
    depth: Depth = "physics" if physics else "data"
    before = validate(path, contract)
    _refuse_unsafe(before)
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".fix-", dir=folder) as draft:
        files, edits, staged = _structural(path, contract, before, Path(draft) / "structure")
        targets = {role: folder / file.name for role, file in files.items()}
        _refuse_existing(files, targets, overwrite)
        mended = mend(staged, str(before.contract), Path(draft) / "physics") if physics else None
        if not edits and mended is None:
            return Fixed({}, None, None, validate(path, contract, depth))
        final = staged if mended is None else mended.files
        for role, target in targets.items():
            final[role].replace(target)
    after = validate(next(iter(targets.values())), before.contract, depth)
    record = _record(before, files, targets, _items(edits, mended), mended, after)
    record_path = folder / f"{_stem(path)}{RECORD_SUFFIX}"
    atomic_write_json(record_path, record.model_dump(mode="json"))
    return Fixed(targets, record, record_path, after)


def _refuse_unsafe(report: Report) -> None:
    """Findings about the file itself (damage, pickles, links that leave it) are nobody's to copy."""
    unsafe = [f for f in report.errors if f.code.startswith("PTY0")]
    if report.contract is None or unsafe:
        raise ConversionError(*(unsafe or report.findings))


def _refuse_existing(files: Mapping[str, Path], targets: Mapping[str, Path], overwrite: bool) -> None:
    own = [t for role, t in targets.items() if t.exists() and t.samefile(files[role])]
    existing = own or [t for t in targets.values() if t.exists() and not overwrite]
    if existing:
        raise ConversionError(
            finding(
                codes.OUTPUT_EXISTS,
                "file:/",
                f"{existing[0].parent} already holds {', '.join(t.name for t in existing)}",
                expected="another folder than that of the source" if own else "a folder without them",
                fix="The source is never changed: name another folder." if own else None,
            )
        )


def _structural(
    path: Path, contract: str | None, before: Report, draft: Path
) -> tuple[dict[str, Path], list[Edit], dict[str, Path]]:
    """The source's files, the edits, and copies with these made."""
    named = get_contract(contract) if contract else None
    opened = open_artifact(path, named if isinstance(named, ArrayContract) else None)
    if opened.artifact is None:
        raise ConversionError(*before.findings, *opened.findings)
    with opened.artifact as artifact:
        edits = structural_edits(artifact, list(before.findings))
        infos = artifact.description.files
        files = {role: artifact.source(role).path for role in infos}
        if not {info.container for info in infos.values()} <= _COPIED:
            raise ConversionError(
                finding(codes.NOT_REPRESENTABLE, "file:/", f"{path.name} is no HDF5 or NPZ file; it is not repaired")
            )
        staged = {role: draft / file.name for role, file in files.items()}
        for role, file in files.items():
            copy_with(file, staged[role], infos[role].container, [e for e in edits if e.role == role])
    return files, edits, staged


def _items(edits: list[Edit], mended: Mended | None) -> tuple[FixedItem, ...]:
    made = [FixedItem(codes=tuple(e.code.split()), location=e.location, what=e.what, why=e.why) for e in edits]
    return (*made, *(mended.items if mended is not None else ()))


def _record(
    before: Report,
    files: Mapping[str, Path],
    targets: Mapping[str, Path],
    items: tuple[FixedItem, ...],
    mended: Mended | None,
    after: Report,
) -> FixRecord:
    assert before.contract is not None  # `_refuse_unsafe` has seen to it
    return FixRecord(
        tool=f"ptycho-contracts {__version__}",
        finished_at=datetime.now(UTC),
        artifact_contract=before.contract,
        source=tuple(_digest(role, file, str(file)) for role, file in files.items()),
        outputs=tuple(_digest(role, target, target.name) for role, target in targets.items()),
        fixed=items,
        evidence={} if mended is None else mended.evidence,
        remaining=tuple(f for f in after.findings if f.severity is not Severity.HINT),
    )


def _digest(role: str, path: Path, shown: str) -> FileDigest:
    return FileDigest(role=role, path=shown, sha256=sha256_of(path), bytes=path.stat().st_size)


def _stem(path: Path) -> str:
    return path.name.removesuffix(path.suffix).removesuffix("_dp").removesuffix("_para")
