"""Validation of JSON, YAML, TOML and pickled documents: pydantic's errors as findings."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ptycho_contracts import engine_codes as codes
from ptycho_contracts.contract import DocumentContract, all_contracts
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.migration import VERSION_FIELD, stated_version, steps_of
from ptycho_contracts.sources.base import SourceError
from ptycho_contracts.sources.document import read_json, read_toml, read_yaml
from ptycho_contracts.sources.pickle_file import read_number_dict
from ptycho_contracts.sources.sniff import sniff

_DOCUMENTS = ("json", "yaml", "pickle")


def read_document(path: Path, role: str) -> tuple[Any, list[Finding]]:
    """The value of a JSON, YAML, TOML or pickled document, with findings about its form.

    Raises:
        SourceError: absent, damaged or hostile.
    """
    if path.suffix == ".toml":  # nothing in the content tells TOML from YAML
        return read_toml(path, role), []
    kind = sniff(path)
    if kind == "json":
        return read_json(path, role)
    if kind == "pickle":
        return read_number_dict(path, role), []
    return read_yaml(path, role), []


def recognise_document(path: Path) -> DocumentContract | None:
    """The document contract that the file's name, its field `contract`, or its other fields speak for; or None."""
    if not path.is_file():
        return None
    try:
        if sniff(path) not in _DOCUMENTS:
            return None
    except SourceError:
        return None  # opening it again as arrays reports what is wrong with it
    contracts = [c for c in all_contracts().values() if isinstance(c, DocumentContract)]
    for contract in contracts:
        if any(fnmatch(path.name, pattern) for pattern in contract.names):
            return contract
    return _by_fields(path, contracts)


def _by_fields(path: Path, contracts: list[DocumentContract]) -> DocumentContract | None:
    try:
        value, _ = read_document(path, "file")
    except SourceError:
        return None
    if not isinstance(value, dict):
        return None
    for contract in contracts:
        if value.get("contract") == contract.id:
            return contract
    scored = [(_share(contract.model, value), contract) for contract in contracts]
    best = max(scored, key=lambda item: item[0], default=(0.0, None))
    return best[1] if best[0] > 0.5 else None


def _share(model: type[BaseModel], value: dict[str, Any]) -> float:
    """Share of the model's required fields that the document has; 0 for models without named fields."""
    required = [info.alias or name for name, info in model.model_fields.items() if info.is_required()]
    if not required or required == ["root"]:
        return 0.0
    return sum(name in value for name in required) / len(required)


def validate_document(contract: DocumentContract, path: Path) -> list[Finding]:
    """Every finding about the document at `path`."""
    try:
        value, found = read_document(path, contract.role)
    except SourceError as error:
        return list(error.findings)
    found += check_document(contract.model, value, contract.role)
    return [*found, *_of_an_older_version(contract, value, path)]


def _of_an_older_version(contract: DocumentContract, document: object, path: Path) -> Iterator[Finding]:
    """A hint where the document names an earlier version from which a migration leads here."""
    version = stated_version(document)
    if version in {step.before for step in steps_of(contract.id)}:
        yield finding(
            codes.OLDER_VERSION,
            f"{contract.role}:/{VERSION_FIELD}",
            f"a {contract.id} of version {version}; the present one is {contract.version}",
            expected=contract.version,
            found=version,
            fix=f"`ptycho migrate {path}` writes it as {contract.version} and says what it did.",
        )


def check_document(model: type[BaseModel], value: object, role: str) -> list[Finding]:
    """Every finding about a parsed document."""
    try:
        model.model_validate(value)
    except ValidationError as error:
        return [_from_pydantic(detail, role) for detail in error.errors(include_url=False)]
    return []


def _from_pydantic(detail: ErrorDetails, role: str) -> Finding:
    location = f"{role}:/{_path(detail)}"
    kind = detail["type"]
    name = str(detail["loc"][-1]) if detail["loc"] else "the document"
    if kind == "missing":
        return finding(codes.MEMBER_MISSING, location, f"{name} is missing", expected=name, found="no such field")
    if kind == "extra_forbidden":
        return finding(codes.FIELD_UNKNOWN, location, f"{name} is no field of this contract", found=name)
    message = detail["msg"].removeprefix("Value error, ")
    scalar = not isinstance(detail["input"], dict | list)
    return finding(
        codes.FIELD_INVALID,
        location,
        f"{name}: {message}",
        expected=message,
        found=_short(detail["input"]) if scalar else None,
    )


def _path(detail: ErrorDetails) -> str:
    text = ""
    for part in detail["loc"]:
        text += f"[{part}]" if isinstance(part, int) else f"/{part}" if text else str(part)
    return text


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "…"
