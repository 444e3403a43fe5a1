"""Sphinx: the site that `make site` builds from these pages and the docstrings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from sphinx.application import Sphinx

from ptycho_contracts import __version__

DOCS = Path(__file__).parent

project = "ptycho-contracts"
version = release = __version__
copyright = "the authors of ptycho-contracts"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["images", "*.py"]
html_theme = "furo"
html_title = f"ptycho-contracts {release}"
myst_heading_anchors = 4
# `name` in a docstring is code, as in Markdown.
default_role = "code"

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"exclude-members": "model_config, model_post_init"}
napoleon_google_docstring = True
napoleon_numpy_docstring = False

# A reference that leads nowhere is an error, but for types of other packages and the few of ours that a public
# name mentions without being public itself.
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(annotated_types|collections|h5py|hypothesis|numpy|pathlib|pydantic|types|typing|xarray)\..*"),
    ("py:.*", r"(np|st|xr)\..*|Path|JsonValue"),
    ("py:.*", r"ptycho_(contracts|adapters)\..*"),
]

_LINK = re.compile(r"\[([^\]]*)\]\((?!https?:|#)([^)#]+)(#[^)]*)?\)")


def _from_docs(app: Sphinx, relative_path: Path, parent: str, source: list[str]) -> None:
    """The links of the README, which lies one folder above, as seen from here."""
    source[0] = _LINK.sub(_seen_from_docs, source[0])


def _seen_from_docs(link: re.Match[str]) -> str:
    """Pages and folders outside this one are no part of the site; other files can be downloaded."""
    text, target, anchor = link[1], link[2].rstrip("/"), link[3] or ""
    folder = (DOCS.parent / target).is_dir()
    if target.startswith("docs/"):
        return f"[{text}]({target.removeprefix('docs/')}{'/index.md' if folder else ''}{anchor})"
    return text if folder or target.endswith(".md") else f"[{text}](../{target})"


def _field_meanings(app: Sphinx, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """What the fields of a pydantic model say of themselves, which no docstring repeats."""
    if isinstance(value, type) and issubclass(value, BaseModel):
        lines += [
            f":param {field}: {info.description}" for field, info in value.model_fields.items() if info.description
        ]


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("include-read", _from_docs)
    app.connect("autodoc-process-docstring", _field_meanings)
