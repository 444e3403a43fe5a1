"""Everything that others may rely on, one line each: a change of it shows as a change of `public_api.txt`."""

from __future__ import annotations

import enum
import importlib
import inspect
from collections.abc import Iterator
from typing import Any

import typer
from api_page import MODULES

from ptycho_adapters.codec import own_codecs
from ptycho_contracts.codes import all_codes
from ptycho_contracts.contract import own_contracts
from ptycho_contracts.plugins import GROUPS
from ptycho_runners.cli import app

_FIXTURES = ("ptycho_valid", "ptycho_file", "ptycho_broken_file")


def public_api() -> str:
    """The text of `public_api.txt`."""
    sections = {
        "Python": _python(),
        "Commands": _commands(typer.main.get_command(app), "ptycho"),
        "Contracts": (f"{contract.id} {contract.version}" for contract in own_contracts().values()),
        "Formats": _formats(),
        "Codes": (f"{code.id} {code.severity}" for code in all_codes().values()),
        "Entry point groups": GROUPS,
        "pytest fixtures": _FIXTURES,
    }
    blocks = ("\n".join([f"[{title}]", *lines]) for title, lines in sections.items())
    return "What docs/stability.md promises; written by docs/generate.py.\n\n" + "\n\n".join(blocks) + "\n"


def _python() -> Iterator[str]:
    for name in MODULES:
        module = importlib.import_module(name)
        for public in sorted(module.__all__):
            yield f"{name}.{public}{_form(getattr(module, public))}"


def _form(value: Any) -> str:
    """How it is called; of an enumeration its members; of anything else nothing."""
    if isinstance(value, enum.EnumType):
        return " = " + " | ".join(value.__members__)
    if not inspect.isroutine(value) and (not isinstance(value, type) or issubclass(value, Exception)):
        return ""
    return f"({', '.join(_parameters(inspect.signature(value)))})"


def _parameters(signature: inspect.Signature) -> Iterator[str]:
    named_only = False
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not named_only:
            named_only = True
            yield "*"
        yield parameter.name if parameter.default is parameter.empty else f"{parameter.name}=…"


def _commands(command: Any, called: str) -> Iterator[str]:
    """Every command below a group, with its arguments and options; typer brings a click of its own, without types."""
    if hasattr(command, "commands"):
        for name in sorted(command.commands):
            yield from _commands(command.commands[name], f"{called} {name}")
        return
    arguments = [each.name.upper() for each in command.params if each.param_type_name == "argument"]
    options = [max(each.opts, key=len) for each in command.params if each.param_type_name == "option"]
    yield " ".join([called, *arguments, *sorted(options)])


def _formats() -> Iterator[str]:
    for codec in sorted(own_codecs().values(), key=lambda codec: codec.id):
        abilities = [name for name, function in (("read", codec.read), ("write", codec.write)) if function is not None]
        yield f"{codec.id} {' '.join(abilities)}"
