"""A baseline leaves out what is known, no more than that, and tells what is fixed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from reports import found, report

from ptycho_contracts.batch.baseline import Baseline, read_baseline, write_baseline
from ptycho_contracts.finding import Report
from ptycho_contracts.policy import EffectivePolicy
from ptycho_contracts.sources.base import SourceError
from ptycho_contracts.validation import validate


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a_dp.hdf5", "a_para.hdf5", "b.npz"):
        (tmp_path / name).touch()
    return tmp_path


def known(folder: Path, *reports: Report) -> Baseline:
    """The baseline of these reports, as it is read back."""
    write_baseline(folder / "ptycho-baseline.json", reports)
    return read_baseline(folder / "ptycho-baseline.json")


def at(folder: Path, name: str, *codes: str) -> Report:
    return report(*codes, source=str(folder / name))


def test_what_is_known_is_left_out_and_counted(folder: Path) -> None:
    before = at(folder, "b.npz", "PTY101", "PTY107")
    baseline = known(folder, before)
    assert baseline.split(before, before) == (at(folder, "b.npz").model_copy(update={"known": 2}), 2)
    assert baseline.fixed() == ()


def test_what_is_new_stays_also_of_a_known_kind(folder: Path) -> None:
    baseline = known(folder, at(folder, "b.npz", "PTY101"))
    now = at(folder, "b.npz", "PTY101", "PTY101", "PTY401")
    left, count = baseline.split(now, now)
    assert ([f.code for f in left.findings], count) == (["PTY101", "PTY401"], 1)


def test_another_message_is_the_same_finding_and_another_place_is_not(folder: Path) -> None:
    baseline = known(folder, at(folder, "b.npz", "PTY101"))
    now = at(folder, "b.npz").model_copy(
        update={"findings": (found("PTY101", message="other words"), found("PTY101", "dp:/else"))}
    )
    left, count = baseline.split(now, now)
    assert ([f.location for f in left.findings], count) == (["dp:/else"], 1)


def test_a_pair_is_the_same_by_either_half(folder: Path) -> None:
    baseline = known(folder, at(folder, "a_dp.hdf5", "PTY101"))
    now = at(folder, "a_para.hdf5", "PTY101")
    assert baseline.split(now, now)[1] == 1


def test_a_name_in_another_encoding_is_known_again(folder: Path) -> None:
    name = os.fsdecode(b"scan_\xe9.npz")
    baseline = known(folder, at(folder, name, "PTY101"))
    assert baseline.split(at(folder, name, "PTY101"), at(folder, name, "PTY101"))[1] == 1


def test_it_moves_with_its_folder(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    known(folder, at(folder, "b.npz", "PTY101"))
    moved = folder.rename(tmp_path_factory.mktemp("elsewhere") / "moved")
    now = at(moved, "b.npz", "PTY101")
    assert read_baseline(moved / "ptycho-baseline.json").split(now, now)[1] == 1


class TestFixed:
    def test_an_entry_that_occurs_no_more(self, folder: Path) -> None:
        baseline = known(folder, at(folder, "b.npz", "PTY101", "PTY107"))
        now = at(folder, "b.npz", "PTY101")
        baseline.split(now, now)
        assert baseline.fixed() == ("PTY107 b.npz dp:/dp",)

    def test_a_file_that_is_gone(self, folder: Path) -> None:
        baseline = known(folder, at(folder, "b.npz", "PTY101"), at(folder, "a_dp.hdf5", "PTY107"))
        (folder / "b.npz").unlink()
        assert baseline.fixed() == ("PTY101 b.npz dp:/dp",)

    def test_not_where_nobody_looked(self, folder: Path) -> None:
        deep = at(folder, "b.npz", "PTY401").model_copy(update={"depth": "data"})
        baseline = known(folder, deep, at(folder, "a_dp.hdf5", "PTY101"))
        baseline.split(at(folder, "b.npz"), at(folder, "b.npz"))
        assert baseline.fixed() == ()

    def test_not_where_a_new_error_may_hide_it(self, folder: Path) -> None:
        baseline = known(folder, at(folder, "b.npz", "PTY310"))
        now = at(folder, "b.npz", "PTY101")
        baseline.split(now, now)
        assert baseline.fixed() == ()

    def test_not_where_the_policy_ignores_it(self, folder: Path) -> None:
        raw = at(folder, "b.npz", "PTY107")
        baseline = known(folder, raw)
        judged, ignored = EffectivePolicy(ignore=("PTY107",)).apply(raw, "b.npz")
        assert (baseline.split(raw, judged), ignored) == ((judged, 0), 1)
        assert baseline.fixed() == ()


def test_the_file_is_a_contract_sorted_and_the_same_on_every_call(folder: Path) -> None:
    reports = [at(folder, "b.npz", "PTY107", "PTY101", "PTY107"), at(folder, "a_dp.hdf5", "PTY101")]
    path = folder / "ptycho-baseline.json"
    assert write_baseline(path, reports) == 3
    text = path.read_text()
    write_baseline(path, reversed(reports))
    assert path.read_text() == text
    entries = [(e["path"], e["code"], e["count"]) for e in json.loads(text)["findings"]]
    assert entries == [("a", "PTY101", 1), ("b.npz", "PTY101", 1), ("b.npz", "PTY107", 2)]
    done = validate(path)
    assert (done.contract, done.findings) == ("validation-baseline", ())


@pytest.mark.parametrize("text", ["{", '{"findings": [{"code": "PTY1"}]}', '{"contract": "study"}'])
def test_a_baseline_that_is_none_is_refused(folder: Path, text: str) -> None:
    (folder / "x.json").write_text(text)
    with pytest.raises(SourceError):
        read_baseline(folder / "x.json")
