"""`xarray.open_dataset(path, engine="ptycho")`: lazy, honest about what it did not verify, strict about guessing."""

from __future__ import annotations

import gc
import inspect
import json
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr

from ptycho_adapters import ReadOptions, read
from ptycho_adapters.codec import all_codecs
from ptycho_adapters.scan import describe_scan
from ptycho_adapters.xarray_engine import PtychoBackend, UnverifiedWarning
from ptycho_contracts.contract import ArrayContract, get_contract
from ptycho_contracts.opening import identify
from ptycho_contracts.sources.hdf5 import Hdf5Source
from ptycho_contracts.sources.npz import NpzSource
from ptycho_contracts.structure import check_structure
from ptycho_contracts.testing.drawn import write_artifact
from ptycho_contracts.testing.simulated import SIMULATED, Size, simulate_scan

SHARED = Path(__file__).parents[2] / "../shared/data"
SIZE = Size(n=16, rows=5, columns=5)
# What a file leaves open even as stored, and asks for.
NAMED = {"petra3_p25_near_field.cxi": {"propagation": "near-field", "pixel_size_m": 3e-7}}
Reads = list[tuple[str, int]]


def readable_samples() -> list[Path]:
    """Real files whose format is read, one for each artifact."""
    files = sorted(path for path in SHARED.rglob("*") if path.is_file())
    artifacts: dict[tuple[Path, ...], Path] = {}
    for path in files:
        contract, found, _ = identify(path)
        if contract is not None and contract.id in all_codecs() and all_codecs()[contract.id].read is not None:
            artifacts.setdefault(tuple(sorted(found.values())), path)
    return list(artifacts.values())


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    """Every (member, rows) of a stack of real frames that is read from now on."""
    done: Reads = []

    def counted(kind: type, name: str) -> None:
        original = getattr(kind, name)

        def call(self: Any, member: str, *args: Any, **kwargs: Any) -> Any:
            shape, dtype = self.layout(member)
            if len(shape) >= 3 and dtype.kind in "fiu" and np.prod(shape[1:]) >= 64:
                rows = args[1] - args[0] if name == "rows" else shape[0]
                done.append((member, rows))
            return original(self, member, *args, **kwargs)

        monkeypatch.setattr(kind, name, call)

    for kind in (Hdf5Source, NpzSource):
        for name in ("rows", "blocks", "read"):
            counted(kind, name)
    return done


@pytest.fixture(params=sorted(SIMULATED))
def simulated(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    contract = get_contract(request.param)
    artifact = SIMULATED[request.param](simulate_scan(3, SIZE))
    return write_artifact(artifact, contract, tmp_path, "scan")  # type: ignore[arg-type]  # all of these are of arrays


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    contract = get_contract("ptychovit-pair")
    return write_artifact(SIMULATED["ptychovit-pair"](simulate_scan(3, SIZE)), contract, tmp_path, "scan")  # type: ignore[arg-type]


def opened(path: Path, **options: Any) -> xr.Dataset:
    return xr.open_dataset(path, engine="ptycho", **({"order": "as-stored"} | options))


def test_one_pattern_is_one_read(simulated: Path, reads: Reads) -> None:
    with opened(simulated) as ds:
        assert reads == []
        pattern = ds.intensity[7].values
        assert [rows for _, rows in reads] == [1]
        some = ds.intensity[[3, 11], 2:5, ::4].values
        assert sum(rows for _, rows in reads) == 3
    with read(simulated, ReadOptions(order="as-stored")) as loaded:
        whole = loaded.scans[0]["intensity"].values
    np.testing.assert_array_equal(pattern, whole[7])
    np.testing.assert_array_equal(some, whole[[3, 11], 2:5, ::4])


@pytest.mark.shared_data
def test_every_readable_format_opens_without_reading_a_pattern(shared: Path, reads: Reads) -> None:
    assert shared.is_dir()
    scan, seen = get_contract("scan"), set()
    assert isinstance(scan, ArrayContract)
    for path in readable_samples():
        reads.clear()
        with opened(path, **NAMED.get(path.name, {})) as ds:
            assert [f for f in check_structure(scan, describe_scan(ds)) if f.severity == "error"] == []
            if "intensity" in ds:
                at_opening = {member for member, _ in reads}  # masks, which some formats have for each frame
                reads.clear()
                assert np.isfinite(ds.intensity[0].values).all()
                ((member, rows),) = reads
                assert rows == 1, path.name
                assert member not in at_opening, path.name
        seen.add(path.suffix)
    assert {".npz", ".hdf5", ".h5", ".cxi", ".ptyd"} <= seen


def test_the_dataset_is_the_scan_with_what_was_decided(simulated: Path) -> None:
    with opened(simulated) as ds, read(simulated, ReadOptions(order="as-stored")) as loaded:
        notes = {name: ds.attrs.pop(name) for name in list(ds.attrs) if name.startswith("ptycho_")}
        xr.testing.assert_identical(ds, loaded.scans[0])
        assert json.loads(notes.get("ptycho_decisions", "{}")) == loaded.decisions
        assert notes.get("ptycho_dropped", "").splitlines() == loaded.dropped


def test_what_is_taken_as_stored_without_being_asked_is_a_warning(pair: Path) -> None:
    with pytest.warns(UnverifiedWarning, match=r"^scan_dp.hdf5: frame taken as stored, not verified") as caught:
        xr.open_dataset(pair, engine="ptycho").close()
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        opened(pair).close()
        with opened(pair, order="auto") as ds:
            assert "proven" in ds.attrs["ptycho_decisions"]


def test_closing_gives_the_file_back(pair: Path) -> None:
    ds = opened(pair)
    ds.close()
    with pytest.raises(KeyError):
        ds.intensity.load()
    with h5py.File(pair, "a") as file:  # nobody holds it any more
        file.attrs["written"] = True


def test_a_dataset_that_nobody_closed_gives_the_file_back_with_its_last_pattern(simulated: Path) -> None:
    pattern = opened(simulated).intensity[3]
    gc.collect()
    assert pattern.values.shape == (16, 16)
    del pattern
    gc.collect()  # what is still open is a ResourceWarning, which is an error here


def test_a_failed_opening_leaves_no_file_open(pair: Path) -> None:
    with pytest.raises(ValueError, match="the file holds 1 object: object is 0 to 0"):
        opened(pair, object=1)
    with h5py.File(pair, "a") as file:
        file.attrs["written"] = True


def test_one_of_several_objects(tmp_path: Path) -> None:
    first, second = (simulate_scan(seed, SIZE) for seed in (1, 2))
    size = np.minimum(first.object.shape, second.object.shape)
    np.savez(
        tmp_path / "two.npz",
        diffraction=np.sqrt(np.concatenate([first.intensity, second.intensity]))[..., None],
        coords_offsets=np.concatenate([first.centre_px, second.centre_px]).astype("f4")[:, None, :, None],
        probeGuess=first.probe[0],
        YY_full=np.stack([s.object[: size[0], : size[1], None] for s in (first, second)]),
    )
    for number, scan in enumerate((first, second)):
        with opened(tmp_path / "two.npz", object=number) as ds:
            np.testing.assert_allclose(ds.position_y, scan.centre_px[:, 0], rtol=1e-6)
            np.testing.assert_allclose(ds.intensity, scan.intensity, rtol=1e-6)


def test_every_read_option_is_an_argument() -> None:
    arguments = set(inspect.signature(PtychoBackend.open_dataset).parameters)
    options = {field.name for field in fields(ReadOptions)} - {"progress"}
    assert arguments - {"self", "filename_or_obj", "drop_variables", "object"} == options


def test_options_and_dropped_variables(pair: Path, tmp_path: Path) -> None:
    with opened(pair, frame="half-size", drop_variables=["probe", "nothing_of_that_name"]) as ds:
        assert "probe" not in ds
        assert json.loads(ds.attrs["ptycho_decisions"])["frame"]["frame"] == "half-size"
    with pytest.raises(ValueError, match="no frame is called 'nowhere'; known: ptychovit"):
        opened(pair, frame="nowhere")
    with pytest.raises(ValueError, match="--values means nothing to ptychovit-pair"):
        opened(pair, values="amplitude")
    assert list(tmp_path.iterdir())


def unknown(folder: Path) -> Path:
    np.savez(folder / "other.npz", voltage=np.ones(3))
    return folder / "other.npz"


def netcdf_like(folder: Path) -> Path:
    """An HDF5 file of somebody else, which happens to have a dataset of a name that contracts know."""
    with h5py.File(folder / "other.nc", "w") as file:
        file["dp"] = np.ones((4, 8, 8))
        file["time"] = np.arange(4.0)
    return folder / "other.nc"


def broken_pair(folder: Path) -> Path:
    contract = get_contract("ptychovit-pair")
    path = write_artifact(SIMULATED["ptychovit-pair"](simulate_scan(3, SIZE)), contract, folder, "broken")  # type: ignore[arg-type]
    with h5py.File(folder / "broken_para.hdf5", "a") as file:
        del file["probe"]
        file["object"].attrs["pixel_height_m"] = 0.0
    return path


def nothing(folder: Path) -> Path:
    return folder / "absent.npz"


@pytest.mark.parametrize(
    ("make", "kind", "says"),
    [
        (unknown, ValueError, ["PTY003", "no contract recognises other.npz", "voltage", "fix:"]),
        (broken_pair, ValueError, ["PTY101 para:/probe", "PTY105 para:/object@pixel_height_m", "fix:"]),
        (nothing, FileNotFoundError, ["PTY001", "absent.npz does not exist"]),
    ],
)
def test_what_cannot_be_opened_says_every_reason(
    make: Callable[[Path], Path], kind: type[Exception], says: list[str], tmp_path: Path
) -> None:
    with pytest.raises(kind) as caught:
        opened(make(tmp_path))
    for text in says:
        assert text in str(caught.value)


@pytest.mark.shared_data
def test_a_way_out_is_told_as_an_argument(shared: Path) -> None:
    with pytest.raises(ValueError, match=r"Say which with `propagation='near-field'` or `propagation='far-field'`"):
        opened(shared / "cxi" / "petra3_p25_near_field.cxi")


@pytest.mark.parametrize("source", [b"bytes of a file", 7])
def test_only_paths_can_be_opened(source: Any) -> None:
    with pytest.raises(TypeError, match="opens files by path, not"):
        PtychoBackend().open_dataset(source)
    assert not PtychoBackend().guess_can_open(source)


def test_xarray_guesses_the_engine_of_a_valid_file_alone(simulated: Path) -> None:
    backend = PtychoBackend()
    assert backend.guess_can_open(str(simulated))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnverifiedWarning)
        with xr.open_dataset(simulated) as ds:
            assert ds.sizes["scan"] == 25


@pytest.mark.parametrize("make", [unknown, netcdf_like, broken_pair, nothing])
def test_it_claims_no_other_file(make: Callable[[Path], Path], tmp_path: Path) -> None:
    assert not PtychoBackend().guess_can_open(make(tmp_path))


def test_a_copy_reads_on_and_a_pickle_needs_the_data(pair: Path) -> None:
    with opened(pair) as ds:
        copied = ds.copy(deep=True)
        np.testing.assert_array_equal(copied.intensity[2], ds.intensity[2])
        with pytest.raises(TypeError, match=r"cannot be pickled: `ds.load\(\)` first"):
            pickle.dumps(ds)
        again = pickle.loads(pickle.dumps(ds.load()))  # noqa: S301 - pickled right here
        xr.testing.assert_identical(again, ds)
        again.close()


def test_dask_reads_in_chunks(pair: Path) -> None:
    pytest.importorskip("dask", reason="chunks= needs dask")
    with opened(pair, chunks={"scan": 5}) as ds, opened(pair) as plain:
        assert ds.intensity.chunks is not None
        np.testing.assert_allclose(ds.intensity.mean("scan").compute(), plain.intensity.values.mean(0), rtol=1e-5)
    with opened(pair, chunks={}) as ds:
        assert ds.intensity.chunks is not None


def test_xarray_imports_the_engine_for_free() -> None:
    code = (
        "import sys, xarray.backends.plugins as p; assert 'ptycho' in p.list_engines(); "
        "print({m for m in ('h5py', 'pydantic', 'scipy', 'ptycho_contracts') if m in sys.modules} "
        "- {'scipy', 'ptycho_contracts'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.fixture(autouse=True)
def _no_file_is_left_open() -> Iterator[None]:
    yield
    assert not h5py.h5f.get_obj_ids(h5py.h5f.OBJ_ALL, h5py.h5f.OBJ_FILE)
