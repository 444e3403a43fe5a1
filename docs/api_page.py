"""The pages of the public Python names: one for each module, with what `__all__` names, from the docstrings."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from typing import Any

from ptycho_contracts.reference_markdown import page

_GENERATED = (
    "<!-- Generated from `__all__` of the modules by `docs/generate.py`; edit the docstrings, not this page. -->"
)
MODULES = (
    "ptycho_contracts",
    "ptycho_adapters",
    "ptycho_contracts.testing",
    "ptycho_contracts.testing.pytest_plugin",
    "ptycho_contracts.extending",
    "ptycho_adapters.extending",
)


def api_pages() -> dict[str, str]:
    """Every page by its path below this folder."""
    pages = {f"api/{module}.md": _module_page(module) for module in MODULES}
    return pages | {"api/index.md": _index()}


def _index() -> str:
    rows = [f"- [`{module}`]({module}.md): {_first_line(module)}" for module in MODULES]
    toctree = ["```{toctree}", ":hidden:", "", *MODULES, "```"]
    intro = "Names that are not on these pages are ours and may change in any release."
    return page("# Python", _GENERATED, intro, "\n".join(rows), "\n".join(toctree))


def _first_line(module: str) -> str:
    return (importlib.import_module(module).__doc__ or "").strip().splitlines()[0]


def _module_page(name: str) -> str:
    module = importlib.import_module(name)
    public = [each for each in module.__all__ if not each.startswith("__")]
    text = inspect.cleandoc(module.__doc__ or "")
    blocks = (_block(name, each, getattr(module, each)) for each in public)
    return page(f"# {name}", _GENERATED, text, *blocks)


def _block(module: str, name: str, value: Any) -> str:
    return "\n".join(["```{eval-rst}", *_directive(module, name, value), "```"])


def _directive(module: str, name: str, value: Any) -> Iterator[str]:
    if isinstance(value, type):
        yield f".. autoclass:: {module}.{name}"
        yield "   :members:"
    elif inspect.isroutine(value):
        yield f".. autofunction:: {module}.{name}"
    else:
        yield f".. autodata:: {module}.{name}"
        yield "   :no-value:"
