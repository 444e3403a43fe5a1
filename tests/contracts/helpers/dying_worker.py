"""A process of the pool that dies, or hangs, at files of one name, as the HDF5 library does at some damaged headers."""

from __future__ import annotations

import faulthandler
import os
import signal
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ptycho_contracts.batch import examine as engine
from ptycho_contracts.finding import Report
from ptycho_contracts.validation import validate

DEADLY, ENDLESS = "deadly.npz", "endless.npz"
_soundly = engine._serve


def serve(connection: Connection, other_end: Connection) -> None:
    """Answer as a worker does, but for these two."""
    faulthandler.disable()  # pytest's would print where the test stands
    vars(engine).update(validate=_validate_or_die)
    _soundly(connection, other_end)


def _validate_or_die(path: Path, *rest: Any) -> Report:
    if path.name == DEADLY:
        os.kill(os.getpid(), signal.SIGSEGV)
    if path.name == ENDLESS:
        while True:
            time.sleep(60)
    return validate(path, *rest)
