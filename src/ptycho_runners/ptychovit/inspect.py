"""What a checkout and its interpreter are, before anything of them is run: `ptycho ptychovit inspect`."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from ptycho_contracts.contracts.run_manifest import CodeIdentity
from ptycho_runners.process import minimal_environment
from ptycho_runners.ptychovit.checkout import Generation, identity_of, recognise, root_of
from ptycho_runners.ptychovit.program_text import arguments_of, classes_in, foreign_imports, methods_of

LOOK = Path(__file__).parents[1] / "bridge" / "look.py"
USED_BY_THE_BRIDGE = ("torch", "numpy", "h5py")
STOOD_IN_FOR = ("wandb", "timm")
"""What the bridge puts a stand-in for where it is absent."""

_LOOK_LIMIT_S = 120
_DISTRIBUTIONS = {
    "yaml": "PyYAML",
    "PIL": "pillow",
    "mpl_toolkits": "matplotlib",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
}
_FROZEN = ConfigDict(frozen=True)

# (file, class, method, arguments) that the bridge finds by name; forward is called with four positional ones.
INTERFACE: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("model/model.py", "PtychoViT", "__init__", ("config",)),
    ("model/model.py", "PtychoViT", "forward", ()),
    ("training.py", "Trainer", "__init__", ()),
    ("training.py", "Trainer", "train", ("metrics",)),
    ("training.py", "Trainer", "validate", ("optimizer", "metrics", "epoch")),
    (
        "data.py",
        "PtychographyDataset",
        "__init__",
        ("file_path", "scale", "normalization_dict_path", "apply_noise", "max_probe_modes"),
    ),
    ("data.py", "PtychographyDataset", "__getitem__", ()),
)


class Name(BaseModel):
    """A name of the checkout that the bridge relies on.

    Attributes:
        name: as `module.Class.method(arguments)`.
        problem: what is not there; None where all is.
    """

    model_config = _FROZEN

    name: str
    problem: str | None


class Package(BaseModel):
    """A package that the checkout or the bridge imports.

    Attributes:
        module: its name in an import.
        distribution: its name for pip.
        version: None where it is not installed there.
        imported_by: files of the checkout, and `the bridge`.
        matters: whether a training fails without it.
        stood_in_for: whether the bridge stands in for it where it is absent.
    """

    model_config = _FROZEN

    module: str
    distribution: str
    version: str | None
    imported_by: tuple[str, ...]
    matters: bool
    stood_in_for: bool


class Interpreter(BaseModel):
    """The interpreter that is to run the checkout.

    Attributes:
        command: as it was given.
        python: its version; None where it cannot be started.
        device: `cpu`, or `cuda` and the device's name; None where torch cannot be imported.
        packages: what is imported, needed ones first.
        problem: why it, or its torch, cannot be used.
    """

    model_config = _FROZEN

    command: str
    python: str | None = None
    device: str | None = None
    packages: tuple[Package, ...] = ()
    problem: str | None = None


class Inspection(BaseModel):
    """All that can be known of a checkout without running it.

    Attributes:
        root: its folder.
        generation: which one, and `reason` by what it was told.
        reason: see `generation`.
        code: commit, state and digest of the sources; None where there is no such folder.
        names: what the bridge relies on; empty for any generation but `flat`.
        interpreter: what is to run it.
        problems: everything that a training would fail of, one sentence each.
        notes: what is good to know.
    """

    model_config = _FROZEN

    root: str
    generation: Generation
    reason: str
    code: CodeIdentity | None
    names: tuple[Name, ...]
    interpreter: Interpreter
    problems: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing that a training needs is missing."""
        return not self.problems


def inspect_checkout(spec: str | Path, python: str) -> Inspection:
    """Look at a checkout's sources and at an interpreter; no file of the checkout is run or imported.

    Args:
        spec: a folder, or `reference`.
        python: the interpreter that is to run the checkout.
    """
    root = root_of(spec)
    recognised = recognise(root)
    flat = recognised.generation == "flat"
    names = tuple(_names(root)) if flat else ()
    interpreter = look(python, _imported(root) if flat else _imported(None))
    refused = () if flat else (f"{root} {recognised.reason}",)
    return Inspection(
        root=str(root),
        generation=recognised.generation,
        reason=recognised.reason,
        code=identity_of(spec, recognised.generation) if root.is_dir() else None,
        names=names,
        interpreter=interpreter,
        problems=(*refused, *(f"{n.name}: {n.problem}" for n in names if n.problem), *_lacks(interpreter)),
        notes=tuple(_notes(interpreter)),
    )


def look(python: str, packages: tuple[Package, ...]) -> Interpreter:
    """Ask an interpreter which of the packages it has, and for its device."""
    asked = [f"{package.module}={package.distribution}" for package in packages]
    try:
        answer = _answer([python, str(LOOK), *asked])
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        return Interpreter(command=python, packages=packages, problem=f"{python} cannot be used: {error}")
    device = answer["device"]
    usable = device["problem"] is None
    shown = f"cuda {device['name']}" if device["cuda"] else "cpu"
    broken = answer["versions"].get("torch") is not None and not usable
    return Interpreter(
        command=python,
        python=answer["python"],
        device=shown if usable else None,
        packages=tuple(p.model_copy(update={"version": answer["versions"][p.module]}) for p in packages),
        problem=f"torch is installed there but cannot be imported: {device['problem']}" if broken else None,
    )


def _answer(command: list[str]) -> dict[str, Any]:
    """What look.py printed.

    Raises:
        ValueError: it printed something else, or failed.
    """
    environment = minimal_environment()
    done = subprocess.run(command, capture_output=True, text=True, timeout=_LOOK_LIMIT_S, check=False, env=environment)
    last = (done.stderr.strip().splitlines() or ["no output"])[-1]
    if done.returncode != 0:
        raise ValueError(f"it ended with status {done.returncode}: {last}")
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except json.JSONDecodeError:
        raise ValueError("it does not answer as a Python interpreter does") from None
    return answer


def shown_name(file: str, class_name: str, method: str, arguments: tuple[str, ...]) -> str:
    """A member of `INTERFACE` as `module.Class.method(arguments)`."""
    return f"{file.removesuffix('.py').replace('/', '.')}.{class_name}.{method}({', '.join(arguments)})"


def _imported(root: Path | None) -> tuple[Package, ...]:
    """The packages that matter to a checkout, and those that it could import, without versions yet."""
    importers: dict[str, list[str]] = {module: ["the bridge"] for module in USED_BY_THE_BRIDGE}
    needed = set(USED_BY_THE_BRIDGE)
    for found in foreign_imports(root, "main.py") if root else ():
        importers.setdefault(found.module, []).append(found.file)
        if found.needed and found.module not in STOOD_IN_FOR:
            needed.add(found.module)
    packages = [
        Package(
            module=module,
            distribution=_DISTRIBUTIONS.get(module, module),
            version=None,
            imported_by=tuple(files),
            matters=module in needed,
            stood_in_for=module in STOOD_IN_FOR,
        )
        for module, files in importers.items()
    ]
    return tuple(sorted(packages, key=lambda p: (not p.matters, p.module)))


def _names(root: Path) -> Iterator[Name]:
    for file, class_name, method, arguments in INTERFACE:
        problem = _absence(root / file, class_name, method, arguments)
        yield Name(name=shown_name(file, class_name, method, arguments), problem=problem)


def _absence(path: Path, class_name: str, method: str, arguments: tuple[str, ...]) -> str | None:
    """What of a name is not there. A method may come from a base class; then the bridge looks when it runs."""
    found = classes_in(path).get(class_name)
    if found is None:
        return f"there is no class {class_name}"
    function = methods_of(found).get(method)
    if function is None:
        return None if found.bases else f"there is no method {method}"
    missing = [name for name in arguments if name not in arguments_of(function)]
    return f"there is no argument {', '.join(missing)}" if missing and function.args.kwarg is None else None


def _lacks(interpreter: Interpreter) -> Iterator[str]:
    if interpreter.problem is not None:
        yield interpreter.problem
    if interpreter.python is None:
        return
    missing = [p for p in interpreter.packages if p.matters and p.version is None]
    if missing:
        names = ", ".join(p.module for p in missing)
        install = shlex.join(
            [interpreter.command, "-m", "pip", "install", *dict.fromkeys(p.distribution for p in missing)]
        )
        yield f"the interpreter has no {names}; get it with `{install}`"


def _notes(interpreter: Interpreter) -> Iterator[str]:
    if interpreter.device == "cpu":
        yield (
            "torch sees no CUDA device there: it trains on the CPU, and the bridge makes CUDA's profiling calls "
            "no-ops, of which the February code dies otherwise"
        )
    for package in interpreter.packages:
        if package.version is None and interpreter.python is not None and not package.matters:
            how = "the bridge stands in for it" if package.stood_in_for else "imported in some cases only"
            yield f"{package.module} is not installed there; {how} ({', '.join(package.imported_by)})"
