"""What a contract is, and the registry that finds contracts by id or by what a file holds."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from pydantic import BaseModel

from ptycho_contracts.declaration import FileModel
from ptycho_contracts.description import Description

# Below this share of its required members a file is not taken for a broken instance of a contract.
_RECOGNISED = 0.5


@dataclass(frozen=True)
class ArrayContract:
    """An artifact made of array files, known by their roles.

    Attributes:
        id: The contract's name, never changed.
        version: Semantic version of what it demands.
        summary: One line for lists.
        files: The model of each file by role.
        optional_roles: Roles that may be absent, with who misses them.
        names: File names by role where the artifact is a directory.
        documents: Models of small JSON or YAML files beside the arrays, by role.
    """

    id: str
    version: str
    summary: str
    files: Mapping[str, type[FileModel]]
    optional_roles: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    documents: Mapping[str, type[BaseModel]] = field(default_factory=dict)

    def likeness(self, description: Description) -> float:
        """Share of the required members that the described files have, 0 where a role does not fit at all."""
        if set(description.files) != set(self.files) - self._absent_optional(description):
            return 0.0
        wanted = present = 0
        for role, info in description.files.items():
            model = self.files[role]
            if info.container != model.container:
                return 0.0
            groups = [(m,) for m in model.required_members()] + list(model.one_of)
            wanted += len(groups)
            present += sum(any(m in info.members for m in group) for group in groups)
        return present / wanted if wanted else 0.0

    def _absent_optional(self, description: Description) -> set[str]:
        return set(self.optional_roles) - set(description.files)


@dataclass(frozen=True)
class DocumentContract:
    """A JSON, YAML or pickled document, validated by its pydantic model.

    Attributes:
        id: The contract's name, never changed.
        version: Semantic version of what it demands.
        summary: One line for lists.
        model: What the parsed document must be.
        role: First part of its locations (`json`, `yaml`, `pickle`).
        names: Patterns of the file names by which it is recognised.
    """

    id: str
    version: str
    summary: str
    model: type[BaseModel]
    role: str
    names: tuple[str, ...] = ()


AnyContract = ArrayContract | DocumentContract


@cache
def all_contracts() -> dict[str, AnyContract]:
    """Every contract by id; a module of `contracts/` declares its own as `CONTRACT` or `CONTRACTS`."""
    from ptycho_contracts import contracts  # noqa: PLC0415

    found: dict[str, AnyContract] = {}
    for info in pkgutil.iter_modules(contracts.__path__):
        module = importlib.import_module(f"{contracts.__name__}.{info.name}")
        for contract in getattr(module, "CONTRACTS", ()) or (module.CONTRACT,):
            if contract.id in found:
                raise ValueError(f"contract {contract.id} is declared twice")
            found[contract.id] = contract
    return dict(sorted(found.items()))


def get_contract(contract_id: str) -> AnyContract:
    """The contract of that id.

    Raises:
        KeyError: there is none; the message names the nearest.
    """
    import difflib  # noqa: PLC0415

    contracts = all_contracts()
    if contract_id in contracts:
        return contracts[contract_id]
    near = difflib.get_close_matches(contract_id, contracts, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(contracts)}"
    raise KeyError(f"no contract {contract_id!r}{hint}")


def recognise(description: Description) -> ArrayContract | None:
    """The array contract that the described files look most like, or None where none is near enough."""
    scored = [
        (c.likeness(description), len(_members(c)), c) for c in all_contracts().values() if isinstance(c, ArrayContract)
    ]
    best = max(scored, key=lambda item: item[:2], default=None)
    return best[2] if best is not None and best[0] >= _RECOGNISED else None


def _members(contract: ArrayContract) -> list[str]:
    return [m for model in contract.files.values() for m in model.required_members()]
