"""Ways to break a valid document, each with the one code that it must yield; derived from its JSON Schema."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ptycho_contracts import engine_codes as codes
from ptycho_contracts.codes import Code
from ptycho_contracts.contract import DocumentContract
from ptycho_contracts.schema import schema_of
from ptycho_contracts.testing.breaking import Defect
from ptycho_contracts.testing.named import document_contract

_SCALARS = ("string", "integer", "number", "boolean")
# No scalar, and nothing that could be taken for one.
_NO_SCALAR: list[Any] = [None]


@dataclass(frozen=True)
class BrokenDocument:
    """A parsed document with exactly one defect."""

    document: Any
    defect: Defect


def document_breaks(contract: DocumentContract | str, document: Any) -> list[BrokenDocument]:
    """Every way in which the fields of a valid document can be broken; none where it has no named fields.

    A required field is left out, a field of one number or text holds a list, and where the contract allows no other
    fields there is one. Fields inside of fields are left as they are.

    Raises:
        KeyError: no contract of that id.
        TypeError: it is one of arrays.
    """
    return list(_ways(document_contract(contract), document))


def _ways(contract: DocumentContract, document: Any) -> Iterator[BrokenDocument]:
    schema = schema_of(contract)
    fields = schema.get("properties", {})
    if not isinstance(document, dict) or not fields:
        return
    for name in schema.get("required", ()):
        others = {key: value for key, value in document.items() if key != name}
        yield _broken(codes.MEMBER_MISSING, contract, name, others)
    for name in (name for name, rules in fields.items() if rules.get("type") in _SCALARS):
        yield _broken(codes.FIELD_INVALID, contract, name, document | {name: _NO_SCALAR})
    if schema.get("additionalProperties") is False:
        stranger = "a_field_that_nobody_knows"
        yield _broken(codes.FIELD_UNKNOWN, contract, stranger, document | {stranger: 1})


def _broken(code: Code, contract: DocumentContract, name: str, document: dict[str, Any]) -> BrokenDocument:
    return BrokenDocument(document, Defect(code.title, code.id, f"{contract.role}:/{name}"))
