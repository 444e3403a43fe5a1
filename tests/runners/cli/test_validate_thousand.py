"""Thousands of pairs: fast, and in memory that does not grow with their number. Alone on two processors."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARK = Path(__file__).parents[3] / "benchmarks/validate.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_validate", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_benchmark_runs_and_finds_what_is_broken(benchmark: ModuleType, tmp_path: Path) -> None:
    broken = benchmark.make_pairs(tmp_path / "few", 12)
    run = benchmark.measure(tmp_path / "few", "2")
    assert run.found == {broken: ["PTY201"]}
    assert run.megabytes > 10


@pytest.mark.slow
def test_a_thousand_pairs_in_ten_seconds_and_flat_memory(benchmark: ModuleType, tmp_path: Path) -> None:
    broken = benchmark.make_pairs(tmp_path / "1000", 1000)
    benchmark.make_pairs(tmp_path / "4000", 4000)
    one, four = (benchmark.measure(tmp_path / count, "auto") for count in ("1000", "4000"))
    assert one.found == {broken: ["PTY201"]}
    assert one.seconds < 10
    assert four.megabytes < 1.3 * one.megabytes
