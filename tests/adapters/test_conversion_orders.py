"""How the order of a grid-lines split is decided: by evidence, by matching or by trust, never by a guess."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ptycho_adapters import ConversionError, Converted, ReadOptions, convert
from ptycho_adapters.codec import Order
from ptycho_adapters.simulate.grid_lines import Defects
from ptycho_contracts.finding import Finding
from ptycho_contracts.validation import validate

Arrays = dict[str, NDArray[Any]]
Simulated = Callable[..., Arrays]
LoadPair = Callable[[Path], Arrays]


def save(path: Path, split: Arrays) -> Path:
    np.savez(path, allow_pickle=False, **split)
    return path


def to_pair(source: Path, order: Order = "auto") -> Converted:
    return convert(source, source.parent / "out", "ptychovit-pair", options=ReadOptions(order=order))


def refused(source: Path, order: Order = "auto") -> tuple[Finding, ...]:
    with pytest.raises(ConversionError) as caught:
        to_pair(source, order)
    assert not (source.parent / "out").exists()
    return caught.value.findings


def assert_same_scan(found: Arrays, honest: Arrays, index: int = 0) -> None:
    """Each pattern stands at the position at which it was simulated, whatever the order of the rows."""
    objects = len(honest["YY_full"])
    patterns = np.moveaxis(honest["diffraction"], 3, 1).reshape(objects, -1, *honest["diffraction"].shape[1:3])[index]
    centres = np.moveaxis(honest["coords_offsets"][:, 0], 1, 2).reshape(objects, -1, 2)[index]
    known = {pattern.tobytes(): centre for pattern, centre in zip(patterns**2, centres, strict=True)}
    assert len(known) == len(found["dp"]) == len(patterns)
    expected = np.array([known[pattern.tobytes()] for pattern in found["dp"]])
    np.testing.assert_allclose(found["centre"], expected, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(found["object"][0], honest["YY_full"][index, ..., 0])


@pytest.mark.parametrize("settings", [{}, {"N": 48, "size": 88, "step_px": 10}, {"gridsize": 2}])
@pytest.mark.parametrize("objects", [1, 2, 3])
@pytest.mark.parametrize(
    "defects",
    [
        Defects(),
        Defects(shuffle=True),
        Defects(repeat_coordinates=True),
        Defects(axes="xy"),
        Defects(shuffle=True, repeat_coordinates=True, axes="xy"),
    ],
    ids=["honest", "shuffled", "repeated", "xy", "all-three"],
)
def test_known_defects_are_repaired_whatever_the_size(
    simulated: Simulated, pair: LoadPair, tmp_path: Path, settings: dict[str, Any], objects: int, defects: Defects
) -> None:
    broken = simulated(n_train_objects=objects, defects=defects, **settings)
    done = to_pair(save(tmp_path / "file.npz", broken))
    assert done.manifest.decisions["order"]["evidence"]["verdict"] == "proven"
    honest = simulated(n_train_objects=objects, **settings)
    assert len(done.files) == objects
    for index, files in enumerate(done.files):
        assert_same_scan(pair(files["para"]), honest, index)


@pytest.fixture
def shuffled(simulated: Simulated, tmp_path: Path) -> Path:
    """Two objects, patterns permuted as nobody knows."""
    split = simulated(n_train_objects=2)
    order = np.random.default_rng(12345).permutation(len(split["diffraction"]))
    return save(tmp_path / "unknown.npz", split | {"diffraction": split["diffraction"][order]})


def test_an_unknown_shuffle_is_refused_with_evidence_and_the_way_out(shuffled: Path) -> None:
    (found,) = refused(shuffled)
    assert (found.code, found.severity) == ("PTY310", "error")
    assert found.location.startswith("npz:/diffraction")
    assert found.found is not None
    assert "sampled patterns agree" in found.found
    assert found.fix is not None
    assert "--order match" in found.fix
    assert "--order as-stored" in found.fix


def test_matching_converts_an_unknown_shuffle_exactly(shuffled: Path, simulated: Simulated, pair: LoadPair) -> None:
    done = to_pair(shuffled, "match")
    decision = done.manifest.decisions["order"]
    assert decision["method"] == "match"
    assert decision["evidence"]["sure"] == decision["evidence"]["patterns"]
    for index, files in enumerate(done.files):
        assert_same_scan(pair(files["para"]), simulated(n_train_objects=2), index)
        assert validate(files["dp"], depth="physics").ok


def test_matching_refuses_what_is_not_one_to_one(simulated: Simulated, tmp_path: Path) -> None:
    split = simulated()
    patterns = split["diffraction"].copy()
    patterns[1] = patterns[0]
    (found,) = refused(save(tmp_path / "twice.npz", split | {"diffraction": patterns}), "match")
    assert found.code == "PTY315"
    assert found.found is not None
    assert "not one-to-one" in found.found


def test_one_misplaced_pattern_is_found(simulated: Simulated, tmp_path: Path) -> None:
    """The sample need not hold it: every pattern is compared."""
    split = simulated(size=104)
    patterns = split["diffraction"].copy()
    patterns[[10, 11]] = patterns[[11, 10]]
    (found,) = refused(save(tmp_path / "two.npz", split | {"diffraction": patterns}))
    assert (found.code, found.location) == ("PTY310", "npz:/diffraction[10]")


def test_as_stored_trusts_and_says_so(shuffled: Path, pair: LoadPair) -> None:
    done = to_pair(shuffled, "as-stored")
    assert done.manifest.decisions["order"]["method"] == "as-stored"
    assert "not verified" in done.manifest.decisions["order"]["trusted"]
    assert done.manifest.options["order"] == "as-stored"
    with np.load(shuffled) as stored:
        np.testing.assert_array_equal(
            pair(done.files[0]["para"])["centre"], stored["coords_offsets"][: len(stored["diffraction"]) // 2, 0, :, 0]
        )


def test_a_flat_object_cannot_tell(simulated: Simulated, tmp_path: Path) -> None:
    """All patterns are the same: nothing is proven, nothing is repaired."""
    split = simulated()
    flat = np.ones_like(split["YY_full"])
    pattern = np.abs(np.fft.fftshift(np.fft.fft2(split["probe_simulated"]))).astype(np.float32)
    same = np.repeat(pattern[None, :, :, None], len(split["diffraction"]), axis=0)
    source = save(tmp_path / "flat.npz", split | {"YY_full": flat, "diffraction": same})
    assert [f.code for f in refused(source)] == ["PTY316"]
    assert [f.code for f in refused(source, "match")] == ["PTY315"]


def test_patterns_of_something_else_fit_nothing(simulated: Simulated, tmp_path: Path) -> None:
    split = simulated() | {"diffraction": simulated(seed=5)["diffraction"]}
    codes = {f.code for f in refused(save(tmp_path / "other.npz", split))}
    assert codes <= {"PTY315", "PTY316"}
    assert codes


def test_without_an_object_only_trust_is_left(simulated: Simulated, tmp_path: Path) -> None:
    split = {name: value for name, value in simulated().items() if name != "YY_full"}
    source = save(tmp_path / "bare.npz", split)
    for order in ("auto", "match"):
        (found,) = refused(source, order)
        assert (found.code, found.location) == ("PTY316", "npz:/YY_full")
        assert found.fix is not None
        assert "as-stored" in found.fix
    done = convert(source, tmp_path / "out", "grid-lines-npz", name="again", options=ReadOptions(order="as-stored"))
    with np.load(done.files[0]["npz"]) as stored:
        np.testing.assert_array_equal(stored["diffraction"], split["diffraction"])
    (found,) = refused_pair(source)
    assert found.code == "PTY013"
    assert "--object-from" in (found.fix or "")


def refused_pair(source: Path) -> tuple[Finding, ...]:
    """A pair needs the object."""
    with pytest.raises(ConversionError, match="needs an object") as caught:
        to_pair(source, "as-stored")
    return caught.value.findings
