"""Markdown for a pull request: a table, folded details, and never more than a comment can hold."""

from __future__ import annotations

from made_results import finding, report, result_of

from ptycho_contracts.codes import Severity, page_url
from ptycho_contracts.render import render

COMMENT_LIMIT = 65_536


def test_the_table_links_to_the_pages() -> None:
    lines = render(result_of([report("data/a|b.npz", finding()), report("c.npz", finding())]), "markdown").split("\n")
    assert lines[0] == "## ❌ ptycho validate: 0 of 2 valid: 2 errors, 0 warnings, 0 hints"
    assert (
        f"| [PTY101]({page_url('PTY101')}) | error | required member missing: `para:/probe` | 2 "
        "| `data/a\\|b.npz` and 1 more |"
    ) in lines


def test_success_is_seen_at_once() -> None:
    text = render(result_of([report("a", finding("PTY106", Severity.WARNING))]), "markdown")
    assert text.startswith("## ✅ ptycho validate: 1 of 1 valid: 0 errors, 1 warning")


def test_findings_are_folded_below_their_file() -> None:
    text = render(result_of([report("a_dp.hdf5", finding()), report("fine_dp.hdf5")]), "markdown")
    assert "<summary><code>a_dp.hdf5</code>: INVALID (ptychovit-pair 1.0.0, depth header)</summary>" in text
    assert "```text\nERROR PTY101 para:/probe\n  probe is missing\n  fix:      Add it.\n```" in text
    assert "fine_dp.hdf5" not in text


def test_nothing_from_a_file_is_markup() -> None:
    name = "<img src=x>@octocat"
    hostile = finding(message="```\n</details>\n@octocat", location="npz:/````")
    text = render(result_of([report(name, hostile)]), "markdown")
    assert "<code>&lt;img src=x&gt;&#64;octocat</code>" in text
    assert "`````text\n" in text
    assert "\n</details>\n@octocat" not in text
    assert "\n@octocat" not in text


def test_a_finding_that_many_files_share_is_folded_once() -> None:
    text = render(result_of(report(f"{k}.npz", finding()) for k in range(412)), "markdown")
    assert text.count("<details>") == 1
    assert "<summary>PTY101 required member missing: same finding in 412 files</summary>" in text
    assert "in 0.npz, 1.npz, 2.npz and 409 more" in text


def test_a_comment_holds_it() -> None:
    codes = [f"PTY1{k:02}" for k in range(100)]
    singles = [report(f"{k}.npz", finding(codes[k], message="x" * 2000)) for k in range(100)]
    cut = render(result_of(singles), "markdown")
    assert len(cut) < COMMENT_LIMIT
    assert " more are left out here; the other formats tell them all.\n" in cut


def test_the_policy_and_what_is_in_no_report_come_last() -> None:
    result = result_of([], suppressed=3, ignored=1, unfinished=2, fixed=("PTY101 a",))
    digest = result.policy_digest[:12]
    lines = [line for line in render(result, "markdown").split("\n") if line]
    assert lines[1:] == [
        "3 known from the baseline; 1 ignored by the policy; 2 files not examined: the run was interrupted",
        "fixed, remove it from the baseline: `PTY101 a`",
        f"ptycho-contracts {result.version}, depth header, policy default (`{digest}`), fails on error",
    ]
