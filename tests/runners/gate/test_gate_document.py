"""`gate.json` as a contract: what it accepts and refuses, and that its JSON Schema agrees."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from ptycho_contracts.contracts.gate_manifest import GateManifest

CODE = {"name": "reference", "sha256": "0" * 64}
GOOD: dict[str, Any] = {
    "outcome": "passed",
    "started": "2026-02-03T04:05:06Z",
    "seconds": 30.5,
    "seed": 0,
    "device": "auto",
    "versions": {"python": "3.11"},
    "software": CODE,
    "code": CODE,
    "parts": [
        {
            "name": "adapter conversion",
            "outcome": "passed",
            "summary": "75 patterns",
            "seconds": 6.5,
            "checks": [{"about": "every pattern at its own place", "passed": True, "found": "75 of 75"}],
            "figures": {"patterns": 75, "energy_ratio": 1.0, "ssim_of_flat": [0.4, None]},
        }
    ],
    "files": [{"role": "splits", "path": "splits/test.npz", "sha256": "0" * 64, "bytes": 3}],
}


def test_a_good_manifest_survives_reading_and_writing() -> None:
    read = GateManifest.model_validate(GOOD)
    assert GateManifest.model_validate_json(read.model_dump_json()) == read
    jsonschema.validate(json.loads(read.model_dump_json()), GateManifest.model_json_schema())


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "not run"},
        {"parts": []},
        {"parts": [{**GOOD["parts"][0], "outcome": "skipped"}]},
        {"parts": [{**GOOD["parts"][0], "checks": [{"about": "", "passed": True, "found": "x"}]}]},
        {"seed": -1},
        {"device": "tpu"},
        {"software": {"name": "ptycho-contracts", "sha256": "abc"}},
        {"extra": 1},
    ],
)
def test_a_bad_manifest_is_refused_by_the_model_and_by_its_schema(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        GateManifest.model_validate(GOOD | change)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(GOOD | change, GateManifest.model_json_schema())
