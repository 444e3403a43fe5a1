"""Opening reads no pattern, converting holds few of them, and what is interrupted leaves nothing behind."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ptycho_adapters import ConversionError, ReadOptions, convert, read, write
from ptycho_adapters.npz_writer import NpzWriter
from ptycho_contracts.read_ahead import read_ahead
from ptycho_contracts.sources.hdf5 import Hdf5Source
from ptycho_contracts.sources.npz import NpzSource

Arrays = dict[str, NDArray[Any]]
Simulated = Callable[..., Arrays]
TRUSTED = ReadOptions(order="as-stored")


@pytest.fixture
def two_objects(simulated: Simulated, tmp_path: Path) -> Path:
    np.savez(tmp_path / "split.npz", allow_pickle=False, **simulated(n_train_objects=2))
    return tmp_path / "split.npz"


@pytest.fixture
def rows_read(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, int]]:
    """(member, first, last + 1) of whatever is read by rows; whole patterns must not be read otherwise."""
    seen: list[tuple[str, int, int]] = []
    for kind in (NpzSource, Hdf5Source):
        rows, whole = kind.rows, kind.read

        def by_rows(self: Any, member: str, start: int, stop: int, rows: Any = rows) -> Any:
            seen.append((member, start, stop))
            return rows(self, member, start, stop)

        def at_once(self: Any, member: str, whole: Any = whole) -> Any:
            assert member not in ("diffraction", "dp", "diff3d")
            return whole(self, member)

        monkeypatch.setattr(kind, "rows", by_rows)
        monkeypatch.setattr(kind, "read", at_once)
    return seen


def test_opening_reads_no_pattern(two_objects: Path, rows_read: list[tuple[str, int, int]]) -> None:
    with read(two_objects, TRUSTED) as loaded:
        assert rows_read == []
        scan = loaded.scans[1]
        count = scan.sizes["scan"]
        assert scan.isel(scan=slice(1, 3))["intensity"].shape == (2, 32, 32)
        assert rows_read == []
        with np.load(two_objects) as stored:
            expected = stored["diffraction"][count + 1 : count + 3, ..., 0] ** 2
        np.testing.assert_array_equal(scan["intensity"][1:3], expected)
    # Both objects' rows lie interleaved or one behind the other; only those asked for were read.
    assert sum(stop - start for _, start, stop in rows_read) == 2


def test_opening_a_pair_reads_no_pattern(two_objects: Path, rows_read: list[tuple[str, int, int]]) -> None:
    done = convert(two_objects, two_objects.parent / "out", "ptychovit-pair", options=TRUSTED)
    rows_read.clear()
    with read(done.files[0]["dp"], TRUSTED) as loaded:
        assert loaded.scans[0]["intensity"].shape[1:] == (32, 32)
        assert rows_read == []


def make_split(path: Path, count: int, n: int = 64) -> Path:
    """Patterns of noise, written in a stream."""
    rng = np.random.default_rng(0)
    with NpzWriter(path) as archive:
        with archive.stream("diffraction", (count, n, n, 1), np.dtype(np.float32)) as stream:
            for _ in range(count // 100):
                stream.write(rng.random((100, n, n, 1), np.float32))
        archive.array("coords_offsets", rng.uniform(n, n + 40, (count, 1, 2, 1)).astype(np.float32))
        archive.array("YY_full", rng.random((1, 200, 200, 1)).astype(np.complex64))
        archive.array("probeGuess", rng.random((n, n)).astype(np.complex64))
    return path


@pytest.mark.parametrize("to", ["ptychovit-pair", "grid-lines-npz", "raw-data-npz"])
def test_memory_does_not_grow_with_the_patterns(tmp_path: Path, to: str) -> None:
    def peak(count: int) -> int:
        source = make_split(tmp_path / f"{count}.npz", count)
        tracemalloc.start()
        convert(source, tmp_path / f"out{count}", to, name="x", options=TRUSTED)
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(100)  # imports
    # 2,000 more patterns have 33 MB. Two threads meet by chance, so peaks differ by a block or two of 4 MiB.
    assert peak(3000) < peak(1000) + 9_000_000


class StopHere(Exception):  # noqa: N818 - not an error
    """The test's own."""


@pytest.mark.parametrize("error", [StopHere, KeyboardInterrupt])
@pytest.mark.parametrize("when", ["verifying patterns", "writing split_000", "writing split_001"])
@pytest.mark.parametrize("to", ["ptychovit-pair", "grid-lines-npz", "raw-data-npz"])
def test_an_interrupted_conversion_leaves_nothing(
    two_objects: Path, to: str, when: str, error: type[BaseException]
) -> None:
    def stop(what: str, done: int, count: int) -> None:
        if what == when:
            raise error

    out = two_objects.parent / "out"
    with pytest.raises(error):
        convert(two_objects, out, to, options=ReadOptions(progress=stop))
    assert not out.exists() or list(out.iterdir()) == []


def test_a_source_damaged_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    source = make_split(tmp_path / "split.npz", 600)
    content = bytearray(source.read_bytes())
    content[len(content) // 2] ^= 1
    source.write_bytes(content)
    for options in (TRUSTED, ReadOptions(order="match")):
        with pytest.raises(ConversionError, match="checksum") as caught:
            convert(source, tmp_path / "out", "ptychovit-pair", options=options)
        assert [f.location for f in caught.value.findings] == ["npz:/diffraction.npy"]
        assert list((tmp_path / "out").iterdir()) == []


def test_existing_outputs_are_refused(two_objects: Path) -> None:
    out = two_objects.parent / "out"
    first = convert(two_objects, out, "ptychovit-pair", options=TRUSTED)
    before = {path: path.read_bytes() for path in out.iterdir()}
    for file in first.files[1].values():
        with pytest.raises(ConversionError, match="already holds") as caught:
            convert(two_objects, out, "ptychovit-pair", options=TRUSTED)
        assert [f.code for f in caught.value.findings] == ["PTY010"]
        assert {path: path.read_bytes() for path in out.iterdir() if path in before} == before
        assert file.exists()
    again = convert(two_objects, out, "ptychovit-pair", options=TRUSTED, overwrite=True)
    assert again.files == first.files
    assert sorted(out.iterdir()) == sorted(before)


def test_writing_a_scan_refuses_too(two_objects: Path, tmp_path: Path) -> None:
    with read(two_objects, TRUSTED) as loaded:
        done = write(loaded.scans[0], tmp_path / "out", "grid-lines-npz", "one")
        with pytest.raises(ConversionError, match="already holds"):
            write(loaded.scans[0], tmp_path / "out", "grid-lines-npz", "one")
        write(loaded.scans[1], tmp_path / "out", "grid-lines-npz", "one", overwrite=True)
    with np.load(done.files["npz"]) as stored, np.load(two_objects) as source:
        np.testing.assert_array_equal(stored["YY_full"], source["YY_full"][1:2])


def test_read_ahead_keeps_order_and_errors() -> None:
    def items() -> Any:
        yield from (1, 2)
        raise StopHere

    ahead = read_ahead(items())
    assert [next(ahead), next(ahead)] == [1, 2]
    with pytest.raises(StopHere):
        next(ahead)
    assert list(read_ahead(iter(()))) == []


def test_a_source_is_never_overwritten(two_objects: Path, tmp_path: Path) -> None:
    made = convert(two_objects, tmp_path / "out", "ptychovit-pair", options=TRUSTED).files[0]["dp"]
    before = made.read_bytes()
    with pytest.raises(ConversionError, match="is the source itself"):
        convert(made, made.parent, "ptychovit-pair", options=TRUSTED, overwrite=True)
    assert made.read_bytes() == before
