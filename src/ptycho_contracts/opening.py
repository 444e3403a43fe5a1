"""From a path to an open artifact: which files, which contract, what their headers say."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ptycho_contracts import engine_codes as codes
from ptycho_contracts.artifact import Artifact, split
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
    """What could be opened, and all findings about it; `unread` are those about what is there and could not be."""

    contract: ArrayContract | None
    artifact: Artifact | None
    findings: list[Finding] = field(default_factory=list)
    unread: list[Finding] = field(default_factory=list)

    def header_findings(self) -> list[Finding]:
        """All findings that need no data, each once; a file that could not be opened is not missed besides."""
        if self.contract is None or self.artifact is None:
            return self.findings
        told = {split(f.location)[0] for f in self.findings}
        structural = check_structure(self.contract, self.artifact.description)
        new = [f for f in structural if f.code != codes.PARTNER_ABSENT.id or split(f.location)[0] not in told]
        return list(dict.fromkeys([*self.findings, *new]))


def describe(path: Path | str, contract: ArrayContract | None = None) -> Description:
    """The headers of an artifact, from any of its files; of half a pair where the other half is not there.

    Raises:
        SourceError: a file is absent, damaged or hostile.
    """
    description, _, unread = headers(Path(path), contract)
    if description is None or unread:
        raise SourceError(*unread)
    return description


def headers(
    path: Path, contract: ArrayContract | None = None
) -> tuple[Description | None, list[Finding], list[Finding]]:
    """The headers of the files of an artifact that can be read, all findings of opening it, and those of them about
    files that are there and cannot be read.
    """
    opened = open_artifact(path, contract)
    if opened.artifact is not None:
        with opened.artifact as artifact:
            return artifact.description, opened.findings, opened.unread
    known = [f for f in opened.findings if f.code != codes.UNKNOWN_CONTRACT.id]
    if len(known) == len(opened.findings):
        return None, known, known
    with open_source(path, "file") as source:  # what no contract knows has headers all the same
        return Description(files={"file": source.describe()}), known, opened.unread


def open_artifact(path: Path, contract: ArrayContract | None = None) -> Opened:
    """Open every file of the artifact at `path` and find its contract where none is given.

    What cannot be opened is a finding; what can be is there to be examined all the same.
    """
    try:
        located = locate_for(contract, path) if contract else _locate(path)
    except SourceError as error:
        return Opened(contract, None, list(error.findings))
    sources, unread = _open_all(located)
    infos = {role: source.describe() for role, source in sources.items()}
    found = [*unread, *(f for source in sources.values() for f in source.findings)]
    found += [_absent(role, path, located.files.keys()) for role, path in located.absent.items()]
    if not sources:
        return Opened(contract, None, found, unread)
    if contract is None:
        roles = located.files.keys() | located.absent.keys()
        contract, sources, infos = _find_contract(sources, infos, roles)
    if contract is None:
        _close(sources)
        return Opened(None, None, [*found, _unknown(path, infos)], unread)
    description = Description(files=infos, documents=_documents(contract, path, found))
    return Opened(contract, Artifact(contract, sources, description), found, unread)


def _locate(path: Path) -> Located:
    return locate_run_directory(path) or locate_pair(path) or Located({"": path}, {})


def _open_all(located: Located) -> tuple[dict[str, Source], list[Finding]]:
    """What can be opened by role, and why the rest cannot."""
    sources: dict[str, Source] = {}
    unread: list[Finding] = []
    for role, path in located.files.items():
        try:
            sources[role] = open_source(path, role or None)
        except SourceError as error:
            unread.extend(error.findings)
    return sources, unread


def _absent(role: str, path: Path, present: Collection[str]) -> Finding:
    alone = [c.id for c in array_contracts() if not c.names and c.files.keys() == present]
    instead = f", or say `--contract {alone[0]}` where there is only this one" if alone else ""
    return finding(
        codes.PARTNER_ABSENT,
        f"{role}:/",
        f"{path.name} is missing",
        expected=f"{path.name} beside the other files",
        found="no such file",
        fix=f"Put {path.name} beside it{instead}.",
    )


def _find_contract(
    sources: dict[str, Source], infos: dict[str, FileInfo], roles: Collection[str]
) -> tuple[ArrayContract | None, dict[str, Source], dict[str, FileInfo]]:
    """The contract that the files look like; a single file takes the role that its contract gives it."""
    if "" not in infos:
        return _by_roles(infos, set(roles)), sources, infos
    alone = [(c, next(iter(c.files))) for c in array_contracts() if len(c.files) == 1]
    contract = most_alike([(c.likeness_of({role: infos[""]}), c) for c, role in alone])
    if contract is None:
        return None, sources, infos
    role = next(iter(contract.files))
    sources[""].role = role
    return contract, {role: sources[""]}, {role: infos[""]}


def _by_roles(infos: dict[str, FileInfo], roles: set[str]) -> ArrayContract | None:
    """Of the contracts that have these roles and require no other, the one that the files there are most alike."""
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
    errors = [f for f in opened.header_findings() if f.severity is Severity.ERROR]
    if errors:
        opened.artifact.close()
        raise SourceError(*errors)
    return {role: opened.artifact.source(role) for role in opened.artifact.description.files}


def identify(path: Path) -> tuple[ArrayContract | None, dict[str, Path], list[Finding]]:
    """The contract that the artifact at `path` looks like, its files by role, and findings where there is none.

    With a file that is there and cannot be read nothing is identified: what is left would pass for half an artifact.
    """
    opened = open_artifact(path)
    if opened.artifact is None or opened.contract is None:
        return None, {}, opened.findings
    with opened.artifact as artifact:
        files = {role: artifact.source(role).path for role in artifact.description.files}
    return (None, {}, opened.unread) if opened.unread else (opened.contract, files, opened.findings)
