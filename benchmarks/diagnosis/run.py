"""Makes, diagnoses and judges files, several at a time; a verdict that lies in the results folder is not made again."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeAlias

from .cases import Prepared, prepare
from .engine import Answer, ask
from .generator import write_pair
from .plan import Spec
from .score import Judgement, judge, label

Record: TypeAlias = dict[str, Any]
CRASHED = "crashed"


def judge_files(seed: int, specs: list[Spec], out: Path, jobs: int, keep: Path | None) -> Iterator[Record]:
    """The records of all files, those known already first; may be stopped at any time and called again."""
    known = {spec: record_path(out, seed, spec) for spec in specs}
    (out / "files").mkdir(parents=True, exist_ok=True)
    yield from (json.loads(path.read_text()) for path in known.values() if path.exists())
    open_specs = [spec for spec, path in known.items() if not path.exists()]
    if jobs == 1:
        yield from (judge_file(seed, spec, out, keep) for spec in open_specs)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_leave_interrupts_to_parent) as pool:
        waiting = [pool.submit(judge_file, seed, spec, out, keep) for spec in open_specs]
        try:
            for future in as_completed(waiting):
                yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _leave_interrupts_to_parent() -> None:
    """Ctrl-C reaches the whole group of processes; the parent stops, its workers finish their file."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def record_path(out: Path, seed: int, spec: Spec) -> Path:
    """Where the verdict on a file lies."""
    return out / "files" / f"seed{seed}-{spec.number:03d}.json"


def judge_file(
    seed: int, spec: Spec, out: Path, keep: Path | None, ask_engine: Callable[[Path], Answer] = ask
) -> Record:
    """Makes one file, asks the engine and writes the verdict."""
    prepared = prepare(seed, spec)
    with tempfile.TemporaryDirectory() as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        answer, judgement = _asked(prepared, write_pair(prepared.case, folder, f"case{spec.number:03d}"), ask_engine)
    record = _record(prepared, answer, judgement)
    _write_whole(record_path(out, seed, spec), json.dumps(record, indent=1))
    return record


def _asked(prepared: Prepared, path: Path, ask_engine: Callable[[Path], Answer]) -> tuple[Answer, Judgement]:
    try:
        answer = ask_engine(path)
        return answer, judge(prepared, answer.diagnosis)
    except Exception as error:  # noqa: BLE001 - whatever the engine raises is an answer, and a wrong one
        diagnosis = {"verdict": CRASHED, "traceback": traceback.format_exc()}
        return Answer(diagnosis, 0.0, 0.0), Judgement(False, CRASHED, f"{type(error).__name__}: {error}")


def _record(prepared: Prepared, answer: Answer, judgement: Judgement) -> Record:
    spec = prepared.case.spec
    diagnosis = answer.diagnosis | {"ranked": list(answer.diagnosis.get("ranked", []))[:3]}
    return {
        "number": spec.number,
        "group": spec.group,
        "truth": label(prepared.case.slugs),
        "kinds": sorted(mistake.family for mistake in prepared.case.mistakes),
        "stated_frame": prepared.case.stated_frame,
        "identifiable": prepared.identifiable,
        "nats": prepared.nats,
        "rival": label(prepared.rival),
        "attempts": prepared.attempts,
        "traits": prepared.case.experiment.traits,
        "right": judgement.right,
        "answer": judgement.answer,
        "reason": judgement.reason,
        "wall_s": answer.wall_s,
        "cpu_s": answer.cpu_s,
        "diagnosis": diagnosis,
    }


def _write_whole(path: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".part", delete=False) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(file.name, path)
