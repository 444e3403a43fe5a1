"""Options of arms: what a wrong one is told, and the page that lists them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ptycho_contracts.contracts.study import Study
from ptycho_contracts.finding import Finding
from ptycho_runners.arms.base import all_arms
from ptycho_runners.arms.reference import arms_page
from ptycho_runners.errors import RunError
from ptycho_runners.studies.load import select

CHECKOUT = Path(__file__).parents[3]


def refusal(arm: dict[str, Any]) -> dict[str, Finding]:
    """The findings about one arm, by place."""
    study = Study.model_validate({"name": "t", "data": {"simulate": {}}, "arms": [{"id": "a", **arm}]})
    with pytest.raises(RunError) as caught:
        select(study, None)
    return {found.location: found for found in caught.value.findings}


def test_misspelt_option_gets_the_nearest_and_all() -> None:
    found = refusal({"kind": "precomputed", "options": {"recom": "x.npz"}})
    unknown = found["yaml:/arms[0]/options/recom"]
    assert unknown.code == "PTY111"
    assert unknown.message == "precomputed has no option 'recom'; did you mean 'recon'?"
    assert unknown.expected == "recon, origin_px"
    missing = found["yaml:/arms[0]/options/recon"]
    assert (missing.code, missing.message) == ("PTY101", "precomputed needs the option 'recon'")
    assert missing.fix == "Add `recon:` there. docs/arms.md lists the options of every arm."


def test_misspelt_option_of_a_nested_model_gets_its_own_neighbours() -> None:
    found = refusal({"kind": "pinn_ptychovit", "options": {"train": {"epochs": 1, "bach_size": 2}}})
    unknown = found["yaml:/arms[0]/options/train/bach_size"]
    assert unknown.message == "pinn_ptychovit has no option 'train.bach_size'; did you mean 'batch_size'?"
    assert unknown.expected is not None
    assert "learning_rate" in unknown.expected
    assert "checkout" not in unknown.expected


def test_option_out_of_range_speaks_of_options() -> None:
    found = refusal({"kind": "pinn_ptychovit", "options": {"batch_size": 0, "stitching": {"crop_px": -1}}})
    assert set(found) == {"yaml:/arms[0]/options/batch_size", "yaml:/arms[0]/options/stitching/crop_px"}
    for each in found.values():
        assert each.code == "PTY110"
        assert each.fix is not None
        assert "docs/arms.md" in each.fix


def test_name_near_to_nothing_gets_no_guess() -> None:
    found = refusal({"kind": "precomputed", "options": {"recon": "x.npz", "zzz": 1}})
    assert found["yaml:/arms[0]/options/zzz"].message == "precomputed has no option 'zzz'"


def test_misspelt_kind_gets_the_nearest() -> None:
    found = refusal({"kind": "precomputd"})["yaml:/arms[0]/kind"]
    assert found.message == "no arm 'precomputd'; did you mean 'precomputed'?"


def test_committed_page_lists_every_option_and_no_path_of_this_machine() -> None:
    text = (CHECKOUT / "docs" / "arms.md").read_text()
    assert text == arms_page(), "run `make docs`"
    for kind in ("pinn_ptychovit", "precomputed"):
        section = text.split(f"## {kind}\n")[1].split("\n## ")[0]
        assert {name for name in all_arms()[kind].options.model_fields if f"| `{name}` |" not in section} == set()
    assert "| `epochs` | whole number > 0 | required |" in text
    assert "| `python` | text | the interpreter that runs `ptycho` |" in text
    assert str(CHECKOUT) not in text
