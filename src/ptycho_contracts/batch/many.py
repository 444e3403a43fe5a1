"""`validate_many`: many artifacts, one policy, one result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ptycho_contracts.batch.baseline import Baseline
from ptycho_contracts.batch.discover import relative_to
from ptycho_contracts.batch.examine import Task, examine, jobs_for, limit_for
from ptycho_contracts.contract import get_contract
from ptycho_contracts.finding import Report, Unexamined
from ptycho_contracts.policy import EffectivePolicy
from ptycho_contracts.result import Result, aggregate

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Judge:
    """Who decides which findings count.

    Attributes:
        policy: Applied to every report.
        root: The folder that the policy's patterns of paths are relative to.
        baseline: Known findings, which are left out and counted.
    """

    policy: EffectivePolicy = field(default_factory=EffectivePolicy)
    root: Path = field(default_factory=Path.cwd)
    baseline: Baseline | None = None


def validate_many(
    paths: Sequence[Path],
    judge: Judge | None = None,
    *,
    contract: str | None = None,
    jobs: int | None = None,
    timeout_s: float | None = None,
    progress: Progress | None = None,
) -> Result:
    """Validate artifacts, side by side where that is faster; reports come in the order of the paths.

    A file on which the reader crashes or hangs is a finding about that file (see `examine`). Ctrl-C ends the
    examination: the result then holds what was finished, and `unfinished` says how many were not.

    Args:
        paths: One for each artifact, as `discover` finds them.
        judge: Policy and baseline; by default every finding counts as it is.
        contract: Id of the contract that every artifact is examined as; by default what its members look like.
        jobs: Processes; by default one for few small files, else as many as there are processors, at most 8.
        timeout_s: Seconds after which an artifact is given up, 0 for never; by default 120 at depth `header`.
        progress: Called with (finished, all) after every artifact.

    Raises:
        KeyError: no contract of that id.
    """
    if contract is not None:
        get_contract(contract)  # once, instead of a finding about every file
    judge = judge or Judge()
    started = datetime.now(UTC)
    depth = judge.policy.depth
    task = Task(contract, depth, limit_for(depth) if timeout_s is None else timeout_s)
    jobs = jobs_for(len(paths), task.depth) if jobs is None else jobs
    collected = _Collected(judge)
    try:
        with closing(examine(paths, task, jobs)) as reports:
            for index, report in reports:
                collected.take(index, report)
                if progress is not None:
                    progress(len(collected.reports), len(paths))
    except KeyboardInterrupt:
        pass
    ordered = [collected.reports[index] for index in sorted(collected.reports)]
    return Result(
        started_at=started,
        finished_at=datetime.now(UTC),
        depth=task.depth,
        reports=tuple(ordered),
        aggregates=aggregate(ordered),
        policy=judge.policy,
        policy_digest=judge.policy.digest,
        suppressed=collected.suppressed,
        fixed=judge.baseline.fixed() if judge.baseline else (),
        ignored=collected.ignored,
        unfinished=len(paths) - len(ordered),
        fail_on=judge.policy.fail_on,
    )


class _Collected:
    """Reports as they arrive, judged at once."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self.reports: dict[int, Report] = {}
        self.suppressed = 0
        self.ignored = 0
        self._alike: dict[tuple[Unexamined, ...], tuple[Unexamined, ...]] = {}

    def take(self, index: int, raw: Report) -> None:
        judged, ignored = self._judge.policy.apply(raw, relative_to(Path(raw.source[0]), self._judge.root))
        self.ignored += ignored
        if self._judge.baseline is not None:
            judged, known = self._judge.baseline.split(raw, judged)
            self.suppressed += known
        # Thousands of reports say that the same was not examined; one copy of it is kept.
        alike = self._alike.setdefault(judged.unexamined, judged.unexamined)
        self.reports[index] = judged.model_copy(update={"unexamined": alike})
