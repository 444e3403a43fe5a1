"""The generated page `docs/backend-contract.md`: every promise with its fact, from the declarations."""

from __future__ import annotations

from collections.abc import Iterator

from ptycho_contracts.reference_markdown import page, prose, table
from ptycho_runners.conformance.promise import Promise
from ptycho_runners.conformance.promises import by_group
from ptycho_runners.ptychovit.inspect import INTERFACE, STOOD_IN_FOR, USED_BY_THE_BRIDGE, shown_name

_GENERATED = (
    "<!-- Generated from the promises in `ptycho_runners.conformance` by `docs/generate.py`; "
    "edit those, not this page. -->"
)
_INTRO = """What our runner relies on when it drives a flat PtychoViT checkout (February 2026; PtychoPINN pins commit
`2316b378`). The bundled reference checkout keeps every line; `ptycho ptychovit conformance CHECKOUT --python PYTHON`
says which of them another checkout keeps. Each line is tested on its own: where one fails, those that cannot be tested
any more are *not tested*, with the reason, and get no verdict.

The set that is tested with is generated from a seed: three pairs with 256-pixel patterns, made so that every usual
mistake changes a number. The model is that of the checkout's `config.yaml`, small (`encoder.depth`,
`encoder.embed_dim`, `decoder.base_channels`) unless `--full-model` is given. Nothing in the suite knows a layer of any
checkout; it reads files, items and predictions."""
_NAMES = """These are found by name, and `ptycho ptychovit inspect CHECKOUT` looks for them without running anything.
What is not there ends a run before anything is trained (PTY504)."""
_SEEN = {"run": "seen by running that code", "read": "read in that code"}


def backend_page() -> str:
    """The page as Markdown."""
    return page("# The backend contract", _GENERATED, _INTRO, *_names(), *_promises())


def _names() -> Iterator[str]:
    yield "## Names that the bridge relies on"
    yield _NAMES
    rows = [[f"`{each[0]}`", f"`{shown_name(*each)}`"] for each in INTERFACE]
    yield table(["file", "name"], [["`main.py`", "run unmodified, as `__main__`"], *rows])
    needed, absent = (", ".join(f"`{name}`" for name in names) for names in (USED_BY_THE_BRIDGE, STOOD_IN_FOR))
    yield f"Its interpreter needs {needed} for the bridge, and what the checkout imports; {absent} it may lack."


def _promises() -> Iterator[str]:
    for group, promises in by_group():
        yield f"## {group.capitalize()}"
        for promise in promises:
            yield from _promise(promise)


def _promise(promise: Promise) -> Iterator[str]:
    yield f"### {promise.id}"
    yield f"**{prose(promise.sentence)}**"
    yield prose(f"{promise.fact} ({_SEEN[promise.seen].capitalize()}.)")
    after = f" Tested after {', '.join(f'[{name}](#{name})' for name in promise.after)}." if promise.after else ""
    yield prose(f"Test: {promise.test}") + after
