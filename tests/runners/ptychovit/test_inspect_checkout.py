"""`inspect`: generations told by files and class names, interpreters asked, nothing of a checkout run."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ptycho_runners.bridge import bridge
from ptycho_runners.cli import app
from ptycho_runners.ptychovit.checkout import recognise
from ptycho_runners.ptychovit.inspect import INTERFACE, STOOD_IN_FOR, Inspection, inspect_checkout
from ptycho_runners.ptychovit.program_text import Import, foreign_imports

FLAT = {
    "main.py": "raise SystemExit('nobody may run this')\nimport torch, yaml\nfrom data import PtychographyDataset\n",
    "data.py": "import h5py\nclass PtychographyDataset(Dataset):\n"
    "    def __init__(self, file_path, scale, normalization_dict_path, apply_noise, *, max_probe_modes): ...\n"
    "    def __getitem__(self, index): ...\n",
    "training.py": "class Trainer:\n    def __init__(self): ...\n    def train(self, loader, metrics): ...\n"
    "    def validate(self, loader, optimizer, metrics, epoch): ...\n",
    "model/model.py": "class PtychoViT:\n    def __init__(self, config): ...\n    def forward(self, *inputs): ...\n",
}


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def interpreter(folder: Path, *missing: str, device: str = '{"cuda": true, "name": "H100", "problem": null}') -> str:
    """A program that answers as look.py would in another interpreter, with every package but some in version 1.0."""
    script = folder / "python"
    script.write_text(
        f"#!{sys.executable}\nimport json, sys\n"
        f"versions = {{a.split('=')[0]: None if a.split('=')[0] in {missing!r} else '1.0' for a in sys.argv[2:]}}\n"
        f"device = json.loads({device!r})\n"
        "print(json.dumps({'python': '3.9.1', 'executable': 'x', 'versions': versions, 'device': device}))\n"
    )
    script.chmod(0o755)
    return str(script)


@pytest.mark.parametrize(
    ("files", "generation", "told"),
    [
        (FLAT, "flat", "has main.py"),
        ({"ptycho_vit/__init__.py": ""}, "ptycho_vit", "ptycho_vit/__init__.py is there"),
        ({"ptycho_vit/model/model.py": "class PtychoViT: ..."}, "ptycho_vit", "class PtychoViT in ptycho_vit/model"),
        ({**FLAT, "ptycho_vit/train.py": ""}, "ptycho_vit", "python -m ptycho_vit.train --config"),
        ({"src/ptycho_fm/model/model.py": "class PtychoFM: ..."}, "ptycho_fm", "class PtychoFM in src/ptycho_fm"),
        ({"ptycho_fm/train.py": "class ("}, "ptycho_fm", "python -m ptycho_fm.train --config"),
        ({"main.py": ""}, "unknown", "has no data.py, training.py, model/model.py"),
    ],
)
def test_generations_are_told_by_files_and_classes(
    tmp_path: Path, files: dict[str, str], generation: str, told: str
) -> None:
    found = recognise(write(tmp_path, files))
    assert found.generation == generation
    assert told in found.reason


def test_a_flat_checkout_with_all_it_needs_is_ready(tmp_path: Path) -> None:
    found = inspect_checkout(write(tmp_path, FLAT), interpreter(tmp_path))
    assert (found.generation, found.problems, found.interpreter.device) == ("flat", (), "cuda H100")
    assert [name.problem for name in found.names] == [None] * len(INTERFACE)
    assert {package.module for package in found.interpreter.packages} == {"torch", "numpy", "h5py", "yaml"}


def test_what_is_missing_is_named_with_the_command_that_gets_it(tmp_path: Path) -> None:
    files = {**FLAT, "training.py": "import wandb, matplotlib.pyplot\nclass Trainer:\n    def train(self): ...\n"}
    files["main.py"] += "import training\n"
    python = interpreter(tmp_path, "yaml", "matplotlib", "wandb")
    found = inspect_checkout(write(tmp_path, files), python)
    assert "training.Trainer.__init__(): there is no method __init__" in found.problems
    assert "training.Trainer.train(metrics): there is no argument metrics" in found.problems
    assert found.problems[-1] == (
        f"the interpreter has no matplotlib, yaml; get it with `{python} -m pip install matplotlib PyYAML`"
    )
    assert found.notes == ("wandb is not installed there; the bridge stands in for it (training.py)",)


def test_a_checkout_of_another_generation_is_looked_at_and_refused(tmp_path: Path) -> None:
    found = inspect_checkout(write(tmp_path, {"ptycho_fm/train.py": ""}), interpreter(tmp_path))
    assert (found.generation, found.names, found.ok) == ("ptycho_fm", (), False)
    assert "only the flat generation is supported: its training reads pairs past" in found.problems[0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("#!/bin/sh\necho hello\n", "does not answer as a Python interpreter"),
        ("#!/bin/sh\necho 'no such thing' >&2\nexit 3\n", "it ended with status 3: no such thing"),
        (None, "No such file"),
    ],
)
def test_an_interpreter_that_is_none_is_a_problem_and_no_traceback(tmp_path: Path, text: str | None, told: str) -> None:
    script = tmp_path / "python"
    if text is not None:
        script.write_text(text)
        script.chmod(0o755)
    found = inspect_checkout("reference", str(script))
    assert not found.ok
    assert found.interpreter.python is None
    assert told in found.problems[-1]


def test_a_torch_that_cannot_be_imported_is_a_problem(tmp_path: Path) -> None:
    broken = '{"cuda": false, "name": null, "problem": "OSError: libcudart.so"}'
    found = inspect_checkout("reference", interpreter(tmp_path, device=broken))
    assert found.interpreter.device is None
    assert found.problems == ("torch is installed there but cannot be imported: OSError: libcudart.so",)


def test_this_interpreter_and_the_reference_are_ready() -> None:
    done = CliRunner().invoke(app, ["ptychovit", "inspect", "reference", "--format", "json"])
    found = Inspection.model_validate(json.loads(done.stdout))
    assert (done.exit_code, found.ok, found.code and found.code.name) == (0, True, "reference")
    text = CliRunner().invoke(app, ["ptychovit", "inspect", "reference"]).stdout
    assert text.rstrip().endswith("ready")


def test_the_command_fails_where_something_needed_is_missing(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["ptychovit", "inspect", str(tmp_path)])
    assert done.exit_code == 1
    assert "missing: " in done.stdout
    assert done.stdout.rstrip().endswith("not ready")


def test_imports_are_followed_through_own_files_only(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "main.py": "import os, wandb, broken\nfrom model import model\n"
            "try:\n    import fast\nexcept ImportError:\n    pass\n",
            "model/model.py": "from .vit import Encoder\nfrom model.heads import Head\nimport torch.nn as nn\n",
            "model/vit.py": "def pretrained():\n    import timm\n",
            "model/heads.py": "import numpy\n",
            "scripts/unused.py": "import pandas\n",
            "wandb/run-1/files/config.yaml": "",
            "broken.py": "import (",
        },
    )
    assert foreign_imports(tmp_path, "main.py") == [
        Import("fast", "main.py", needed=False),
        Import("numpy", "model/heads.py", needed=True),
        Import("timm", "model/vit.py", needed=False),
        Import("torch", "model/model.py", needed=True),
        Import("wandb", "main.py", needed=True),
    ]


def test_what_inspect_says_of_the_bridge_is_what_the_bridge_does() -> None:
    text = Path(bridge.__file__).read_text()
    assert tuple(re.findall(r'\n\s+stand_in\("(\w+)"', text)) == STOOD_IN_FOR
    for file, class_name, method, _ in INTERFACE:
        assert f'interface("{file.removesuffix(".py").replace("/", ".")}", "{class_name}")' in text
        assert method in text
