"""A description as text: members, dtypes, shapes, attributes; what `ptycho describe` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ptycho_contracts.description import AttributeInfo, Description
from ptycho_contracts.render._words import visible


def listing(description: Description) -> Iterator[str]:
    """The lines, members and attributes in alphabetical order; what would act on a terminal is escaped."""
    return map(visible, _lines(description))


def _lines(description: Description) -> Iterator[str]:
    for role, info in description.files.items():
        yield f"{role}: {info.path or '…'} ({info.container})"
        yield from _attributes(info.attributes, "  ")
        for path, member in sorted(info.members.items()):
            shape = ", ".join(str(size) for size in member.shape)
            value = "" if member.value is None else f" = {member.value}"
            yield f"  /{path}  {member.dtype} ({shape}){value}"
            yield from _attributes(member.attributes, "    ")
    for role in description.documents:
        yield f"{role}: a document"


def _attributes(attributes: Mapping[str, AttributeInfo], indent: str) -> Iterator[str]:
    for name, attribute in sorted(attributes.items()):
        yield f"{indent}@{name} = {attribute.value}"
