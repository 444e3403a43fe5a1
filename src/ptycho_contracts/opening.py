"""From a path to an open artifact: which files, which contract, what their headers say."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ptycho_contracts import engine_codes as codes
from ptycho_contracts.artifact import Artifact
from ptycho_contracts.codes import Severity
from ptycho_contracts.contract import ArrayContract, array_contracts, most_alike
from ptycho_contracts.description import Description, FileInfo
from ptycho_contracts.documents import check_document, read_document
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.locate import Located, locate_for, locate_pair, locate_run_directory
from ptycho_contracts.sources import open_source
from ptycho_contracts.sources.base import Source, SourceError
from ptycho_contracts.structure import check_structure


@dataclass
class Opened:
    """What could be opened, and findings about what could not."""

    contract: ArrayContract | None
    artifact: Artifact | None
    findings: list[Finding] = field(default_factory=list)


def describe(path: Path | str, contract: ArrayContract | None = None) -> Description:
    """The headers of an artifact, from any of its files.

    Raises:
        SourceError: a file is absent, damaged or hostile.
    """
    opened = open_artifact(Path(path), contract)
    if opened.artifact is not None:
        with opened.artifact as artifact:
            return artifact.description
    if not any(f.code == codes.UNKNOWN_CONTRACT.id for f in opened.findings):
        raise SourceError(*opened.findings)
    with open_source(Path(path), "file") as source:  # what no contract knows has headers all the same
        return Description(files={"file": source.describe()})


def open_artifact(path: Path, contract: ArrayContract | None = None) -> Opened:
    """Open every file of the artifact at `path` and find its contract where none is given.

    What cannot be opened is a finding; what can be is there to be examined all the same.
    """
    try:
        located = locate_for(contract, path) if contract else _locate(path)
    except SourceError as error:
        return Opened(contract, None, list(error.findings))
    sources, infos, found = _open_all(located)
    if not sources:
        return Opened(contract, None, found)
    if contract is None:
        contract, sources, infos = _find_contract(sources, infos, set(located.absent))
    if contract is None:
        _close(sources)
        return Opened(None, None, [*found, _unknown(path, infos)])
    description = Description(files=infos, documents=_documents(contract, path, found))
    return Opened(contract, Artifact(contract, sources, description), found)


def _locate(path: Path) -> Located:
    return locate_run_directory(path) or locate_pair(path) or Located({"": path}, {})


def _open_all(located: Located) -> tuple[dict[str, Source], dict[str, FileInfo], list[Finding]]:
    sources: dict[str, Source] = {}
    infos: dict[str, FileInfo] = {}
    found: list[Finding] = []
    for role, path in located.files.items():
        try:
            source = open_source(path, role or None)
            infos[role] = source.describe()
        except SourceError as error:
            found.extend(error.findings)
            continue
        sources[role] = source
        found.extend(source.findings)
    found.extend(_absent(role, path) for role, path in located.absent.items())
    return sources, infos, found


def _absent(role: str, path: Path) -> Finding:
    return finding(
        codes.PARTNER_ABSENT,
        f"{role}:/",
        f"{path.name} is missing",
        expected=f"{path.name} beside the other files",
        found="no such file",
    )


def _find_contract(
    sources: dict[str, Source], infos: dict[str, FileInfo], absent: set[str]
) -> tuple[ArrayContract | None, dict[str, Source], dict[str, FileInfo]]:
    """The contract that the files look like; a single file takes the role that its contract gives it."""
    if "" not in infos:
        return _by_roles(infos, absent), sources, infos
    alone = [(c, next(iter(c.files))) for c in array_contracts() if len(c.files) == 1]
    contract = most_alike([(c.likeness_of({role: infos[""]}), c) for c, role in alone])
    if contract is None:
        return None, sources, infos
    role = next(iter(contract.files))
    sources[""].role = role
    return contract, {role: sources[""]}, {role: infos[""]}


def _by_roles(infos: dict[str, FileInfo], absent: set[str]) -> ArrayContract | None:
    """Of the contracts whose required roles are all there, and whose others are the rest, the most alike."""
    roles = infos.keys() | absent
    fitting = [c for c in array_contracts() if c.files.keys() - c.optional_roles.keys() <= roles <= c.files.keys()]
    return max(fitting, key=lambda c: (c.likeness_of(infos), c.strictness), default=None)


def _unknown(path: Path, infos: dict[str, FileInfo]) -> Finding:
    members = sorted({m for info in infos.values() for m in info.members})
    shown = ", ".join(members[:12]) + (" …" if len(members) > 12 else "")
    return finding(
        codes.UNKNOWN_CONTRACT,
        f"{next(iter(infos)) or 'file'}:/",
        f"no contract recognises {path.name}",
        expected=", ".join(c.id for c in array_contracts()),
        found=f"members {shown or '(none)'}",
    )


def _documents(contract: ArrayContract, path: Path, found: list[Finding]) -> dict[str, Any]:
    documents: dict[str, Any] = {}
    for role, model in contract.documents.items():
        try:
            documents[role], notes = read_document(path / contract.names[role], role)
        except SourceError as error:
            found.extend(error.findings)
            continue
        found.extend([*notes, *check_document(model, documents[role], role)])
    return documents


def _close(sources: dict[str, Source]) -> None:
    for source in sources.values():
        source.close()


def open_checked(path: Path, contract: ArrayContract) -> dict[str, Source]:
    """The open files of an artifact whose headers fulfil its contract, by role.

    Raises:
        SourceError: with every error that the headers show.
    """
    opened = open_artifact(path, contract)
    if opened.artifact is None:
        raise SourceError(*opened.findings)
    found = [*opened.findings, *check_structure(contract, opened.artifact.description)]
    errors = list(dict.fromkeys(f for f in found if f.severity is Severity.ERROR))
    if errors:
        opened.artifact.close()
        raise SourceError(*errors)
    return {role: opened.artifact.source(role) for role in opened.artifact.description.files}


def identify(path: Path) -> tuple[ArrayContract | None, dict[str, Path], list[Finding]]:
    """The contract that the artifact at `path` looks like, its files by role, and findings where there is none."""
    opened = open_artifact(path)
    if opened.artifact is None or opened.contract is None:
        return None, {}, opened.findings
    with opened.artifact as artifact:
        files = {role: artifact.source(role).path for role in artifact.description.files}
    return opened.contract, files, opened.findings
