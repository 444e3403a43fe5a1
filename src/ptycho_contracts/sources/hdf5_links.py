"""Walking an HDF5 file along its links without leaving it.

HDF5 follows external links by itself whenever a path is opened, also in the middle of a soft link's path. So
links are looked at one by one, soft links are resolved by us, and objects are opened by hard links only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import h5py

from ptycho_contracts.engine_codes import EXTERNAL_REFERENCE
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.sources.faults import over_limit, unreadable

MAX_OBJECTS = 50_000
MAX_DEPTH = 32
_MAX_SOFT_LINKS = 16
_TRUNCATED = re.compile(r"truncated file: eof = (\d+), .*stored_eof = (\d+)")


class LinkWalk:
    """Iterate over (path, object) of every group and dataset reachable inside the file.

    Paths have no leading slash. An object with several hard or soft links comes once per path; a group that
    contains itself is not entered again. What points out of the file is in `findings` and is not opened; a
    soft link to nothing is as good as absent.
    """

    def __init__(self, file: h5py.File, role: str) -> None:
        self._file = file
        self._role = role
        self._count = 0
        self.findings: list[Finding] = []

    def __iter__(self) -> Iterator[tuple[str, h5py.Group | h5py.Dataset]]:
        yield from self._enter(self._file["/"], "", (_address(self._file["/"]),))

    def _enter(
        self, group: h5py.Group, prefix: str, ancestors: tuple[int, ...]
    ) -> Iterator[tuple[str, h5py.Group | h5py.Dataset]]:
        for name in group:
            path = f"{prefix}{sound(name)}"
            self._count += 1
            if self._count > MAX_OBJECTS or len(ancestors) > MAX_DEPTH:
                raise over_limit(
                    f"{self._role}:/{path}", f"more than {MAX_OBJECTS} objects or {MAX_DEPTH} nested groups"
                )
            found = self._follow(group, name, path, _MAX_SOFT_LINKS)
            if not isinstance(found, h5py.Group | h5py.Dataset):
                continue
            yield path, found
            if isinstance(found, h5py.Group) and (address := _address(found)) not in ancestors:
                yield from self._enter(found, f"{path}/", (*ancestors, address))

    def _follow(self, group: h5py.Group, name: str, path: str, soft_links_left: int) -> Any:
        """The object that one link leads to; None where it leads nowhere or out of the file."""
        link = group.get(name, getlink=True)
        if isinstance(link, h5py.HardLink):
            return group[name]
        if isinstance(link, h5py.ExternalLink):
            self._report(path, f"an external link to {link.path!r} in the file {link.filename!r}")
            return None
        if not isinstance(link, h5py.SoftLink):
            self._report(path, "a link of a kind that users define")
            return None
        if soft_links_left == 0:
            return None
        return self._resolve(group, link.path, path, soft_links_left - 1)

    def _resolve(self, group: h5py.Group, target: str, path: str, soft_links_left: int) -> Any:
        """The object at `target`, relative to `group` or to the root."""
        here: Any = self._file["/"] if target.startswith("/") else group
        for part in target.split("/"):
            if part in ("", "."):
                continue
            if not isinstance(here, h5py.Group) or part not in here.keys():  # noqa: SIM118
                return None
            here = self._follow(here, part, path, soft_links_left)
        return here

    def _report(self, path: str, what: str) -> None:
        where = f"{self._role}:/{path}"
        if all(f.location != where for f in self.findings):
            self.findings.append(finding(EXTERNAL_REFERENCE, where, f"{path} is {what}; it was not opened"))


def _address(group: h5py.Group) -> int:
    """The address of a group in its file: the same for every link to it."""
    address: int = h5py.h5o.get_info(group.id).addr
    return address


def sound(text: str | bytes) -> str:
    """A text that can be encoded; what is not UTF-8 comes from h5py as bytes or with lone surrogates."""
    raw = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    return raw.decode("utf-8", "replace")


def broken(error: Exception, where: str) -> Exception:
    """What HDF5 says when it fails, as a finding; its last clause in brackets is the one that says why."""
    text = str(error).strip().rstrip(")")
    cut = _TRUNCATED.search(text)
    said = f"the file is truncated, {cut[1]} of {cut[2]} bytes are there" if cut else text.rsplit("(", 1)[-1]
    return unreadable(where, f"HDF5 cannot read it: {said or type(error).__name__}")
