"""Reading the next block while the present one is used: reading, checksums and arithmetic release the GIL."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, cast

_T = TypeVar("_T")
_END = object()


def read_ahead(blocks: Iterator[_T]) -> Iterator[_T]:
    """The items of `blocks` in order, each made in another thread while its predecessor is used.

    Two items are alive at a time. What `blocks` raises is raised here, where the item would have come. While the
    iteration lasts, nobody else may use what `blocks` reads from.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        coming = pool.submit(next, blocks, _END)
        while (item := coming.result()) is not _END:
            coming = pool.submit(next, blocks, _END)
            yield cast(_T, item)
