"""What Python files say about themselves, by their syntax tree; nothing of them is imported or run."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Import:
    """A package that is not the program's own, as it is imported.

    Attributes:
        module: first part of the imported name.
        file: which file imports it, relative to the program's folder.
        needed: whether the import runs whenever that file is imported; not inside a function or a `try`.
    """

    module: str
    file: str
    needed: bool


def syntax_tree(path: Path) -> ast.Module | None:
    """The tree of a file; None where it is absent or no Python that we can parse."""
    try:
        return ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None


def class_names(path: Path) -> frozenset[str]:
    """The classes that a file defines at its top level."""
    return frozenset(classes_in(path))


def classes_in(path: Path) -> dict[str, ast.ClassDef]:
    """The classes that a file defines at its top level, by name."""
    tree = syntax_tree(path)
    return {} if tree is None else {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


def methods_of(node: ast.ClassDef) -> dict[str, Function]:
    """The methods that a class defines itself, by name."""
    return {item.name: item for item in node.body if isinstance(item, Function)}


def arguments_of(function: Function) -> frozenset[str]:
    """The arguments that a function takes by name."""
    return frozenset(arg.arg for arg in (*function.args.args, *function.args.kwonlyargs))


def foreign_imports(root: Path, start: str) -> list[Import]:
    """What a program needs of others: the imports of its start file and of all of its own files reached from there.

    Args:
        root: the folder that the program's own absolute imports are found in.
        start: the file that is run, relative to it.
    """
    needed = _reached(root, start, everything=False)
    return [Import(module, file, (module, file) in needed) for module, file in sorted(_reached(root, start))]


def _reached(root: Path, start: str, *, everything: bool = True) -> set[tuple[str, str]]:
    """(module, file) of the imports of others, through all own files or through those that are always imported."""
    found: set[tuple[str, str]] = set()
    queue, seen = [root / start], {root / start}
    while queue:
        path = queue.pop()
        for name in (name for name, always in _imports(path, root) if always or everything):
            own = _own_files(root, name)
            if own is None:
                found.add((name.partition(".")[0], path.relative_to(root).as_posix()))
            else:
                queue += [file for file in own if file not in seen]
                seen.update(own)
    return {(module, file) for module, file in found if module not in sys.stdlib_module_names}


def _imports(path: Path, root: Path) -> Iterator[tuple[str, bool]]:
    """(dotted name, whether it always runs) of every import of a file; `from a import b` gives `a` and `a.b`."""
    tree = syntax_tree(path)
    if tree is None:
        return
    always = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in always) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, path, root)
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
            yield from ((name, id(node) in always) for name in names)


def _absolute(node: ast.ImportFrom, path: Path, root: Path) -> str:
    """The absolute name of the module that is imported from."""
    if not node.level:
        return node.module or ""
    above = path.relative_to(root).parts[: -node.level]
    return ".".join([*above, *([node.module] if node.module else [])])


def _own_files(root: Path, name: str) -> list[Path] | None:
    """The program's own files that an import of a dotted name runs; None where its first part is not the program's.

    A folder counts where it holds Python files, with `__init__.py` or without: trackers leave folders of their own
    name (`wandb/`) in a checkout.
    """
    files: list[Path] = []
    place = root
    for part in name.split("."):
        folder, module = place / part, place / f"{part}.py"
        if any(folder.glob("*.py")):
            place = folder
            files += [folder / "__init__.py"] if (folder / "__init__.py").is_file() else []
        elif module.is_file():
            return [*files, module]
        else:
            break
    return files if place != root else None
