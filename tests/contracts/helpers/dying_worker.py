"""A process of the pool that dies at files of one name, as the HDF5 library does at some damaged headers."""

from __future__ import annotations

import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path

from ptycho_contracts.batch.examine import examine_one

DEADLY = "deadly.npz"


def serve(connection: Connection) -> None:
    """Answer as a worker does, but for `DEADLY`."""
    while True:
        try:
            path, task = connection.recv()
        except (EOFError, OSError):
            return
        if Path(path).name == DEADLY:
            os.kill(os.getpid(), signal.SIGSEGV)
        connection.send(examine_one(Path(path), task))
