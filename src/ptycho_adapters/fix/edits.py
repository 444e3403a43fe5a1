"""What a repair does to a copy of a file: one member or one attribute, with the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True)
class MemberEdit:
    """A member with other content.

    Attributes:
        role: The file.
        path: The member; it may not exist yet.
        made: Its new content.
        code: Of the finding that this mends.
        what: What was done, in words.
        why: Why that is safe.
    """

    role: str
    path: str
    made: Callable[[], NDArray[Any]]
    code: str
    what: str
    why: str

    @property
    def location(self) -> str:
        """As findings spell it."""
        return f"{self.role}:/{self.path}"


@dataclass(frozen=True)
class AttributeEdit:
    """An attribute of a member, or of the file where `path` is empty, that gets a value."""

    role: str
    path: str
    name: str
    value: float | str | bool
    code: str
    what: str
    why: str

    @property
    def location(self) -> str:
        """As findings spell it."""
        return f"{self.role}:/{self.path}@{self.name}"


Edit = MemberEdit | AttributeEdit
