"""What a contract is, and the registry that finds contracts by id or by what a file holds."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from pydantic import BaseModel

from ptycho_contracts.declaration import FileModel
from ptycho_contracts.description import FileInfo
from ptycho_contracts.plugins import Plugin, contributed, load_plugins, one_or_many

# Below this share of what it requires a file is not taken for a broken instance of a contract.
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
        typical: Ordinary values of what rules judge by magnitude or need one of, by `role:/path[@attribute]`; drawn
            artifacts have about these.
    """

    id: str
    version: str
    summary: str
    files: Mapping[str, type[FileModel]]
    optional_roles: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    documents: Mapping[str, type[BaseModel]] = field(default_factory=dict)
    typical: Mapping[str, float] = field(default_factory=dict)

    def likeness_of(self, files: Mapping[str, FileInfo]) -> float:
        """Share of what it requires of these files that they have; 0 where one lives in another container."""
        wanted = present = 0
        for role, info in files.items():
            model = self.files[role]
            if info.container != model.container:
                return 0.0
            groups = [(m,) for m in model.required_members()] + list(model.one_of)
            attributes = model.required_root_attributes()
            wanted += len(groups) + len(attributes)
            present += sum(any(m in info.members for m in group) for group in groups)
            present += sum(name in info.attributes for name in attributes)
        return present / wanted if wanted else 0.0

    @property
    def strictness(self) -> int:
        """How much it requires; of two contracts that a file fulfils, the stricter says more about it."""
        return sum(
            len(model.required_members()) + len(model.one_of) + len(model.required_root_attributes())
            for model in self.files.values()
        )


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
    """Every contract by id: our own, and those of plug-ins."""
    return dict(sorted((own_contracts() | contributed(contract_plugins())).items()))


@cache
def contract_plugins() -> tuple[Plugin[AnyContract], ...]:
    """Contracts of other packages: an entry point of this group names one contract, or a tuple of them."""
    return load_plugins("ptycho_contracts.contracts", _offered, own_contracts())


def _offered(found: object) -> Iterator[tuple[str, AnyContract]]:
    for contract in one_or_many(found, ArrayContract, DocumentContract):
        if isinstance(contract, ArrayContract):
            for model in contract.files.values():
                model.arrays()  # a declaration that is none shows here, and not when somebody's file is examined
        yield contract.id, contract


@cache
def own_contracts() -> dict[str, AnyContract]:
    """The contracts of this package by id; a module of `contracts/` declares its own as `CONTRACT` or `CONTRACTS`."""
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


def most_alike(scored: Iterable[tuple[float, ArrayContract]]) -> ArrayContract | None:
    """Of contracts with their likeness the best, the stricter where two are alike; None where none is near enough."""
    best = max(scored, key=lambda item: (item[0], item[1].strictness), default=None)
    return best[1] if best is not None and best[0] >= _RECOGNISED else None


def contract_of_part(contract: ArrayContract, roles: Iterable[str]) -> ArrayContract | None:
    """The contract of those files of an artifact alone (half of a pair); None where they are all that it requires."""
    present = {role: contract.files[role] for role in roles}
    if contract.files.keys() - contract.optional_roles.keys() <= present.keys():
        return None
    return next((other for other in array_contracts() if dict(other.files) == present), None)


def array_contracts() -> list[ArrayContract]:
    """The contracts of array files."""
    return [c for c in all_contracts().values() if isinstance(c, ArrayContract)]
