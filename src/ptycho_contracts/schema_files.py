"""The published schema files: `<id>/<version>.schema.json`, never changed, with their digests in `lock.json`.

Three things must say the same: the declaration of a contract's present version, the file, and the lock. A
declaration that changes needs another version; a file that was edited, or one of an earlier version that is gone,
is found by its digest. Who really means to take back a version that was never released says so by name
(`write_all(…, unreleased=…)`), and the change of the lock shows it in review.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ptycho_contracts.atomic import atomic_write_json, atomic_write_text, sha256_of
from ptycho_contracts.contract import AnyContract, get_contract, own_contracts
from ptycho_contracts.schema import Schema, schema_of

LOCK = "lock.json"
_SUFFIX = ".schema.json"
_NAME = re.compile(r"([^/]+)/(\d+\.\d+\.\d+)\.schema\.json")
# The installed package carries the files; in a checkout they lie beside src/.
_FOLDERS = (Path(__file__).parent / "schemas", Path(__file__).parents[2] / "schemas")


class _Problem(NamedTuple):
    """What is wrong with one file, and whether writing mends it."""

    text: str
    mendable: bool = False


def file_name(contract_id: str, version: str) -> str:
    """Where the schema of a version lies below the folder of the schemas, with `/`."""
    return f"{contract_id}/{version}{_SUFFIX}"


def check_all(folder: Path | str) -> list[str]:
    """What is wrong with the schema files, one line each; empty where declarations, files and lock agree."""
    return [f"{name} {problem.text}" for name, problem in _problems(Path(folder)).items()]


def write_all(folder: Path | str, unreleased: Collection[str] = ()) -> list[Path]:
    """Write the schemas that are not there yet, and lock every file; returns the files that were written.

    Args:
        folder: Folder of the schema files.
        unreleased: Ids of contracts whose present version no release contains: theirs is written anew.

    Raises:
        KeyError: no contract of ours has such an id.
        ValueError: a locked file is gone or changed, or a declaration changed without its version. Nothing was
            written.
    """
    folder = Path(folder)
    foreign = sorted(set(unreleased) - set(own_contracts()))
    if foreign:
        raise KeyError(f"no contract of this package: {', '.join(foreign)}")
    again = {_name_of(own_contracts()[contract_id]) for contract_id in unreleased}
    problems = _problems(folder)
    refused = [f"{name} {p.text}" for name, p in problems.items() if not p.mendable and name not in again]
    if refused:
        raise ValueError("\n".join(refused))
    written = [name for name in _declared() if name in again or not (folder / name).is_file()]
    for name in written:
        atomic_write_text(folder / name, _text(_declared()[name]))
    lock = {name: sha256_of(folder / name) for name in _files(folder)}
    if lock != _lock(folder):
        atomic_write_json(folder / LOCK, lock)
    return [folder / name for name in written]


def versions(contract_id: str) -> tuple[str, ...]:
    """The versions of a contract that have a schema, the present one last.

    Raises:
        KeyError: no contract of that id.
    """
    present = get_contract(contract_id).version
    found = {match[2] for folder in _FOLDERS for name in _files(folder) if (match := _named(name, contract_id))}
    return tuple(sorted(found | {present}, key=_numbers))


def load(contract_id: str, version: str | None = None) -> Schema:
    """The published schema of a contract's version, the present one by default.

    The file is looked for in the installed package, then in the checkout; the present version of a contract from
    another package has none of ours and is generated.

    Raises:
        KeyError: no contract of that id, or no such version of it; the message names those that there are.
    """
    contract = get_contract(contract_id)
    for folder in _FOLDERS:
        path = folder / file_name(contract_id, version or contract.version)
        if path.is_file():
            schema: Schema = json.loads(path.read_text(encoding="utf-8"))
            return schema
    if version in (None, contract.version):
        return schema_of(contract)
    raise KeyError(f"no version {version} of {contract_id}; there are {', '.join(versions(contract_id))}")


def _problems(folder: Path) -> dict[str, _Problem]:
    """What is wrong, by file name: of the declared contracts, of the lock, and of what else lies there."""
    names = dict.fromkeys([*_declared(), *_lock(folder), *_files(folder)])
    found = {name: _problem(folder, name) for name in names}
    return {name: problem for name, problem in found.items() if problem is not None}


def _problem(folder: Path, name: str) -> _Problem | None:
    path, locked, declared = folder / name, _lock(folder).get(name), _declared().get(name)
    if not path.is_file():
        again = declared is not None and locked in (None, hashlib.sha256(_text(declared).encode()).hexdigest())
        hint = "`ptycho schema write` makes it" if again else "a locked version stays; restore it from the repository"
        return _Problem(f"is missing; {hint}", mendable=again)
    if not _of_a_contract(name):
        return _Problem("belongs to no version of a contract up to the present one")
    if declared is not None and not _says(path, schema_of(declared)):
        return _Problem("differs from what the contract declares; give the contract another version")
    if locked is None:
        return _Problem("is not locked; `ptycho schema write` locks it", mendable=True)
    if locked != sha256_of(path):
        return _Problem("was changed after it was locked; restore it from the repository")
    return None


def _declared() -> dict[str, AnyContract]:
    """The contracts of this package by the name of their present file."""
    return {_name_of(contract): contract for contract in own_contracts().values()}


def _name_of(contract: AnyContract) -> str:
    return file_name(contract.id, contract.version)


def _files(folder: Path) -> Iterator[str]:
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return (name for name in found if name != LOCK)


def _lock(folder: Path) -> dict[str, str]:
    path = folder / LOCK
    digests: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return digests


def _text(contract: AnyContract) -> str:
    return json.dumps(schema_of(contract), indent=2, ensure_ascii=False) + "\n"


def _says(path: Path, schema: Any) -> bool:
    try:
        return bool(json.loads(path.read_text(encoding="utf-8")) == schema)
    except ValueError:
        return False


def _of_a_contract(name: str) -> bool:
    match = _NAME.fullmatch(name)
    contract = own_contracts().get(match[1]) if match else None
    return match is not None and contract is not None and _numbers(match[2]) <= _numbers(contract.version)


def _named(name: str, contract_id: str) -> re.Match[str] | None:
    match = _NAME.fullmatch(name)
    return match if match and match[1] == contract_id else None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
