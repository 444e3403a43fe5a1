"""Run the page `gallery.md` in an empty folder and put its pictures into `images/` (or the folder that is named)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from ptycho_contracts.atomic import atomic_write_bytes

DOCS = Path(__file__).parent
_BLOCK = re.compile(r"^```(console|python)\n(.*?)^```", re.DOTALL | re.MULTILINE)
# A command, and with what it is to end where that is not 0.
_COMMAND = re.compile(r"^\$ (.*?)(?: +# exit code (\d+))?$", re.MULTILINE)


def run_page(page: Path, folder: Path) -> None:
    """Run every block of a page, in order, each in a process of its own.

    Raises:
        subprocess.CalledProcessError: a block failed; what it printed is on the terminal.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "MPLBACKEND": "agg"}
    for language, text in _BLOCK.findall(page.read_text(encoding="utf-8")):
        commands = "\n".join(
            f"{command}\ntest $? -eq {status or 0} || exit 1" for command, status in _COMMAND.findall(text)
        )
        argv = ["bash", "-c", commands] if language == "console" else [sys.executable, "-W", "error", "-c", text]
        subprocess.run(argv, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)


def make_pictures(target: Path) -> list[str]:
    """Run the gallery and copy the pictures; returns their names."""
    with tempfile.TemporaryDirectory() as folder:
        run_page(DOCS / "gallery.md", Path(folder))
        pictures = sorted(Path(folder).glob("*.png"))
        for picture in pictures:
            atomic_write_bytes(target / picture.name, picture.read_bytes())
        return [picture.name for picture in pictures]


if __name__ == "__main__":
    print("\n".join(make_pictures(Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS / "images")))
