"""Many artifacts: the same result with any number of processes, and one that dies harms no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dying_worker
import pytest
from reports import report
from simulated_pair import simulate_pair, write_pair

from ptycho_contracts.batch import examine as engine
from ptycho_contracts.batch.examine import Task, examine, jobs_for
from ptycho_contracts.batch.many import Judge, validate_many
from ptycho_contracts.engine_codes import CRASHED, WORKER_DIED
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


def test_a_process_that_dies_is_a_finding_about_its_file(
    pairs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_serve", dying_worker.serve)
    deadly = tmp_path / dying_worker.DEADLY
    deadly.touch()
    paths = [deadly, *pairs[:3], deadly, deadly]
    found = dict(examine(paths, Task(), jobs=2))
    assert sorted(found) == list(range(6))
    for index in (0, 4, 5):
        assert [f.code for f in found[index].findings] == [WORKER_DIED.id]
        assert "SIGSEGV" in found[index].findings[0].message
        assert found[index].unexamined
    assert all(found[index].ok for index in (1, 2, 3))


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

    monkeypatch.setattr(engine, "validate", interrupted)
    result = validate_many(pairs, jobs=1)
    assert [r.source[0] for r in result.reports] == [str(p) for p in pairs[:2]]
    assert result.unfinished == 4


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
