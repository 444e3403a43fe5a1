"""The page of one contract: conventions, what a file must hold, what is checked beyond that, and how to check it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ptycho_contracts.codes import all_codes
from ptycho_contracts.contract import AnyContract, ArrayContract, DocumentContract
from ptycho_contracts.declaration import INTEGER, Array, Attr, FileModel
from ptycho_contracts.engine_codes import DIMENSION_MISMATCH, NEGATIVE, NON_FINITE
from ptycho_contracts.listing import listing
from ptycho_contracts.migration import steps_of
from ptycho_contracts.reference_document import document_blocks
from ptycho_contracts.reference_example import least_example
from ptycho_contracts.reference_markdown import GENERATED, names, page, paragraphs, prose, table
from ptycho_contracts.rule import rules_for
from ptycho_contracts.schema import first_paragraph, named_dimensions
from ptycho_contracts.structure import EXPECTED

_VALUES = {"finite": (NON_FINITE, "finite"), "nonnegative": (NEGATIVE, "≥ 0")}


@dataclass(frozen=True)
class FormatNotes:
    """What is known of a format to those who convert it; contracts know nothing of codecs.

    Attributes:
        does: What `ptycho convert` does with it: `reads`, `writes`, or `reads and writes`.
        conventions: Frame, sign and FFT convention, with the tool and version that they were checked against.
        needs: What a source must hold or the command line must name to write it; empty where nothing.
    """

    does: str
    conventions: str
    needs: tuple[str, ...] = ()


def contract_page(contract: AnyContract, notes: FormatNotes | None = None) -> str:
    """The page as Markdown, with the conventions where the contract is a format that is converted."""
    head = [f"# {contract.id} {contract.version}", GENERATED, prose(_sentence(contract.summary))]
    if notes is not None:
        head += ["## Conventions", *_conventions(notes)]
    inside = document_blocks(contract) if isinstance(contract, DocumentContract) else _array_blocks(contract)
    return page(*head, *inside, *_versions(contract), *_commands(contract))


def _conventions(notes: FormatNotes) -> Iterator[str]:
    yield f"`ptycho convert` {notes.does} this format."
    yield from paragraphs(notes.conventions)
    if notes.needs:
        yield f"To write it, the source must hold, or the command line must name: {', '.join(notes.needs)}."


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _array_blocks(contract: ArrayContract) -> Iterator[str]:
    yield "## What your file must hold"
    for role in contract.files:
        yield from _file_blocks(contract, role)
    yield from _documents(contract)
    yield from _dimensions(contract)
    if not _in_memory(contract):
        yield "### An example"
        yield "What is required and nothing else, as `ptycho describe` prints it; sizes and values are examples."
        yield "```text\n" + "\n".join(listing(least_example(contract))) + "\n```"
    yield from _rules(contract)


def _in_memory(contract: ArrayContract) -> bool:
    return any(model.container == "dataset" for model in contract.files.values())


def _file_blocks(contract: ArrayContract, role: str) -> Iterator[str]:
    model = contract.files[role]
    name = contract.names.get(role) or (f"*{model.suffix}" if model.suffix else "")
    yield f"### File `{role}`" + (f" (`{name}`)" if name else "")
    missed = contract.optional_roles.get(role)
    yield f"{first_paragraph(model)} Container: {model.container}." + (f" Optional; {missed}." if missed else "")
    if model.arrays():
        rows = [_member_row(model, path, declared) for path, declared in model.arrays().items()]
        yield table(["member", "needed", "dtype", "dimensions", "holds"], rows)
    yield from (f"At least one of {names(group)} must be there." for group in model.one_of)
    if model.prefixes:
        yield f"For each of {names(model.prefixes)} some member's name must begin so."
    attributes = list(_attribute_rows(model))
    if attributes:
        yield table(["attribute of", "attribute", "needed", "value", "says"], attributes)


def _member_row(model: type[FileModel], path: str, declared: Array) -> list[str]:
    required = path in model.required_members()
    grouped = any(path in group for group in model.one_of)
    needed = "required" if required else "one of" if grouped else "advised" if declared.advised else "optional"
    holds = declared.meaning
    if declared.advised:
        holds += f" Advised: {declared.advised}."
    if declared.values:
        holds += f" Values: {', '.join(_VALUES[rule][1] for rule in declared.values)}."
    dims = " or ".join(f"({', '.join(form)})" if form else "scalar" for form in declared.alternatives)
    dims = dims.replace("*", " ≥ 0")
    return [f"`{path}`", needed, _dtypes(declared), dims, holds]


def _dtypes(declared: Array) -> str:
    """The element types; where every integer is allowed, in words."""
    allowed, integers = declared.allowed_dtypes, set(INTEGER.split("|"))
    if not integers <= set(allowed):
        return ", ".join(allowed)
    return ", ".join([*(name for name in allowed if name not in integers), "any integer of 8 to 64 bits"])


def _attribute_rows(model: type[FileModel]) -> Iterator[list[str]]:
    yield from (_attribute_row("the file", name, attr) for name, attr in model.root_attrs.items())
    for path, declared in model.arrays().items():
        yield from (_attribute_row(f"`{path}`", name, attr) for name, attr in declared.attrs.items())


def _attribute_row(where: str, name: str, attr: Attr) -> list[str]:
    needed = "required" if attr.required else "advised" if attr.advised else "optional"
    says = attr.meaning + (f". Advised: {attr.advised}" if attr.advised else "")
    return [where, f"`{name}`", needed, EXPECTED[attr.kind], _sentence(says)]


def _documents(contract: ArrayContract) -> Iterator[str]:
    for role, model in contract.documents.items():
        yield f"### Document `{role}` (`{contract.names[role]}`)"
        yield f"{first_paragraph(model)} Its fields are part of the JSON Schema."


def _dimensions(contract: ArrayContract) -> Iterator[str]:
    dimensions = named_dimensions(contract)
    if dimensions:
        yield "### Sizes that must agree"
        yield (
            "Equal names mean equal sizes, in all these places; a number is a fixed size. Plain JSON Schema cannot "
            f"say this; `ptycho validate` reports {_code_link(DIMENSION_MISMATCH.id)}."
        )
        yield table(["dimension", "where"], [[f"`{n}`", ", ".join(places)] for n, places in dimensions.items()])


def _rules(contract: ArrayContract) -> Iterator[str]:
    yield "## What is checked beyond the structure"
    arrays = [declared for model in contract.files.values() for declared in model.arrays().values()]
    demanded = dict.fromkeys(rule for declared in arrays for rule in declared.values)
    found = [("data", _VALUES[rule][0]) for rule in demanded]
    found += [(rule.depth, code) for rule in rules_for(contract) for code in rule.codes]
    rows = [[depth, _code_link(code.id), code.severity.value, code.title] for depth, code in found]
    yield table(["depth", "code", "severity", "finding"], rows) if rows else "Nothing."


def _code_link(code_id: str) -> str:
    return f"[{all_codes()[code_id].id}](../codes/{code_id}.md)"


def _versions(contract: AnyContract) -> Iterator[str]:
    """What each version changed, the present one first."""
    steps = steps_of(contract.id)
    if steps:
        yield "## Versions"
        rows = [[step.after, _sentence(step.says)] for step in reversed(steps)]
        yield table(["version", "what changed"], [*rows, [steps[0].before, "The first."]])
        if isinstance(contract, DocumentContract):
            yield "`ptycho migrate FILE` writes a document of an earlier version as one of the present."
        else:
            yield "A file of an earlier version is one of the present as it is."


def _commands(contract: AnyContract) -> Iterator[str]:
    yield "## How to check"
    if isinstance(contract, ArrayContract) and _in_memory(contract):
        yield "A scan lives in memory; the adapters that make one keep to this page."
        return
    depth = " --depth data" if isinstance(contract, ArrayContract) else ""
    commands = [f"ptycho validate PATH --contract {contract.id}{depth}"]
    judge = _any_validator(contract)
    if judge:
        commands += [f"ptycho schema show {contract.id} > schema.json", judge]
    yield "\n".join(["```sh", *commands, "```"])
    if judge:
        yield "The last asks any validator of JSON Schemas, here `check-jsonschema`, about the structure alone."


def _any_validator(contract: AnyContract) -> str | None:
    """How a file is judged without us; None for a pickle, which no such validator reads."""
    if isinstance(contract, ArrayContract):
        return "ptycho describe PATH --format json | check-jsonschema --schemafile schema.json -"
    return "check-jsonschema --schemafile schema.json PATH" if contract.role in ("json", "yaml") else None
