"""One valid artifact or document of a contract, the same on every call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ptycho_contracts.contract import ArrayContract, DocumentContract
from ptycho_contracts.testing.drawn import DrawnArtifact
from ptycho_contracts.testing.named import array_contract, document_contract
from ptycho_contracts.testing.simulated import SIMULATED, Size, simulate_scan
from ptycho_contracts.testing.strategies import artifacts, documents

Drawn = TypeVar("Drawn")

# Small, and large enough that no two dimensions which differ in meaning could be told apart by chance.
_LEAST = 6


def example_artifact(contract: ArrayContract | str, *, seed: int = 0, size: Size | None = None) -> DrawnArtifact:
    """A valid artifact: a simulated scan where one can be made (then it is right down to the physics).

    Args:
        contract: Itself, or its id.
        seed: Of a simulated scan.
        size: Of a simulated scan.

    Raises:
        KeyError: no contract of that id.
        TypeError: it is a document's.
        ValueError: seed or size are given for a contract of which no scan is simulated.
    """
    found = array_contract(contract)
    make = SIMULATED.get(found.id)
    if make is not None:
        return make(simulate_scan(seed, size or Size()))
    if seed or size is not None:
        raise ValueError(f"no scan is simulated for {found.id}; seed and size mean nothing to it")
    return _simplest(artifacts(found, least=_LEAST, optional=False), lambda _: True)


def example_document(contract: DocumentContract | str) -> Any:
    """A valid document, as short as the contract allows.

    Raises:
        KeyError: no contract of that id.
        TypeError: it is one of arrays.
    """
    found = document_contract(contract)

    def fulfils(document: Any) -> bool:
        try:
            found.model.model_validate(document)
        except ValidationError:
            return False
        return True

    return _simplest(documents(found), fulfils)


class _Held(Generic[Drawn]):
    """Hides a value from Hypothesis, which would print it, and warn where that is long."""

    def __init__(self, value: Drawn) -> None:
        self.value = value


def _simplest(strategy: st.SearchStrategy[Drawn], condition: Callable[[Drawn], bool]) -> Drawn:
    """What Hypothesis draws first, or soon: it begins with the simplest."""
    # A relation between fields that only the model knows makes most documents of some contracts invalid.
    quiet = settings(
        database=None,
        derandomize=True,
        deadline=None,
        max_examples=2000,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    held: _Held[Drawn] = find(strategy.map(_Held), lambda drawn: condition(drawn.value), settings=quiet)
    return held.value
