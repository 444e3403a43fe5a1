"""Contracts, formats and arms of others, found by entry point.

A registry loads its plug-ins when it is first needed. One that is broken, or that takes a name which is taken
already, is left out with one warning; it never stops what works without it. Ours come first, so that no other
package can put itself in the place of a contract, a format or an arm of ours.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

# What each group adds to, in words for `ptycho plugins`.
GROUPS = {
    "ptycho_contracts.contracts": "contract",
    "ptycho_adapters.formats": "format",
    "ptycho_runners.arms": "arm",
}
_OURS = "ptycho-contracts"

T = TypeVar("T")


class PtychoPluginWarning(UserWarning):
    """A plug-in was left out; the message names its distribution, its entry point and what was wrong."""


@dataclass(frozen=True)
class Plugin(Generic[T]):
    """What one entry point gave.

    Attributes:
        group: The entry point's group.
        name: Its name.
        value: What it points to (`package.module:attribute`).
        distribution: The package that brings it, with its version.
        items: What was taken from it, by id.
        problem: Why something or all of it was left out; None where all is well.
    """

    group: str
    name: str
    value: str
    distribution: str
    items: Mapping[str, T] = field(default_factory=dict)
    problem: str | None = None

    @property
    def ours(self) -> bool:
        """Whether it comes with ptycho-contracts itself."""
        return self.distribution.split()[0] == _OURS


def load_plugins(
    group: str, items_of: Callable[[Any], Iterable[tuple[str, T]]], taken: Collection[str] = ()
) -> tuple[Plugin[T], ...]:
    """Load every entry point of a group, ours first, then by distribution and name; warns once of each problem.

    Args:
        group: One of `GROUPS`.
        items_of: What a loaded object offers, each with its id; raises TypeError, saying what was expected, for an
            object of another kind.
        taken: Ids that no plug-in may take.
    """
    plugins: list[Plugin[T]] = []
    known = set(taken)
    for point in sorted(entry_points(group=group), key=_order):
        plugin = _load(point, items_of, known)
        known.update(plugin.items)
        plugins.append(plugin)
        if plugin.problem is not None:
            warnings.warn(f"{told(plugin)}: {plugin.problem}", PtychoPluginWarning, stacklevel=3)
    return tuple(plugins)


def contributed(plugins: Iterable[Plugin[T]]) -> dict[str, T]:
    """What plug-ins add to a registry, by id."""
    return {name: item for plugin in plugins for name, item in plugin.items.items()}


def one_or_many(found: object, *kinds: type) -> tuple[Any, ...]:
    """What an entry point gave, as a tuple: it may point to one thing or to a list or tuple of them.

    Raises:
        TypeError: it is, or holds, something else.
    """
    things = tuple(found) if isinstance(found, list | tuple) else (found,)
    strange = [thing for thing in things if not isinstance(thing, kinds)]
    if strange or not things:
        expected = " or ".join(k.__name__ for k in kinds)
        got = f"holds {type(strange[0]).__name__}" if strange else "is empty"
        raise TypeError(f"it must be {expected}, or a tuple of these, and {got}")
    return things


def told(plugin: Plugin[Any]) -> str:
    """Which plug-in it is: what it adds, its entry point, and who brings it."""
    return f"{GROUPS[plugin.group]} plug-in {plugin.name!r} ({plugin.value}) of {plugin.distribution}"


def _order(point: EntryPoint) -> tuple[bool, str, str]:
    distribution = _distribution(point)
    return distribution.split()[0] != _OURS, distribution, point.name


def _distribution(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else "an unknown package"


def _load(point: EntryPoint, items_of: Callable[[Any], Iterable[tuple[str, T]]], known: set[str]) -> Plugin[T]:
    plugin: Plugin[T] = Plugin(point.group, point.name, point.value, _distribution(point))
    try:
        offered = dict(items_of(point.load()))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a broken plug-in must not break the others
        return _with(plugin, {}, f"left out, because {type(error).__name__}: {_one_line(error)}")
    refused = sorted(offered.keys() & known)
    problem = f"{', '.join(map(repr, refused))} refused, because the name is taken" if refused else None
    return _with(plugin, {name: item for name, item in offered.items() if name not in known}, problem)


def _with(plugin: Plugin[T], items: Mapping[str, T], problem: str | None) -> Plugin[T]:
    return Plugin(plugin.group, plugin.name, plugin.value, plugin.distribution, items, problem)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
