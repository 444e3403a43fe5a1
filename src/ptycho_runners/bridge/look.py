"""Say what an interpreter has, as JSON on standard output: `PYTHON look.py MODULE=DISTRIBUTION …`.

Run by the checkout's interpreter, which may be older than ours and hold none of our packages; standard library
only, and of what it looks at only torch is imported, because nothing else knows the device.
"""

from __future__ import annotations

import json
import platform
import sys
from importlib import metadata
from importlib.util import find_spec
from typing import Any


def version_of(module: str, distribution: str) -> str | None:
    """The version of an importable module, "unknown" where nothing states it; None where it cannot be imported."""
    try:
        if find_spec(module) is None:
            return None
    except (ImportError, ValueError):
        return None
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "unknown"


def torch_device() -> dict[str, Any]:
    """Whether torch sees a CUDA device, and its name; `problem` where torch cannot be imported."""
    try:
        import torch  # noqa: PLC0415
    except Exception as error:  # noqa: BLE001 - a broken installation raises what it likes
        return {"cuda": False, "name": None, "problem": f"{type(error).__name__}: {error}"}
    cuda = bool(torch.cuda.is_available())
    return {"cuda": cuda, "name": torch.cuda.get_device_name(0) if cuda else None, "problem": None}


def main(arguments: list[str]) -> int:
    """Print one JSON document."""
    asked = dict(argument.split("=", 1) for argument in arguments)
    print(
        json.dumps(
            {
                "python": platform.python_version(),
                "executable": sys.executable,
                "versions": {module: version_of(module, distribution) for module, distribution in asked.items()},
                "device": torch_device(),
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
