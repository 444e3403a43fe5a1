"""JUnit XML: the structure of junit-10.xsd, and one test case for each finding that fails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from made_results import finding, report, result_of, results

from ptycho_contracts.codes import Severity, page_url
from ptycho_contracts.policy import EffectivePolicy
from ptycho_contracts.render import render
from ptycho_contracts.result import Result

ERROR, WARNING = finding("PTY101"), finding("PTY106", Severity.WARNING)
CRASH = finding("PTY901", message="the check failed")


@dataclass(frozen=True)
class Allowed:
    """What an element may have; text is allowed where nothing else is."""

    children: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    text: bool = False


def names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The facts of junit-10.xsd of Jenkins' xUnit plugin (commit 031e285) about the elements that we write.
XSD = {
    "testsuites": Allowed(names("testsuite"), optional=names("name time tests failures errors")),
    "testsuite": Allowed(
        names("testsuite properties testcase system-out system-err"),
        names("name tests failures errors"),
        names("group time skipped timestamp hostname id package file log url"),
    ),
    "properties": Allowed(names("property")),
    "property": Allowed(required=names("name value")),
    "testcase": Allowed(
        names("skipped error failure rerunFailure rerunError flakyFailure flakyError system-out system-err"),
        names("name"),
        names("time classname group"),
    ),
    "failure": Allowed(optional=names("type message"), text=True),
    "error": Allowed(optional=names("type message"), text=True),
    "system-out": Allowed(text=True),
}
TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?")


def problems(element: ET.Element) -> Iterator[str]:
    """What the schema would say of an element and all below it."""
    allowed = XSD.get(element.tag)
    if allowed is None:
        yield f"no element {element.tag}"
        return
    given = set(element.attrib)
    yield from (f"{element.tag} lacks {name}" for name in allowed.required - given)
    yield from (f"{element.tag} has {name}" for name in given - allowed.required - allowed.optional)
    yield from (f"{child.tag} in {element.tag}" for child in element if child.tag not in allowed.children)
    if not allowed.text and (element.text or "").strip():
        yield f"text in {element.tag}"
    if element.tag != "testcase" and not TIME.fullmatch(element.get("time", "")):
        yield f"time {element.get('time')}"
    for child in element:
        yield from problems(child)


def root_of(result: Result) -> ET.Element:
    return ET.fromstring(render(result, "junit").encode())


def outcomes(root: ET.Element) -> list[tuple[str, str, str]]:
    """Of each test case: file, name, and how it ended."""
    return [
        (
            case.get("classname", ""),
            case.get("name", ""),
            next((c.tag for c in case if c.tag != "system-out"), "passed"),
        )
        for case in root.iter("testcase")
    ]


@given(results)
def test_every_result_has_the_structure_of_the_schema(result: Result) -> None:
    root = root_of(result)
    assert list(problems(root)) == []
    (suite,) = root
    cases = outcomes(root)
    for element in (root, suite):
        assert element.get("tests") == str(len(cases))
        assert element.get("failures") == str(sum(how == "failure" for *_, how in cases))
        assert element.get("errors") == str(sum(how == "error" for *_, how in cases))


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("<testsuites><testsuite name='a' tests='1' failures='0'/></testsuites>", "testsuite lacks errors"),
        ("<testsuites><testcase name='a'/></testsuites>", "testcase in testsuites"),
        ("<testsuites time='fast'/>", "time fast"),
        ("<testcase name='a' file='b'/>", "testcase has file"),
        ("<testsuites>text</testsuites>", "text in testsuites"),
        ("<tests/>", "no element tests"),
    ],
)
def test_the_check_of_the_structure_can_fail(broken: str, said: str) -> None:
    assert list(problems(ET.fromstring(broken))) == [said]


def test_each_failing_finding_is_a_test_case_and_a_good_file_is_one() -> None:
    root = root_of(result_of([report("a", ERROR, CRASH, WARNING), report("b", WARNING), report("c")]))
    assert outcomes(root) == [
        ("a", "PTY101 para:/probe", "failure"),
        ("a", "PTY901 para:/probe", "error"),
        ("b", "ptychovit-pair 1.0.0", "passed"),
        ("c", "ptychovit-pair 1.0.0", "passed"),
    ]
    assert (root.findtext(".//testcase[@classname='b']/system-out") or "").startswith("WARNING PTY106 para:/probe")


@pytest.mark.parametrize(("fail_on", "failures"), [("error", 1), ("warning", 2), ("hint", 2), ("never", 0)])
def test_the_policy_says_what_fails(fail_on: str, failures: int) -> None:
    policy = EffectivePolicy.model_validate({"fail_on": fail_on})
    assert root_of(result_of([report("a", ERROR, WARNING)], policy)).get("failures") == str(failures)


def test_a_failure_tells_the_finding_and_links_to_its_page() -> None:
    failure = root_of(result_of([report("a", ERROR)])).find(".//failure")
    assert failure is not None
    assert failure.attrib == {"type": "PTY101", "message": "probe is missing"}
    assert (failure.text or "").split("\n")[-1].split() == ["see:", page_url("PTY101")]


def test_the_policy_is_among_the_properties() -> None:
    result = result_of([], ignored=4)
    told = {p.get("name"): p.get("value") for p in root_of(result).iter("property")}
    assert (told["policyDigest"], told["ignoredByPolicy"]) == (result.policy_digest, "4")
    assert EffectivePolicy.model_validate_json(told["policy"] or "") == result.policy
