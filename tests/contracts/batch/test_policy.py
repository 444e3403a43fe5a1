"""Which findings count: selection by the longest name, profiles, severities, and what no broad rule can hide."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reports import report

from ptycho_contracts.codes import Severity, all_codes
from ptycho_contracts.finding import Report
from ptycho_contracts.policy import PROFILES, EffectivePolicy, FailOn, PathRules, Profile, default_fail_on, fails

CODES = sorted(code for code in all_codes() if not code.startswith("PTY5"))
GUARDED = [code for code in CODES if code.startswith(("PTY0", "PTY9"))]
PREFIXES = st.sampled_from(CODES).flatmap(lambda code: st.integers(3, 5).map(lambda n: code[:n]))


def codes(judged: Report) -> list[str]:
    return [f.code for f in judged.findings]


def judge(policy: EffectivePolicy, *findings: str, path: str = "data/a_dp.hdf5") -> tuple[list[str], int]:
    judged, ignored = policy.apply(report(*findings), path)
    return codes(judged), ignored


@pytest.mark.parametrize(
    ("select", "ignore", "kept"),
    [
        (("PTY",), (), ["PTY101", "PTY310", "PTY401"]),
        (("PTY3",), (), ["PTY310"]),
        (("PTY",), ("PTY3",), ["PTY101", "PTY401"]),
        (("PTY310",), ("PTY3",), ["PTY310"]),
        (("PTY3",), ("PTY310",), []),
        (("PTY310",), ("PTY310",), []),
        (("PTY", "PTY31"), ("PTY3",), ["PTY101", "PTY310", "PTY401"]),
    ],
)
def test_the_longest_name_decides(select: tuple[str, ...], ignore: tuple[str, ...], kept: list[str]) -> None:
    assert judge(EffectivePolicy(select=select, ignore=ignore), "PTY101", "PTY310", "PTY401") == (kept, 3 - len(kept))


@given(st.lists(PREFIXES, max_size=4), st.lists(PREFIXES, max_size=4))
def test_nothing_broad_hides_or_softens_what_makes_a_file_unsafe(select: list[str], broad: list[str]) -> None:
    policy = EffectivePolicy(
        select=tuple(select),
        ignore=tuple(broad),
        severity=dict.fromkeys(broad, Severity.HINT),
        per_path={"**": PathRules(ignore=tuple(broad), severity=dict.fromkeys(broad, Severity.HINT))},
    )
    judged, _ = policy.apply(report(*GUARDED), "a.npz")
    assert set(codes(judged)) == set(GUARDED)
    assert {f.code: f.severity for f in judged.findings} == {c: all_codes()[c].severity for c in GUARDED}


def test_a_whole_code_does() -> None:
    assert judge(EffectivePolicy(ignore=("PTY003",)), "PTY003", "PTY004") == (["PTY004"], 1)
    judged, _ = EffectivePolicy(severity={"PTY003": Severity.HINT}).apply(report("PTY003"), "a")
    assert judged.findings[0].severity is Severity.HINT


@given(st.lists(st.sampled_from(CODES), unique=True), st.lists(PREFIXES, max_size=3))
def test_every_finding_is_reported_or_counted_and_the_severest_come_first(given: list[str], ignore: list[str]) -> None:
    judged, ignored = EffectivePolicy(ignore=tuple(ignore), profile="archive").apply(report(*given), "a")
    assert len(judged.findings) + ignored == len(given)
    ranks = [list(Severity).index(f.severity) for f in judged.findings]
    assert ranks == sorted(ranks)


def test_severity_by_prefix_by_code_and_by_path() -> None:
    policy = EffectivePolicy(
        severity={"PTY3": Severity.WARNING, "PTY304": Severity.HINT},
        per_path={
            "raw/**": PathRules(severity={"PTY304": Severity.ERROR}),
            "raw/old/**": PathRules(severity={"PTY3": Severity.WARNING}),
        },
    )

    def severities(path: str) -> list[Severity]:
        return [f.severity for f in sorted(policy.apply(report("PTY304", "PTY310"), path)[0].findings, key=str)]

    assert severities("a.h5") == [Severity.HINT, Severity.WARNING]
    assert severities("raw/a.h5") == [Severity.ERROR, Severity.WARNING]
    assert severities("raw/old/a.h5") == [Severity.WARNING, Severity.WARNING]


def test_rules_of_a_path_hold_there_only() -> None:
    policy = EffectivePolicy(per_path={"raw/**": PathRules(ignore=("PTY310",))})
    assert judge(policy, "PTY310", path="raw/a.h5") == ([], 1)
    assert judge(policy, "PTY310", path="cooked/a.h5") == (["PTY310"], 0)


@pytest.mark.parametrize(
    ("profile", "code", "expected"),
    [
        ("default", "PTY320", Severity.HINT),
        ("strict", "PTY320", Severity.WARNING),
        ("strict", "PTY107", Severity.WARNING),
        ("interop", "PTY107", Severity.ERROR),
        ("interop", "PTY106", Severity.ERROR),
        ("interop", "PTY320", Severity.HINT),
        ("archive", "PTY320", Severity.ERROR),
        ("archive", "PTY316", Severity.ERROR),
        ("archive", "PTY302", Severity.WARNING),
    ],
)
def test_profiles(profile: Profile, code: str, expected: Severity) -> None:
    judged, _ = EffectivePolicy(profile=profile).apply(report(code), "a")
    assert judged.findings[0].severity is expected


def test_no_profile_softens_anything() -> None:
    ranks = list(Severity)
    for table in PROFILES.values():
        assert table.keys() <= all_codes().keys()
        assert all(ranks.index(severity) < ranks.index(all_codes()[code].severity) for code, severity in table.items())


def test_the_project_beats_the_profile() -> None:
    policy = EffectivePolicy(profile="archive", severity={"PTY320": Severity.HINT})
    assert policy.apply(report("PTY320"), "a")[0].findings[0].severity is Severity.HINT


@pytest.mark.parametrize(
    ("code", "failing"),
    [("PTY101", ["error", "warning", "hint"]), ("PTY107", ["warning", "hint"]), ("PTY320", ["hint"])],
)
def test_fail_on(code: str, failing: list[FailOn]) -> None:
    every: list[FailOn] = ["error", "warning", "hint", "never"]
    assert [f for f in every if fails(report(code), f)] == failing
    assert not any(fails(report(), f) for f in every)


def test_strict_fails_on_warnings() -> None:
    assert default_fail_on("strict") == "warning"
    assert default_fail_on("archive") == "error"


def test_equal_policies_have_equal_digests_and_others_others() -> None:
    one = EffectivePolicy(severity={"PTY304": Severity.HINT, "PTY305": Severity.HINT})
    same = EffectivePolicy(severity={"PTY305": Severity.HINT, "PTY304": Severity.HINT})
    assert one.digest == same.digest
    assert len({one.digest, EffectivePolicy().digest, EffectivePolicy(profile="strict").digest}) == 3
    # The order of the rules of paths decides which one wins, so it is part of the policy.
    rules = {"a/**": PathRules(ignore=("PTY3",)), "b/**": PathRules()}
    assert EffectivePolicy(per_path=rules).digest != EffectivePolicy(per_path=dict(reversed(rules.items()))).digest
    assert EffectivePolicy.model_validate_json(one.model_dump_json()).digest == one.digest


def test_what_is_not_changed_is_the_same_object() -> None:
    untouched = report("PTY101")
    assert EffectivePolicy().apply(untouched, "a")[0].findings[0] is untouched.findings[0]
