"""What Hypothesis learns of our values when it is imported (its entry point calls `register`).

`st.from_type(Description)` draws what describes a valid artifact of some contract; `Finding` and `Report` come with
codes that exist and locations in their form. Without this they would be built of arbitrary texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from ptycho_contracts.description import Description
from ptycho_contracts.finding import Depth, Finding, Report, Unexamined, finding

if TYPE_CHECKING:
    from ptycho_contracts.contract import AnyContract

_NAME = "abcdefghijklmnopqrstuvwxyz_"


def register() -> None:
    """Teach Hypothesis; nothing is drawn, and no contract is looked up, before somebody asks."""
    st.register_type_strategy(Description, lambda _: _descriptions())
    st.register_type_strategy(Finding, lambda _: _findings())
    st.register_type_strategy(Report, lambda _: _reports())


def _descriptions() -> st.SearchStrategy[Description]:
    from ptycho_contracts.contract import array_contracts  # noqa: PLC0415 - imports every contract
    from ptycho_contracts.testing.strategies import descriptions  # noqa: PLC0415 - likewise

    return st.one_of([descriptions(contract) for contract in array_contracts()])


def _findings() -> st.SearchStrategy[Finding]:
    from ptycho_contracts.codes import all_codes  # noqa: PLC0415 - imports every rule

    name = st.text(_NAME, min_size=1, max_size=12)
    location = st.builds("{}:/{}{}".format, name, name, st.sampled_from(("", "[3]", "[0, 1, 2]", "@pixel_height_m")))
    words = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=40)
    optional = {key: st.none() | words for key in ("expected", "found", "fix")}
    return st.builds(finding, st.sampled_from(list(all_codes().values())), location, words, **optional)


def _reports() -> st.SearchStrategy[Report]:
    from ptycho_contracts.contract import all_contracts  # noqa: PLC0415 - imports every contract

    return st.builds(
        _report,
        st.lists(st.text(_NAME, min_size=1, max_size=12), min_size=1, max_size=2),
        st.none() | st.sampled_from(list(all_contracts().values())),
        st.from_type(Depth),  # type: ignore[arg-type]  # a Literal is no type to mypy, and one to Hypothesis
        st.lists(_findings(), max_size=4),
        st.lists(st.from_type(Unexamined), max_size=2),
    )


def _report(
    source: list[str], contract: AnyContract | None, depth: Depth, findings: list[Finding], left: list[Unexamined]
) -> Report:
    identity = (None, None) if contract is None else (contract.id, contract.version)
    judged = [f.model_copy(update=dict(zip(("contract", "contract_version"), identity, strict=True))) for f in findings]
    return Report(
        source=tuple(source),
        contract=identity[0],
        contract_version=identity[1],
        depth=depth,
        findings=tuple(judged),
        unexamined=tuple(left),
    )
