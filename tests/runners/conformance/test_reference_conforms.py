"""The bundled reference checkout keeps every promise, by the command as a user calls it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ptycho_contracts import validate
from ptycho_contracts.contracts.conformance_report import ConformanceReport, PromiseLine
from ptycho_runners.cli import app
from ptycho_runners.conformance.promises import ALL

DOCS = Path(__file__).parents[3] / "docs"


def command(*arguments: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["ptychovit", "conformance", *map(str, arguments)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, str]:
    output = tmp_path_factory.mktemp("reference") / "conformance"
    code, text, _ = command("reference", "--output", output, "--seed", "3", "--threads", "1")
    return output, code, text


def test_every_line_passes(run: tuple[Path, int, str]) -> None:
    output, code, text = run
    report = ConformanceReport.model_validate_json((output / "conformance.json").read_text())
    assert [line.id for line in report.lines if line.status != "passed"] == []
    assert [line.id for line in report.lines] == [promise.id for promise in ALL]
    assert code == 0
    assert f"{len(ALL)} promises: {len(ALL)} passed, 0 failed, 0 not tested" in text
    assert (report.seed, report.full_model, report.code.name) == (3, False, "reference")
    assert {"checkout python", "checkout torch", "ptycho-contracts"} <= set(report.versions)


def test_the_report_is_valid_by_its_contract(run: tuple[Path, int, str]) -> None:
    report = validate(run[0] / "conformance.json")
    assert (report.contract, report.findings) == ("conformance-report", ())


def test_every_line_cites_a_fact_that_is_written_down(run: tuple[Path, int, str]) -> None:
    for line in json.loads((run[0] / "conformance.json").read_text())["lines"]:
        page, _, anchor = line["fact"].partition("#")
        assert f"\n### {anchor}\n" in (DOCS / page).read_text()


def test_a_broken_promise_is_told_and_fails_the_command(
    run: tuple[Path, int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report of the run above, with one line failed and one not tested."""
    report = ConformanceReport.model_validate_json((run[0] / "conformance.json").read_text())
    first, second, *rest = report.lines
    failed = first.model_copy(update={"status": "failed", "measured": "7 px"})
    untested = second.model_copy(update={"status": "not tested", "measured": None, "value": None, "because": "of that"})
    changed = report.model_copy(update={"lines": (failed, untested, *rest)})

    def told(_subject: object, _promises: object, on_line: Callable[[PromiseLine], None] | None) -> ConformanceReport:
        if on_line:
            for line in changed.lines:
                on_line(line)
        return changed

    monkeypatch.setattr("ptycho_runners.conformance.report.conformance", told)
    code, text, _ = command("reference")
    assert code == 1
    assert re.search(rf"failed +{first.id} .*\n +7 px\n +fact: docs/{first.fact}\n", text)
    assert re.search(rf"not tested +{second.id} .*\n +because of that\n", text)
    assert "1 failed (PTY527), 1 not tested" in text
    code, text, _ = command("reference", "--format", "json")
    assert (code, ConformanceReport.model_validate_json(text)) == (1, changed)


def test_misuse_and_refusals_are_told(tmp_path: Path) -> None:
    assert command("reference", "--promise", "frames")[0] == 2
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    assert command("reference", "--output", tmp_path / "full")[0] == 2
    code, _, err = command(tmp_path)
    assert (code, "PTY504" in err) == (1, True)
    code, _, err = command("reference", "--python", tmp_path / "python")
    assert (code, "PTY515" in err) == (1, True)
