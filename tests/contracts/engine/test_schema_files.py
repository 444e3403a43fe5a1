"""The published schemas are sound, and any JSON Schema validator judges real files by them as we do."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from simulated_pair import Pair, simulate_pair, write_pair

from ptycho_contracts import schema_files as schemas
from ptycho_contracts.contract import all_contracts, get_contract
from ptycho_contracts.opening import describe
from ptycho_contracts.schema import schema_of


@pytest.mark.parametrize("contract_id", all_contracts())
def test_a_schema_is_sound_named_and_loaded(contract_id: str) -> None:
    contract = get_contract(contract_id)
    schema = schema_of(contract)
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:ptycho-contracts:{contract_id}:{contract.version}"
    assert schemas.load(contract_id) == json.loads(json.dumps(schema))
    assert json.dumps(schema_of(contract)) == json.dumps(schema)


def test_an_unknown_contract_has_no_schema() -> None:
    with pytest.raises(KeyError, match="did you mean 'ptychovit-pair'"):
        schemas.load("ptychovit-pairs")


BROKEN: dict[str, Callable[[Pair], Pair]] = {
    "missing key": lambda p: p.without("probe"),
    "wrong rank": lambda p: p.with_para(probe=p.para["probe"][0]),
    "wrong dtype": lambda p: replace(p, dp=p.dp.astype(complex)),
    "no pixel size": lambda p: p.with_attributes("object", pixel_height_m=None),
    "probe not complex": lambda p: p.with_para(probe=abs(p.para["probe"])),
}


def described(pair: Pair, folder: Path) -> Any:
    return describe(write_pair(pair, folder)).model_dump(mode="json")


def test_plain_json_schema_accepts_a_good_pair_and_refuses_broken_ones(tmp_path: Path) -> None:
    validator = Draft202012Validator(schemas.load("ptychovit-pair"))
    pair = simulate_pair()
    validator.validate(described(pair, tmp_path))
    accepted = [name for name, breaks in BROKEN.items() if validator.is_valid(described(breaks(pair), tmp_path))]
    assert accepted == []
    # What it cannot express: sizes that must be equal (and a truncated file has no description at all).
    assert validator.is_valid(described(replace(pair, dp=pair.dp[:-1]), tmp_path))


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "contract_id"),
    [
        ("pairs/s64_dp.hdf5", "ptychovit-pair"),
        ("ptychodus/ptychofm_dp.hdf5", "ptychovit-pair"),
        ("ptychodus/ptychopinn_training.npz", "raw-data-npz"),
        ("ptychopinn/rawdata.npz", "raw-data-npz"),
        ("ptychopinn/grid_lines_N256_train.npz", "grid-lines-npz"),
        ("ptychopinn/recon_pinn.npz", "recon-npz"),
    ],
)
def test_real_files_fulfil_the_schema_of_their_contract(shared: Path, name: str, contract_id: str) -> None:
    Draft202012Validator(schemas.load(contract_id)).validate(describe(shared / name).model_dump(mode="json"))
