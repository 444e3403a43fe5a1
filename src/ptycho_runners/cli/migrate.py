"""`ptycho migrate FILE`: a document in the present version of its contract, as a new file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ptycho_runners.cli.output import fail, misuse

if TYPE_CHECKING:
    from ptycho_contracts.contract import DocumentContract
    from ptycho_contracts.migration import Migrated


def migrate(
    path: Annotated[Path, typer.Argument(help="A JSON document: a manifest, a job, a result.")],
    contract: Annotated[str | None, typer.Option(help="Contract id; by default what the document is like.")] = None,
    to: Annotated[str | None, typer.Option(help="Version wanted; by default the present one.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="Its version, where the document names none.")] = None,
    out: Annotated[Path | None, typer.Option(help="File to write; by default <name>.<version>.json beside it.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
) -> None:
    """Write a document in a later version of its contract, and say what changed. The given file stays as it is."""
    from ptycho_contracts.atomic import atomic_write_json  # noqa: PLC0415

    found = _contract_of(path, contract)
    document = _read(path, found)
    migrated = _migrated(found, document, start, to)
    if not migrated.steps:
        typer.echo(f"{path}: is a {found.id} {to or found.version} already; nothing to do")
        return
    target = out or path.with_name(f"{path.stem}.{migrated.steps[-1].after}{path.suffix}")
    if target.exists() and not overwrite:
        raise misuse(f"{target} exists already; choose another --out, or say --overwrite")
    atomic_write_json(target, migrated.document)
    for step in migrated.steps:
        typer.echo(f"{found.id} {step.before} → {step.after}: {step.says}")
    for line in _changes(document, migrated.document):
        typer.echo(f"  {line}")
    typer.echo(f"wrote {target}")


def _contract_of(path: Path, contract_id: str | None) -> DocumentContract:
    from ptycho_contracts.contract import DocumentContract, get_contract  # noqa: PLC0415
    from ptycho_contracts.documents import recognise_document  # noqa: PLC0415

    if not path.is_file():
        raise misuse(f"{path} is no file")
    try:
        found = get_contract(contract_id) if contract_id else recognise_document(path)
    except KeyError as error:
        raise misuse(str(error.args[0])) from None
    if found is None:
        raise misuse(f"{path} is no document that is recognised; name its contract with --contract")
    if not isinstance(found, DocumentContract):
        raise misuse(f"{found.id} is about arrays, whose files are not migrated; `ptycho convert` writes them anew")
    if found.role != "json":
        raise misuse(f"{found.id} is no JSON document")
    return found


def _read(path: Path, contract: DocumentContract) -> dict[str, Any]:
    from ptycho_contracts import SourceError  # noqa: PLC0415
    from ptycho_contracts.documents import read_document  # noqa: PLC0415

    try:
        document, findings = read_document(path, contract.role)
    except SourceError as error:
        raise fail(error.findings) from None
    if findings:
        raise fail(findings)
    if not isinstance(document, dict):
        raise misuse(f"{path} holds no JSON object")
    return document


def _migrated(contract: DocumentContract, document: dict[str, Any], start: str | None, to: str | None) -> Migrated:
    """Migrated, and valid in the present version; a document that is broken is not carried on as a new one."""
    from ptycho_contracts.documents import check_document  # noqa: PLC0415
    from ptycho_contracts.migration import MigrationError, migrate  # noqa: PLC0415

    try:
        migrated = migrate(contract, document, start=start, to=to)
    except MigrationError as error:
        hint = "; say it with --from" if "does not say" in str(error) else ""
        raise misuse(f"{error}{hint}") from None
    broken = check_document(contract.model, migrated.document, contract.role)
    if broken and migrated.steps and migrated.steps[-1].after == contract.version:
        raise fail(broken)
    return migrated


def _changes(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Which fields are new or say something else, by name."""
    added = [f"new: {name}" for name in after if name not in before]
    return added + [f"changed: {name}" for name in after if name in before and after[name] != before[name]]
