"""Contracts of one kind, given by themselves or by id."""

from __future__ import annotations

from ptycho_contracts.contract import AnyContract, ArrayContract, DocumentContract, get_contract


def array_contract(contract: AnyContract | str) -> ArrayContract:
    """A contract of arrays, given by itself or by id.

    Raises:
        KeyError: no contract of that id.
        TypeError: it is a document's.
    """
    found = get_contract(contract) if isinstance(contract, str) else contract
    if not isinstance(found, ArrayContract):
        raise TypeError(f"{found.id} is a document; `documents({found.id!r})` draws it")
    return found


def document_contract(contract: AnyContract | str) -> DocumentContract:
    """A contract of a document, given by itself or by id.

    Raises:
        KeyError: no contract of that id.
        TypeError: it is one of arrays.
    """
    found = get_contract(contract) if isinstance(contract, str) else contract
    if not isinstance(found, DocumentContract):
        raise TypeError(f"{found.id} is made of arrays; `artifacts({found.id!r})` draws it")
    return found
