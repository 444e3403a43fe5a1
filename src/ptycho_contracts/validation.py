"""The pipeline: locate → describe → structure → relations → numbers → physics → Report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ptycho_contracts import engine_codes as codes
from ptycho_contracts.artifact import Artifact, split
from ptycho_contracts.contract import AnyContract, ArrayContract, DocumentContract, get_contract
from ptycho_contracts.documents import recognise_document, validate_document
from ptycho_contracts.finding import DEPTHS, Depth, Finding, Report, Unexamined, finding
from ptycho_contracts.numbers import check_values, collect
from ptycho_contracts.opening import open_artifact
from ptycho_contracts.rule import NotExaminableError, Rule, rules_for
from ptycho_contracts.sources.base import SourceError


def validate(path: Path | str, contract: str | None = None, depth: Depth = "header") -> Report:
    """Examine an artifact and report every finding at once; never raises for a bad file.

    Args:
        path: A file, either half of a pair or their common stem, or a run directory.
        contract: The id of the contract to examine it as; by default the one that its members look like.
        depth: `header` reads no array data; `data` streams every array once in fixed memory; `physics` also
            asks whether the forward model explains the patterns.

    Raises:
        KeyError: no contract of that id.
        ValueError: no such depth.
    """
    if depth not in DEPTHS:
        raise ValueError(f"depth is one of {', '.join(DEPTHS)}, not {depth!r}")
    path = Path(path)
    named = get_contract(contract) if contract else None
    document = named if isinstance(named, DocumentContract) else None
    if named is None:
        document = recognise_document(path)
    if document is not None:
        return _stamp(path, document, depth, validate_document(document, path), [], {})
    return _validate_arrays(path, named if isinstance(named, ArrayContract) else None, depth)


def _validate_arrays(path: Path, named: ArrayContract | None, depth: Depth) -> Report:
    opened = open_artifact(path, named)
    if opened.artifact is None or opened.contract is None:
        skipped = [Unexamined(check="everything", reason="the file could not be opened or recognised")]
        return _stamp(path, opened.contract, depth, opened.findings, skipped, {})
    with opened.artifact as artifact:
        examination = _Examination(artifact, depth, opened.header_findings())
        examination.run()
        return _stamp(path, opened.contract, depth, examination.findings, examination.unexamined, artifact.evidence)


class _Examination:
    """One artifact going through the steps; what a step finds decides what the next can look at."""

    def __init__(self, artifact: Artifact, depth: Depth, found: Iterable[Finding]) -> None:
        self.artifact = artifact
        self.depth = depth
        self.findings = list(found)
        self.unexamined: list[Unexamined] = []

    def run(self) -> None:
        if self.depth == "header":
            self._leave("values of the arrays", "depth is header")
        else:
            self._values()
        if self.depth != "physics":
            self._leave("whether the forward model explains the patterns", f"depth is {self.depth}")
        rules = rules_for(self.artifact.contract)
        if self.depth == "physics" and not any(rule.depth == "physics" for rule in rules):
            self._leave("whether the forward model explains the patterns", "no rule of this contract judges it")
        for rule in rules:
            if rule.due(self.depth):
                self._apply(rule)

    def _leave(self, check: str, reason: str) -> None:
        self.unexamined.append(Unexamined(check=check, reason=reason))

    def _values(self) -> None:
        for role, model in self.artifact.contract.files.items():
            for path, declared in model.arrays().items():
                location = f"{role}:/{path}"
                if not declared.values or self.artifact.member(location) is None:
                    continue
                reason = self._broken(location)
                if reason:
                    self._leave(f"values of {location}", reason)
                    continue
                try:
                    stats = collect(self.artifact.blocks(location))
                except SourceError as error:
                    self.findings.extend(error.findings)
                    continue
                self.artifact.stats[location] = stats
                self.findings.extend(check_values(location, declared, stats))

    def _broken(self, location: str) -> str | None:
        """Why a member cannot be an input: absent, or already found broken."""
        role = split(location)[0]
        if role in self.artifact.contract.files.keys() - self.artifact.description.files.keys():
            return _not_read(role)
        if self.artifact.member(location) is None:
            return f"{location} is missing"
        for found in self.findings:
            if found.severity == codes.CRASHED.severity and _place(found.location) == location:
                return f"{location} has a finding already ({found.code})"
        return None

    def _hindrance(self, rule: Rule) -> str | None:
        """Why a rule cannot be applied, or None."""
        if not rule.on.keys() & self.artifact.description.files.keys():
            return _not_read(*rule.on)
        return next((reason for need in rule.needs if (reason := self._broken(need))), None)

    def _apply(self, rule: Rule) -> None:
        reason = self._hindrance(rule)
        if reason is not None:
            self._leave(rule.name, reason)
            return
        try:
            self.findings.extend(rule.check(self.artifact))
        except NotExaminableError as error:
            self._leave(rule.name, str(error))
        except SourceError as error:
            self.findings.extend(error.findings)
        except Exception as error:  # noqa: BLE001 - a rule that crashes is a finding about us, not a traceback
            self.findings.append(_crashed(rule, error))


def _not_read(*roles: str) -> str:
    return f"{', '.join(roles)} is missing or cannot be read"


def _place(location: str) -> str:
    return location.split("@", maxsplit=1)[0].split("[", maxsplit=1)[0]


def _crashed(rule: Rule, error: Exception) -> Finding:
    return finding(
        codes.CRASHED,
        rule.needs[0] if rule.needs else "file:/",
        f"the check {rule.name} failed with {type(error).__name__}: {error}",
    )


def _stamp(
    path: Path,
    contract: AnyContract | None,
    depth: Depth,
    findings: Iterable[Finding],
    unexamined: Iterable[Unexamined],
    evidence: dict[str, Any],
) -> Report:
    """The report; every finding carries the contract that it was judged by."""
    identity = {} if contract is None else {"contract": contract.id, "contract_version": contract.version}
    return Report(
        source=(str(path),),
        contract=identity.get("contract"),
        contract_version=identity.get("contract_version"),
        depth=depth,
        findings=tuple(f.model_copy(update=identity) for f in _ordered(findings)),
        unexamined=tuple(unexamined),
        evidence=evidence,
    )


def _ordered(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Errors first, otherwise as found."""
    found = list(findings)
    for severity in ("error", "warning", "hint"):
        yield from (f for f in found if f.severity == severity)
