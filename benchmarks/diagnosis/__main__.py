"""python -m benchmarks.diagnosis --files 500 --seed 1 --jobs 2 --out results

Judges the diagnosis on files whose truth is known. Stop it at any time: the same command goes on where it was.
Verdicts are kept by seed and number in `<out>/files`; after a change of the engine choose another folder, or delete it.
`--keep FOLDER` keeps the files themselves. Figures go to `<out>/report.json` and `<out>/report.md`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path


def main() -> int:
    """Runs the benchmark; exit code 1 where less than the demanded share is right."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy comes, here and in every worker
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from .plan import TOTAL, full_plan, subset  # noqa: PLC0415
    from .report import markdown, summary  # noqa: PLC0415
    from .run import Record, judge_files, record_path  # noqa: PLC0415

    options = _options(TOTAL)
    specs = subset(full_plan(options.seed), options.files)
    _say_what_is_known(sum(record_path(options.out, options.seed, spec).exists() for spec in specs), options.out)
    records: list[Record] = []
    began = time.monotonic()
    try:
        for record in judge_files(options.seed, specs, options.out, options.jobs, options.keep):
            records.append(record)
            _show_progress(record, len(records), len(specs), time.monotonic() - began)
    except KeyboardInterrupt:
        print(f"\nstopped after {len(records)} of {len(specs)} files; the same command goes on", file=sys.stderr)
        return 130
    figures = {"seed": options.seed} | summary(sorted(records, key=lambda record: int(record["number"])))
    (options.out / "report.json").write_text(json.dumps(figures, indent=1) + "\n")
    (options.out / "report.md").write_text(markdown(figures))
    print(markdown(figures))
    return 0 if figures["right"] >= options.demand else 1


def _options(total: int) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.diagnosis", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=total, help=f"how many of the {total}, spread over all kinds")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--keep", type=Path, help="keep the pairs in this folder")
    parser.add_argument("--demand", type=float, default=0.99, help="share of right answers below which to exit with 1")
    return parser.parse_args()


def _say_what_is_known(known: int, out: Path) -> None:
    if known:
        print(f"{known} verdicts lie in {out / 'files'} and are not made again", file=sys.stderr)


def _show_progress(record: dict[str, object], done: int, total: int, seconds: float) -> None:
    """One line for each wrong answer, one running line for all."""
    line = f"{done}/{total} files, {seconds:.0f} s"
    if not record["right"]:
        print(
            f"\r{record['number']:>3}  {record['truth']}  →  {record['answer']}  ({record['reason']})", file=sys.stderr
        )
    if sys.stderr.isatty():
        print(f"\r{line}", end="" if done < total else "\n", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
