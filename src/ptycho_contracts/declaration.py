"""How a contract is declared: a pydantic model whose fields are unread arrays.

```python
class ParaFile(FileModel):
    probe: Annotated[ArrayRef, Array(COMPLEX, "opr mode patch_y patch_x", attrs={"pixel_width_m": POSITIVE})]
```

Everything else follows from that one declaration: the header check and the JSON Schema (both through the core
schema that `Array` builds), the named dimensions that the engine solves across members and files, the values
that the streaming pass checks, the Hypothesis strategy, and the reference page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic.fields import FieldInfo
from pydantic_core import core_schema as cs

COMPLEX = "complex64|complex128"
FLOAT = "float32|float64"
INTEGER = "int8|int16|int32|int64|uint8|uint16|uint32|uint64"
REAL = f"{FLOAT}|float16|{INTEGER}"

AttrKind = Literal["positive", "number", "text", "flag"]
ValueRule = Literal["finite", "nonnegative"]


@dataclass(frozen=True)
class Attr:
    """What an attribute must be.

    Attributes:
        kind: `positive` and `number` are one finite number (a scalar, or an array of one), `text` is a string,
            `flag` is true or false.
        meaning: What the attribute says, with its unit; for the reference page.
        advised: Where set, the attribute may be absent, and this says who misses it (a WARNING, not an ERROR).
    """

    kind: AttrKind
    meaning: str
    advised: str | None = None
    optional: bool = False

    @property
    def required(self) -> bool:
        """Whether its absence is an error."""
        return self.advised is None and not self.optional


@dataclass(frozen=True)
class Array:
    """What one array must be: element types, named dimensions, attributes, values.

    Attributes:
        dtypes: Allowed numpy names, separated by `|`.
        dims: One or more alternatives such as "scan detector_y detector_x". Equal names mean equal sizes, in
            this member, in others, and in the other files of the artifact. A number is a fixed size. A name
            ending in `*` may have size 0; all others are at least 1.
        meaning: What the array holds, with unit and convention; for the reference page.
        attrs: Attributes of the dataset.
        values: What the streaming pass of depth `data` demands of the numbers.
        advised: Where set, the member may be absent, and this says who misses it (a WARNING).
    """

    dtypes: str
    dims: str | tuple[str, ...]
    meaning: str = ""
    attrs: Mapping[str, Attr] = field(default_factory=dict)
    values: tuple[ValueRule, ...] = ()
    advised: str | None = None

    @property
    def allowed_dtypes(self) -> tuple[str, ...]:
        """The element types, in the order they were named."""
        return tuple(dict.fromkeys(self.dtypes.split("|")))

    @property
    def alternatives(self) -> tuple[tuple[str, ...], ...]:
        """The dimension names of each allowed form."""
        forms = (self.dims,) if isinstance(self.dims, str) else self.dims
        return tuple(tuple(form.split()) for form in forms)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> cs.CoreSchema:
        """The header check of this member; the JSON Schema is generated from the same value."""
        described = cs.typed_dict_schema(
            {
                "dtype": cs.typed_dict_field(cs.literal_schema(list(self.allowed_dtypes))),
                "shape": cs.typed_dict_field(_shapes(self.alternatives)),
                "attributes": cs.typed_dict_field(attributes_schema(self.attrs), required=bool(_required(self.attrs))),
            },
            extra_behavior="ignore",
        )
        return cs.no_info_after_validator_function(ArrayRef.from_description, described)


def _required(attrs: Mapping[str, Attr]) -> list[str]:
    return [name for name, attr in attrs.items() if attr.required]


def _shapes(alternatives: tuple[tuple[str, ...], ...]) -> cs.CoreSchema:
    forms = [cs.tuple_schema([_size(name) for name in form]) for form in alternatives]
    return forms[0] if len(forms) == 1 else cs.union_schema(list(forms), mode="left_to_right")


def _size(name: str) -> cs.CoreSchema:
    if name.isdigit():
        return cs.literal_schema([int(name)])
    return cs.int_schema(ge=0 if name.endswith("*") else 1, strict=True)


def attributes_schema(attrs: Mapping[str, Attr]) -> cs.CoreSchema:
    """The check of an object's attributes; attributes that are not declared are not looked at."""
    fields = {
        name: cs.typed_dict_field(
            cs.typed_dict_schema({"value": cs.typed_dict_field(_value(attr))}, extra_behavior="ignore"),
            required=attr.required,
        )
        for name, attr in attrs.items()
    }
    return cs.typed_dict_schema(fields, extra_behavior="ignore")


def _value(attr: Attr) -> cs.CoreSchema:
    if attr.kind == "text":
        return cs.str_schema(strict=True)
    if attr.kind == "flag":
        return cs.bool_schema(strict=True)
    number = cs.float_schema(strict=True, allow_inf_nan=False, gt=0 if attr.kind == "positive" else None)
    return cs.union_schema([number, cs.list_schema(number, min_length=1, max_length=1, strict=True)])


class ArrayRef(BaseModel):
    """An array that was described and not read."""

    model_config = ConfigDict(frozen=True)

    dtype: str
    shape: tuple[int, ...]
    attributes: dict[str, Any] = {}

    @classmethod
    def from_description(cls, described: Mapping[str, Any]) -> ArrayRef:
        """From the dictionary that a member of a `Description` dumps to."""
        attributes = {name: a["value"] for name, a in described.get("attributes", {}).items()}
        return cls(dtype=described["dtype"], shape=tuple(described["shape"]), attributes=attributes)


class FileModel(BaseModel):
    """One file of a contract: its members are fields, its rules of presence are class variables.

    Class variables:
        container: The container this file lives in.
        suffix: The ending of its name where a partner is found by name (`_dp.hdf5`).
        root_attrs: Attributes of the file itself.
        one_of: Groups of members of which at least one must be there.
        prefixes: Beginnings of member paths, each of which some member must have (the components of a model).
        wrapper: A prefix that every member may have in addition; that it is there is a finding of its own.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", arbitrary_types_allowed=True)

    container: ClassVar[Literal["npz", "hdf5", "torch-zip", "dataset"]]
    suffix: ClassVar[str | None] = None
    root_attrs: ClassVar[Mapping[str, Attr]] = {}
    one_of: ClassVar[tuple[tuple[str, ...], ...]] = ()
    prefixes: ClassVar[tuple[str, ...]] = ()
    wrapper: ClassVar[str] = ""

    @classmethod
    @cache
    def arrays(cls) -> dict[str, Array]:
        """The declaration of every member, by its path in the file (the field's alias, or its name)."""
        return {(info.alias or name): _declared(info) for name, info in cls.model_fields.items()}

    @classmethod
    @cache
    def required_members(cls) -> tuple[str, ...]:
        """Paths of the members that must be there."""
        return tuple((info.alias or name) for name, info in cls.model_fields.items() if info.is_required())

    @classmethod
    def required_root_attributes(cls) -> tuple[str, ...]:
        """Names of the attributes that the file itself must have."""
        return tuple(name for name, attr in cls.root_attrs.items() if attr.required)


def _declared(info: FieldInfo) -> Array:
    for item in info.metadata:
        if isinstance(item, Array):
            return item
    raise TypeError("every field of a FileModel is Annotated[ArrayRef, Array(...)]")
