"""HDF5 files: headers without data, nothing outside the file, and no traceback from a damaged one.

What is promised ends at the HDF5 library: headers of its older format have no checksums, and fuzzing them
crashes or hangs the library itself (seen with HDF5 2.0.0). Open files of strangers in a process of their own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.description import FileInfo, MemberInfo
from ptycho_contracts.engine_codes import EXTERNAL_REFERENCE, RESOURCE_LIMIT, UNAVAILABLE_FILTER
from ptycho_contracts.finding import finding
from ptycho_contracts.sources.array_source import ArraySource, native
from ptycho_contracts.sources.faults import existing_file, fault, over_limit, swells, unreadable
from ptycho_contracts.sources.hdf5_info import HDF5_ERRORS, attributes_info, dataset_info
from ptycho_contracts.sources.hdf5_links import LinkWalk, broken, sound


class Hdf5Source(ArraySource):
    """An HDF5 file, open for reading; without a lock where locks fail (read-only media, some file systems).

    Members are the datasets by path; empty groups do not show. External links, virtual datasets and external
    storage are in `findings` and are no members. A dataset whose filter is missing, or whose size is out of
    all proportion to the file, is described and reported, and reading it raises.

    Args:
        path: The file.
        role: Its role in an artifact (`dp`, `para`, …).

    Raises:
        SourceError: FILE_ABSENT, UNREADABLE (truncated, damaged), RESOURCE_LIMIT (objects without end).
    """

    def __init__(self, path: Path | str, role: str = "hdf5") -> None:
        super().__init__(Path(path), role)
        existing_file(self.path, role)
        self._file = self._open()
        try:
            self._datasets, self._info = self._survey()
        except BaseException as error:
            self._file.close()
            if isinstance(error, HDF5_ERRORS):
                raise broken(error, self.where()) from error
            raise

    def _open(self) -> h5py.File:
        """The file as h5py opens it, so that this process may open it again; without a lock where that fails."""
        try:
            return h5py.File(self.path, "r")
        except HDF5_ERRORS:
            try:
                return h5py.File(self.path, "r", locking=False)
            except HDF5_ERRORS as error:
                raise broken(error, self.where()) from error

    def _survey(self) -> tuple[dict[str, h5py.Dataset], FileInfo]:
        """Every readable dataset and the description of the file; collects findings on the way."""
        walk = LinkWalk(self._file, self.role)
        datasets: dict[str, h5py.Dataset] = {}
        members: dict[str, MemberInfo] = {}
        for path, found in walk:
            if isinstance(found, h5py.Dataset) and self._inside(found, path):
                datasets[path] = found
                members[path] = dataset_info(found)
                self._judge(path, found, members[path])
        self.findings = (*self.findings, *walk.findings)
        info = FileInfo(
            container="hdf5",
            path=str(self.path),
            attributes=attributes_info(self._file["/"]),
            members=members,
        )
        return datasets, info

    def _inside(self, dataset: h5py.Dataset, path: str) -> bool:
        """Whether the data lie in this file; reports where they do not."""
        if dataset.is_virtual:
            what = "a virtual dataset, assembled from other datasets"
        elif dataset.external:
            what = f"stored outside the file, in {dataset.external[0][0]!r}"
        else:
            return True
        message = f"{path} is {what}; it was not read"
        self.findings = (*self.findings, finding(EXTERNAL_REFERENCE, self.where(path), message))
        return False

    def _judge(self, path: str, dataset: h5py.Dataset, info: MemberInfo) -> None:
        """Report what will keep a described dataset from being read."""
        if info.storage is not None and info.storage.unavailable_filters:
            missing = ", ".join(info.storage.unavailable_filters)
            message = f"{path} is compressed with {missing}, which is not installed here"
            self.findings = (*self.findings, finding(UNAVAILABLE_FILTER, self.where(path), message))
        if self._swells(dataset):
            message = f"{path} claims {dataset.nbytes} bytes in a file of {self.path.stat().st_size}"
            self.findings = (*self.findings, finding(RESOURCE_LIMIT, self.where(path), message))

    def _swells(self, dataset: h5py.Dataset) -> bool:
        return swells(int(dataset.nbytes), self.path.stat().st_size)

    def describe(self) -> FileInfo:
        """Datasets by path, with their attributes and storage, and the attributes of the root."""
        return self._info

    def layout(self, member: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Shape and dtype of a dataset."""
        dataset = self._dataset(member)
        return dataset.shape, dataset.dtype

    def block_rows(self, member: str, rows: int | None) -> int:
        """Whole chunks, unless `rows` are asked for: a chunk that two blocks share is inflated twice."""
        step = super().block_rows(member, rows)
        chunks = self._dataset(member).chunks
        if rows is not None or chunks is None:
            return step
        chunk_rows = int(chunks[0])
        return max(1, step // chunk_rows) * chunk_rows

    def rows(self, member: str, start: int, stop: int) -> NDArray[Any]:
        """Rows `start:stop` of axis 0, clipped like a slice, as a native-order array."""
        dataset = self._dataset(member)
        if not dataset.shape:
            raise ValueError(f"{self.where(member)} is a scalar and has no rows")
        start, stop, _ = slice(start, stop).indices(dataset.shape[0])
        return self._select(member, slice(start, max(start, stop)))

    def inner_rows(self, member: str, outer: int, start: int, stop: int) -> NDArray[Any]:
        """Rows `start:stop` of axis 1 within row `outer` of axis 0, clipped like a slice, as a native-order array."""
        return self._select(member, (outer, slice(start, max(start, stop))))

    def read(self, member: str) -> NDArray[Any]:
        """The whole dataset as a native-order array."""
        return self._select(member, ())

    def text(self, member: str) -> str:
        """A scalar string, or the one element of a string array."""
        value = np.asarray(self._select(member, ()))
        if value.size != 1 or not isinstance(item := value.reshape(-1)[0], bytes | str):
            raise unreadable(self.where(member), f"{value.dtype} of shape {value.shape} is not a text")
        return item.decode("utf-8", "replace") if isinstance(item, bytes) else sound(item)

    def close(self) -> None:
        """Close the file."""
        self._datasets.clear()
        self._file.close()

    def _dataset(self, member: str) -> h5py.Dataset:
        if member not in self._datasets:
            raise KeyError(f"{self.path} has no dataset {member!r}; it has {', '.join(self._datasets)}")
        dataset = self._datasets[member]
        if dataset.shape is None:
            raise unreadable(self.where(member), "the dataset is empty: it has no dataspace")
        return dataset

    def _select(self, member: str, selection: Any) -> NDArray[Any]:
        """Part of a dataset; what HDF5 raises while reading becomes a finding at the member."""
        dataset = self._dataset(member)
        if self._swells(dataset):
            raise over_limit(self.where(member), f"{dataset.nbytes} bytes claimed in a much smaller file")
        try:
            return native(np.asarray(dataset[selection]))
        except HDF5_ERRORS as error:
            raise self._unread(member, error) from error

    def _unread(self, member: str, error: Exception) -> Exception:
        storage = self._info.members[member].storage
        if storage is None or not storage.unavailable_filters:
            return broken(error, self.where(member))
        missing = ", ".join(storage.unavailable_filters)
        return fault(UNAVAILABLE_FILTER, self.where(member), f"{member} is compressed with {missing}")
