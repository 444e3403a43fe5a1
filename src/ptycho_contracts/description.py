"""What a file says of itself in its headers, as a JSON-serialisable value that holds no data.

A `Description` is what every structural check looks at, what `ptycho describe FILE --format json` prints,
and what the JSON Schemas in `schemas/` validate: one document, whatever the container, and both halves of a
pair in one.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Container = Literal["npz", "hdf5", "pickle", "torch-zip", "dataset"]
Scalar = bool | int | float | str | None


class AttributeInfo(BaseModel):
    """An HDF5 attribute. `value` is null where it is too large to print or has no JSON form.

    Non-finite numbers are the strings "NaN", "Infinity" and "-Infinity": strict JSON has no others.
    """

    model_config = ConfigDict(frozen=True)

    dtype: str
    shape: tuple[int, ...]
    value: Scalar | list[Scalar] = None


class StorageInfo(BaseModel):
    """How an array lies in its file. Chunk shape and filters are HDF5's; an NPZ member is stored or deflated."""

    model_config = ConfigDict(frozen=True)

    chunks: tuple[int, ...] | None = None
    filters: tuple[str, ...] = ()
    unavailable_filters: tuple[str, ...] = ()
    bytes_stored: int | None = None
    byte_order: Literal["little", "big"] = "little"
    fortran_order: bool = False


class MemberInfo(BaseModel):
    """One array, or one scalar, of a file.

    `dtype` is numpy's name without byte order ("float32"), or "object" (pickled), "str", "bytes", "none",
    "bool". `value` is given for scalars that lie in the header itself (those of a pickle), never for arrays.
    """

    model_config = ConfigDict(frozen=True)

    dtype: str
    shape: tuple[int, ...]
    attributes: dict[str, AttributeInfo] = Field(default_factory=dict)
    storage: StorageInfo | None = None
    value: Scalar = None


class FileInfo(BaseModel):
    """One file: its container, its root attributes and its members by path (no leading slash)."""

    model_config = ConfigDict(frozen=True)

    container: Container
    path: str | None = None
    attributes: dict[str, AttributeInfo] = Field(default_factory=dict)
    members: dict[str, MemberInfo] = Field(default_factory=dict)


class Description(BaseModel):
    """One artifact: its files by role (`npz`, `dp`, `para`, `best`, `last`, `state` …).

    `documents` holds what small JSON or YAML files of the artifact say, by role (a run's `config`).
    """

    model_config = ConfigDict(frozen=True)

    files: dict[str, FileInfo]
    documents: dict[str, Any] = Field(default_factory=dict)

    def member(self, role: str, path: str) -> MemberInfo | None:
        """The member at `role:/path`, or None where the file or the member is absent."""
        info = self.files.get(role)
        return None if info is None else info.members.get(path)
