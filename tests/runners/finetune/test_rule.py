"""The rule of progressive unfreezing: its cases, and the laws that its docstring promises."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_contracts.contracts.finetune_policy import Rule
from ptycho_runners.ptychovit.finetune.rule import History, justify

RULE = Rule(min_improvement=0.1, patience=1)
NAN = math.nan

CASES: list[tuple[list[list[float | None]], bool, str]] = [
    ([], False, "no finished stage"),
    ([[]], False, "no finished stage"),
    ([[1.0], []], False, "no finished stage"),
    ([[1.0], [NAN, None, math.inf]], False, "no finished stage"),
    ([[NAN], [1.0]], False, "to compare"),
    ([[0.0], [-1.0]], False, "to compare"),
    ([[1.0], [0.875]], True, "12.50% (≥ 10.00%)"),
    ([[1.0], [0.95]], False, "5.00% (< 10.00%)"),
    ([[1.0], [1.2]], False, "-20.00%"),
    ([[1.0], [0.8, 0.9]], True, "1 epoch followed it (≤ 1)"),
    ([[1.0], [0.8, 0.9, 0.9]], False, "2 epochs followed it (> 1)"),
    ([[1.0], [0.8, NAN, None]], False, "2 epochs"),
    ([[1.0], [0.8, 0.9, 0.7]], True, "0.7 after 1"),
    ([[1.0], [0.8, 0.9, 0.8]], False, "2 epochs"),  # the first of equals is the best one
    ([[1.0, 0.5]], True, "0.5 after 1"),  # a first stage is compared with its own first epoch
    ([[1.0]], False, "0.00%"),
    ([[0.1], [1.0], [0.5]], True, "0.5 after 1"),  # only the stage before counts
    ([[-1.0], [-1.2]], True, "20.00%"),  # a likelihood may be negative
]


@pytest.mark.parametrize(("histories", "verdict", "told"), CASES)
def test_cases(histories: list[History], verdict: bool, told: str) -> None:
    decided = justify(histories, RULE)
    assert decided.justified is verdict
    assert decided.sentence.startswith("yes: " if verdict else "no: ")
    assert told in decided.sentence


def test_the_numbers_are_recorded() -> None:
    decided = justify([[2.0, 1.0], [0.9, 0.5, 0.6]], RULE)
    assert (decided.baseline, decided.best, decided.improvement, decided.epochs_since_best) == (1.0, 0.5, 0.5, 1)


losses = st.none() | st.just(NAN) | st.floats(-1e6, 1e6).filter(lambda x: x == 0 or abs(x) > 1e-6)
stages = st.lists(st.lists(losses, max_size=6), max_size=4)
two_or_more = st.lists(st.lists(losses, max_size=6), min_size=2, max_size=4)
rules = st.builds(Rule, min_improvement=st.floats(0, 0.99), patience=st.integers(0, 6))


@given(stages, rules, st.integers(-20, 20))
def test_the_unit_of_the_loss_does_not_matter(histories: list[History], rule: Rule, exponent: int) -> None:
    scaled = [[None if x is None else x * 2.0**exponent for x in history] for history in histories]
    assert justify(scaled, rule).justified == justify(histories, rule).justified


@given(two_or_more, rules, st.floats(0, 1e6))
def test_a_better_best_never_turns_yes_to_no(histories: list[History], rule: Rule, gain: float) -> None:
    before = justify(histories, rule)
    if before.best is not None:
        last = [before.best - gain if x == before.best else x for x in histories[-1]]
        assert justify([*histories[:-1], last], rule).justified >= before.justified


@given(stages, rules, st.floats(0, 1), st.integers(0, 5))
def test_a_milder_rule_never_turns_yes_to_no(histories: list[History], rule: Rule, factor: float, more: int) -> None:
    milder = Rule(min_improvement=rule.min_improvement * factor, patience=rule.patience + more)
    assert justify(histories, milder).justified >= justify(histories, rule).justified


@given(stages, rules)
def test_more_fruitless_epochs_than_patience_are_always_a_no(histories: list[History], rule: Rule) -> None:
    worn_out = [*histories[:-1], [*(histories[-1] if histories else []), *([NAN] * (rule.patience + 1))]]
    assert not justify(worn_out, rule).justified


@given(st.lists(losses, max_size=6), two_or_more, rules)
def test_only_the_last_two_stages_count(earlier: History, histories: list[History], rule: Rule) -> None:
    assert justify([earlier, *histories], rule) == justify(histories, rule)
