"""Many artifacts: the same result with any number of processes, and one that dies harms no other."""

from __future__ import annotations

import multiprocessing
import sys
from pathlib import Path
from typing import Any

import dying_worker
import pytest
from reports import report
from simulated_pair import simulate_pair, write_pair

from ptycho_contracts.batch import examine as engine
from ptycho_contracts.batch.examine import Task, examine, jobs_for, limit_for
from ptycho_contracts.batch.many import Judge, validate_many
from ptycho_contracts.engine_codes import CRASHED, OUT_OF_TIME, WORKER_DIED
from ptycho_contracts.finding import Report
from ptycho_contracts.policy import EffectivePolicy
from ptycho_contracts.result import aggregate


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Six small pairs, the fourth without its second half."""
    folder = tmp_path_factory.mktemp("pairs")
    made = [write_pair(simulate_pair(), folder, f"scan_{k}") for k in range(6)]
    (folder / "scan_3_para.hdf5").unlink()
    return made


def test_the_result_does_not_depend_on_the_number_of_processes(pairs: list[Path]) -> None:
    one, three = validate_many(pairs, jobs=1), validate_many(pairs, jobs=3)
    assert three.reports == one.reports
    assert [r.source[0] for r in one.reports] == [str(p) for p in pairs]
    assert one.failed
    assert (one.aggregates[0].code, one.aggregates[0].sources) == ("PTY008", (str(pairs[3]),))
    assert one.policy_digest == EffectivePolicy().digest


@pytest.fixture(params=["copies", "fresh processes"])
def started(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers as copies of this process, where that is possible, and as ones that import everything."""
    if request.param == "copies" and sys.platform != "linux":
        pytest.skip("processes are copied on Linux only")
    monkeypatch.setattr(engine, "_forks_safely", lambda: request.param == "copies")
    monkeypatch.setattr(engine, "_serve", dying_worker.serve)


@pytest.mark.usefixtures("started")
def test_a_process_that_dies_is_a_finding_about_its_file(pairs: list[Path], tmp_path: Path) -> None:
    jobs = 1 if engine._forks_safely() else 2  # a single job without copies is done in this process
    deadly = tmp_path / dying_worker.DEADLY
    deadly.touch()
    paths = [deadly, *pairs[:3], deadly, deadly]
    found = dict(examine(paths, Task(), jobs))
    assert sorted(found) == list(range(6))
    for index in (0, 4, 5):
        assert [f.code for f in found[index].findings] == [WORKER_DIED.id]
        assert "crashed on deadly.npz" in found[index].findings[0].message
        assert "Segmentation fault" in found[index].findings[0].message
        assert found[index].unexamined
    assert all(found[index].ok for index in (1, 2, 3))


@pytest.mark.usefixtures("started")
def test_a_process_that_hangs_is_a_finding_about_its_file(pairs: list[Path], tmp_path: Path) -> None:
    endless = tmp_path / dying_worker.ENDLESS
    endless.touch()
    found = dict(examine([pairs[0], endless, pairs[1]], Task(limit_s=4), jobs=2))
    assert [f.code for f in found[1].findings] == [OUT_OF_TIME.id]
    assert "endless.npz was not examined within 4 seconds" in found[1].findings[0].message
    assert found[0].ok
    assert found[2].ok


def test_headers_have_a_limit_and_numbers_have_not() -> None:
    assert limit_for("header") > 60
    assert limit_for("data") == limit_for("physics") == 0


def test_an_exception_of_ours_is_a_finding(pairs: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: Path, *_: Any) -> Report:
        if path == pairs[1]:
            raise ZeroDivisionError("by us")
        return report(source=str(path))

    monkeypatch.setattr(engine, "validate", broken)
    result = validate_many(pairs[:3], jobs=1)
    assert [[f.code for f in r.findings] for r in result.reports] == [[], [CRASHED.id], []]


def test_an_interruption_keeps_what_is_done(pairs: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(path: Path, *_: Any) -> Report:
        if path == pairs[2]:
            raise KeyboardInterrupt
        return report(source=str(path))

    monkeypatch.setattr(engine, "_forks_safely", lambda: False)
    monkeypatch.setattr(engine, "validate", interrupted)
    result = validate_many(pairs, jobs=1)
    assert [r.source[0] for r in result.reports] == [str(p) for p in pairs[:2]]
    assert result.unfinished == 4


def test_an_interruption_ends_the_processes_that_read(
    pairs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of the two hangs; the other has answered when Ctrl-C comes."""
    endless = tmp_path / dying_worker.ENDLESS
    endless.touch()
    monkeypatch.setattr(engine, "_serve", dying_worker.serve)

    def interrupt(done: int, _: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    result = validate_many([pairs[0], endless, *pairs[1:3]], jobs=2, progress=interrupt)
    assert [r.source[0] for r in result.reports] == [str(p) for p in pairs[:2]]
    assert result.unfinished == 2
    assert multiprocessing.active_children() == []


def test_an_unknown_contract_is_told_once(pairs: list[Path]) -> None:
    with pytest.raises(KeyError, match="did you mean 'ptychovit-pair'"):
        validate_many(pairs, contract="ptychovit-pairs")


def test_progress_counts_to_the_end(pairs: list[Path]) -> None:
    told: list[tuple[int, int]] = []
    validate_many(pairs[:3], jobs=1, progress=lambda done, count: told.append((done, count)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_one_process_for_few_headers_several_for_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_usable_cpus", lambda: 16)
    assert jobs_for(20, "header") == 1
    assert jobs_for(5000, "header") == 8
    assert jobs_for(3, "physics") == 3
    assert jobs_for(0, "data") == 1


def test_paths_of_the_policy_are_relative_to_the_root(pairs: list[Path]) -> None:
    policy = EffectivePolicy.model_validate({"per_path": {"scan_3*": {"ignore": ["PTY008"]}}})
    result = validate_many(pairs, Judge(policy, root=pairs[0].parent), jobs=1)
    assert not result.failed
    assert result.ignored == 1


def test_aggregates_count_files_and_findings() -> None:
    reports = [report("PTY107", "PTY107", source=f"{k}.h5") for k in range(8)] + [report("PTY101", source="x.h5")]
    groups = aggregate(reports)
    assert [(g.code, g.count, g.findings) for g in groups] == [("PTY101", 1, 1), ("PTY107", 8, 16)]
    assert groups[1].title == "useful attribute missing"
    assert groups[1].sources == tuple(f"{k}.h5" for k in range(5))
    assert groups[1].locations == ("dp:/dp",)


def _aggregated(*of: tuple[str, str, str]) -> list[tuple[str, str, int]]:
    """(place, words, files) of the findings with these sources, locations and messages."""
    reports = [report("PTY101", source=source) for source, _, _ in of]
    told = [
        made.model_copy(update={"findings": (made.findings[0].model_copy(update={"location": at, "message": words}),)})
        for made, (_, at, words) in zip(reports, of, strict=True)
    ]
    return [(group.place, group.words, group.count) for group in aggregate(told)]


def test_findings_that_differ_in_place_or_reason_are_not_the_same() -> None:
    assert _aggregated(
        *((f"{k}.h5", "para:/probe", "probe is missing") for k in range(3)),
        ("x.h5", "para:/object", "object is missing"),
        ("y.h5", "para:/probe", "the file breaks off"),
    ) == [
        ("para:/probe", "probe is missing", 3),
        ("para:/object", "object is missing", 1),
        ("para:/probe", "the file breaks off", 1),
    ]


def test_findings_that_differ_in_numbers_and_names_of_files_are_the_same() -> None:
    assert _aggregated(
        ("a/left_dp.hdf5", "dp:/dp[17, 3, 2]", "left_para.hdf5 holds 1.5e-05 of 12 m"),
        ("a/right_para.hdf5", "dp:/dp[4, 0, 0]", "right_para.hdf5 holds 2 of 9,000 m"),
    ) == [("dp:/dp", "… holds # of # m", 2)]
