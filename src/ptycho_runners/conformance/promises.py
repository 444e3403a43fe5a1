"""Every promise of the backend contract, in the order of the report."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ptycho_runners.conformance import patterns, placement, prediction, restoring, training
from ptycho_runners.conformance.promise import Promise

ALL: tuple[Promise, ...] = (
    *patterns.PROMISES[:1],
    *placement.PROMISES,
    *patterns.PROMISES[1:],
    *prediction.PROMISES,
    *training.PROMISES,
    *restoring.PROMISES,
)
GROUPS = ("reading pairs", "the model", "training", "restoring")


def by_group() -> Iterator[tuple[str, list[Promise]]]:
    """The groups in order, each with its promises."""
    for group in GROUPS:
        yield group, [promise for promise in ALL if promise.group == group]


def chosen(ids: Collection[str] | None) -> list[Promise]:
    """The promises of these names, in the order of the report; all where None.

    Raises:
        KeyError: there is no promise of that name.
    """
    known = {promise.id: promise for promise in ALL}
    for name in ids or ():
        if name not in known:
            raise KeyError(f"no promise {name!r}; known: {', '.join(known)}")
    return [promise for promise in ALL if ids is None or promise.id in ids]
