"""Strategies derived from the declarations that the checks use; constructive, nothing is drawn and thrown away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from ptycho_contracts.contract import ArrayContract, DocumentContract
from ptycho_contracts.declaration import Array, Attr
from ptycho_contracts.description import AttributeInfo, Description, FileInfo, MemberInfo
from ptycho_contracts.schema import schema_of
from ptycho_contracts.testing.drawn import DrawnArtifact, DrawnFile, DrawnMember
from ptycho_contracts.testing.json_values import json_values
from ptycho_contracts.testing.named import array_contract, document_contract

_MAX_SIZE = 5
# Far from where float32 overflows when squared and summed, as real data are.
_LARGEST = 1e6
_TEXTS = st.text("abcdefghijklmnopqrstuvwxyz-0123456789", min_size=1, max_size=12)


@dataclass(frozen=True)
class _Header:
    """What a member will be, before it has numbers."""

    declared: Array
    dtype: str
    shape: tuple[int, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    typical: float | None = None


@dataclass(frozen=True)
class _Wish:
    """What is drawn of a contract."""

    contract: ArrayContract
    least: int = 0
    optional: bool = True


@dataclass(frozen=True)
class _FileHeader:
    members: Mapping[str, _Header]
    attributes: Mapping[str, Any]


def descriptions(contract: ArrayContract | str) -> st.SearchStrategy[Description]:
    """Valid descriptions: what `describe` would say of a file that fulfils the contract, given by itself or by id.

    Raises:
        KeyError: no contract of that id.
        TypeError: it is a document's.
    """
    contract = array_contract(contract)
    documents = {role: _document(schema_of(contract), role) for role in contract.documents}
    return st.builds(_description, st.just(contract), _headers(_Wish(contract)), st.fixed_dictionaries(documents))


def artifacts(
    contract: ArrayContract | str, *, least: int = 0, optional: bool = True
) -> st.SearchStrategy[DrawnArtifact]:
    """Artifacts in memory whose arrays fulfil the declaration, their values included.

    Sizes are small (up to 5, equal wherever a dimension is named equally), numbers of ordinary magnitude and
    all different, so that a scan has different positions. What rules relate beyond the declaration (positions that
    lie on the object, patterns that the model explains) is `explained_pairs` and its like. Documents beside the
    arrays are not drawn.

    Args:
        contract: Itself, or its id.
        least: The least size of every named dimension.
        optional: Whether what the contract does not require is there now and then, or never.

    Raises:
        KeyError: no contract of that id.
        TypeError: it is a document's.
    """
    return st.builds(_artifact, _headers(_Wish(array_contract(contract), least, optional)), st.integers(0, 2**32 - 1))


def documents(contract: DocumentContract | str) -> st.SearchStrategy[Any]:
    """Parsed JSON documents that the contract's JSON Schema allows.

    A relation between fields that only a validator of the model states (`study`: either `simulate` or `test`) is
    not known to the schema, nor here.

    Raises:
        KeyError: no contract of that id.
        TypeError: it is one of arrays.
    """
    return json_values(schema_of(document_contract(contract)))


@st.composite
def _headers(draw: st.DrawFn, wish: _Wish) -> dict[str, _FileHeader]:
    contract, least = wish.contract, wish.least
    sizes = {
        name: draw(st.integers(max(low, least), max(_MAX_SIZE, least))) for name, low in _dimensions(contract).items()
    }
    roles = [r for r in contract.files if r not in contract.optional_roles or (wish.optional and draw(st.booleans()))]
    return {role: draw(_file_headers(wish, role, sizes)) for role in roles}


def _dimensions(contract: ArrayContract) -> dict[str, int]:
    """The least size of every named dimension: 0 only where every use of the name allows it."""
    least: dict[str, int] = {}
    for model in contract.files.values():
        for declared in model.arrays().values():
            for name in (n for form in declared.alternatives for n in form if not n.isdigit()):
                least[name.rstrip("*")] = max(least.get(name.rstrip("*"), 0), 0 if name.endswith("*") else 1)
    return least


@st.composite
def _file_headers(draw: st.DrawFn, wish: _Wish, role: str, sizes: Mapping[str, int]) -> _FileHeader:
    model = wish.contract.files[role]
    wanted = set(model.required_members())
    wanted |= {draw(st.sampled_from(group)) for group in model.one_of}
    drawable = [path for path, declared in model.arrays().items() if _drawable(declared)]
    present = [path for path in drawable if path in wanted or (wish.optional and draw(st.booleans()))]
    members = {path: draw(_header(wish, f"{role}:/{path}", model.arrays()[path], sizes)) for path in present}
    for prefix in model.prefixes:
        name = prefix + draw(st.sampled_from(("weight", "bias")))
        members[name] = _Header(Array("float32", "_"), "float32", (draw(st.integers(1, _MAX_SIZE)),))
    return _FileHeader(members, draw(_attributes(wish, f"{role}:/", model.root_attrs)))


def _drawable(declared: Array) -> list[str]:
    """Types of which a member is drawn: a pickled one never is, for we write none."""
    return [name for name in declared.allowed_dtypes if name != "object"]


@st.composite
def _header(draw: st.DrawFn, wish: _Wish, location: str, declared: Array, sizes: Mapping[str, int]) -> _Header:
    form = draw(st.sampled_from(declared.alternatives))
    shape = tuple(int(name) if name.isdigit() else sizes[name.rstrip("*")] for name in form)
    typical = wish.contract.typical.get(location)
    dtypes = [name for name in _drawable(declared) if typical is None or "float" in name]
    attributes = draw(_attributes(wish, location, declared.attrs))
    return _Header(declared, draw(st.sampled_from(dtypes)), shape, attributes, typical)


@st.composite
def _attributes(draw: st.DrawFn, wish: _Wish, location: str, attrs: Mapping[str, Attr]) -> dict[str, Any]:
    drawn = {}
    for name, attr in attrs.items():
        typical = wish.contract.typical.get(f"{location}@{name}")
        if attr.required or typical is not None or (wish.optional and draw(st.booleans())):
            drawn[name] = draw(_attribute(attr, typical))
    return drawn


def _attribute(attr: Attr, typical: float | None) -> st.SearchStrategy[Any]:
    """A value as numpy or Python has it; a number also comes as an array of one."""
    if attr.kind == "text":
        return _TEXTS
    if attr.kind == "flag":
        return st.booleans()
    low = 1e-12 if attr.kind == "positive" else -_LARGEST
    number = st.floats(low, _LARGEST) | st.integers(1, 1000)
    if typical is not None:
        number = st.floats(0.5 * typical, 2 * typical)
    return number | st.builds(lambda value: np.array([value], np.float64), number)


def _description(
    contract: ArrayContract, headers: Mapping[str, _FileHeader], documents: Mapping[str, Any]
) -> Description:
    files = {
        role: FileInfo(
            container=contract.files[role].container,
            attributes=_attribute_infos(file.attributes),
            members={
                path: MemberInfo(dtype=h.dtype, shape=h.shape, attributes=_attribute_infos(h.attributes))
                for path, h in file.members.items()
            },
        )
        for role, file in headers.items()
    }
    return Description(files=files, documents=dict(documents))


def _attribute_infos(attributes: Mapping[str, Any]) -> dict[str, AttributeInfo]:
    return {name: _attribute_info(value) for name, value in attributes.items()}


def _attribute_info(value: Any) -> AttributeInfo:
    array = np.asarray(value)
    dtype = "str" if isinstance(value, str) else array.dtype.name
    return AttributeInfo(dtype=dtype, shape=array.shape, value=array.tolist())


def _artifact(headers: Mapping[str, _FileHeader], seed: int) -> DrawnArtifact:
    rng = np.random.default_rng(seed)
    files = {
        role: DrawnFile(
            {path: DrawnMember(_numbers(h, rng), h.attributes) for path, h in file.members.items()}, file.attributes
        )
        for role, file in headers.items()
    }
    return DrawnArtifact(files)


def _numbers(header: _Header, rng: np.random.Generator) -> NDArray[Any]:
    """Numbers of the header's dtype; never negative, as every value rule allows, unless a sign is allowed."""
    if header.dtype == "str":
        return np.full(header.shape, "{}")
    dtype = np.dtype(header.dtype)
    if dtype.kind in "iu":
        return rng.integers(0, 100, header.shape).astype(dtype)
    if header.typical is not None:
        return np.asarray(header.typical * rng.uniform(0.5, 2, header.shape)).astype(dtype)
    values = rng.standard_normal(header.shape)
    if "nonnegative" in header.declared.values:
        values = np.abs(values)
    if dtype.kind == "c":
        values = values + 1j * rng.standard_normal(header.shape)
    return np.asarray(values).astype(dtype)


def _document(schema: Mapping[str, Any], role: str) -> st.SearchStrategy[Any]:
    """What the schema of a description allows as the document of a role."""
    allowed = schema["properties"]["documents"]["properties"][role]
    return json_values(allowed | {"$defs": schema.get("$defs", {})})
