"""The least file that fulfils a contract, as headers: what is required and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from ptycho_contracts.contract import ArrayContract
from ptycho_contracts.declaration import Array, Attr, FileModel
from ptycho_contracts.description import AttributeInfo, Description, FileInfo, MemberInfo

# Sizes that a reader has seen before; any other dimension gets the next of the small ones.
_SIZES = {"scan": 1000, "mode": 3, "opr": 1, "layer": 1, "object_y": 800, "object_x": 900, "N": 256}
_DETECTOR = 256
_SMALL = (2, 4, 5, 6, 7, 9, 10, 11, 12)
_TYPES = ("complex64", "float32", "int64")
# By what a name holds; the first that fits.
_VALUES = {"distance": 2.0, "center": 0.0, "pixel": 1e-08, "_ev": 8000.0}


def least_example(contract: ArrayContract) -> Description:
    """A description of the smallest kind; of several forms it has the first, of several types a usual one."""
    sizes = _sizes(contract)
    roles = (role for role in contract.files if role not in contract.optional_roles)
    return Description(files={role: _file(contract, role, sizes) for role in roles})


def _sizes(contract: ArrayContract) -> dict[str, int]:
    forms = [form for model in contract.files.values() for a in model.arrays().values() for form in a.alternatives]
    names = dict.fromkeys(name.rstrip("*") for form in forms for name in form if not name.isdigit())
    small = iter(_SMALL)
    return {name: _size(name) or next(small, 13) for name in names}


def _size(name: str) -> int | None:
    return _DETECTOR if name.startswith(("detector_", "patch_")) else _SIZES.get(name)


def _file(contract: ArrayContract, role: str, sizes: Mapping[str, int]) -> FileInfo:
    model = contract.files[role]
    wanted = [*model.required_members(), *(group[0] for group in model.one_of)]
    members = {path: _member(model.arrays()[path], sizes) for path in wanted}
    members |= {f"{prefix}weight": MemberInfo(dtype="float32", shape=(2,)) for prefix in model.prefixes}
    path = contract.names.get(role) or (f"scan{model.suffix}" if model.suffix else _name(model))
    return FileInfo(container=model.container, path=path, attributes=_attributes(model.root_attrs), members=members)


def _name(model: type[FileModel]) -> str:
    return {"npz": "file.npz", "hdf5": "file.hdf5", "torch-zip": "file.pth", "dataset": "in memory"}[model.container]


def _member(declared: Array, sizes: Mapping[str, int]) -> MemberInfo:
    shape = tuple(int(name) if name.isdigit() else sizes[name.rstrip("*")] for name in declared.alternatives[0])
    dtype = next((name for name in _TYPES if name in declared.allowed_dtypes), declared.allowed_dtypes[0])
    return MemberInfo(dtype=dtype, shape=shape, attributes=_attributes(declared.attrs))


def _attributes(attrs: Mapping[str, Attr]) -> dict[str, AttributeInfo]:
    return {name: _attribute(name, attr) for name, attr in attrs.items() if attr.required}


def _attribute(name: str, attr: Attr) -> AttributeInfo:
    if attr.kind == "text":
        return AttributeInfo(dtype="str", shape=(), value="text")
    if attr.kind == "flag":
        return AttributeInfo(dtype="bool", shape=(), value=True)
    value = next((typical for part, typical in _VALUES.items() if part in name.lower()), 1.0)
    return AttributeInfo(dtype="float64", shape=(), value=value)
