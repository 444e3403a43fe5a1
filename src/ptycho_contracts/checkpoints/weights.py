"""What a state dict (`best_model.pth`, `checkpoint_model.pth`) says in its headers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ptycho_contracts.codes import Severity
from ptycho_contracts.contracts.ptychovit_checkpoint import WeightsFile
from ptycho_contracts.description import FileInfo, MemberInfo
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.run_codes import MODULE_PREFIX
from ptycho_contracts.sources.base import SourceError
from ptycho_contracts.sources.torch_zip import TorchSource
from ptycho_contracts.structure import check_file, unwrapped

Head = Literal["conv2d", "linear"]

_BUFFERS = frozenset({"running_mean", "running_var", "num_batches_tracked"})
_NO_TENSOR = frozenset({"str", "bytes", "none", "object"})
_HEADS: dict[int, Head] = {4: "conv2d", 2: "linear"}
_BLOCK = re.compile(r"encoder\.blocks\.(\d+)\.")


@dataclass(frozen=True)
class Tensor:
    """One tensor's header: torch's name of the dtype ("float32"), and its shape."""

    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class WeightsFacts:
    """A model's tensors by name; everything else follows from them.

    Attributes:
        path: The file.
        tensors: In the file's order, by names without `module.`.
        prefixed: Whether every name began with `module.`, as those of a model wrapped for several GPUs do.
    """

    path: Path
    tensors: Mapping[str, Tensor]
    prefixed: bool

    @property
    def buffers(self) -> frozenset[str]:
        """Names of what batch norm counts and no optimizer trains."""
        return frozenset(name for name in self.tensors if name.rpartition(".")[2] in _BUFFERS)

    @property
    def parameters(self) -> int:
        """Number of tensors that are not buffers."""
        return len(self.tensors) - len(self.buffers)

    @property
    def norm_parameters(self) -> tuple[str, ...]:
        """Names of the output's scales and offsets, which belong to no component.

        `log_scale_amp` and `log_scale_ph` in the flat generation, `amp_scale`, `ph_scale` and `amp_offset` later.
        """
        return tuple(name for name in self.tensors if "." not in name)

    @property
    def head(self) -> Head | None:
        """What the amplitude decoder ends with; None where it is neither, or not there."""
        output = self.tensors.get("amp_decoder.output.weight")
        return None if output is None else _HEADS.get(len(output.shape))

    @property
    def depth(self) -> int | None:
        """Number of encoder blocks; None where there are none, or their numbers leave one out."""
        blocks = {int(match[1]) for name in self.tensors if (match := _BLOCK.match(name))}
        return len(blocks) if blocks and max(blocks) == len(blocks) - 1 else None


def read_weights(path: Path, role: str = "pth") -> WeightsFacts:
    """The facts of a state dict, wrapped or not; reads headers only.

    Raises:
        SourceError: absent, damaged, hostile, or no state dict of a PtychoViT; with every finding.
    """
    with TorchSource(path, role) as source:
        info = source.describe()
    errors = [f for f in check_file(role, WeightsFile, info) if f.severity is Severity.ERROR]
    if errors:
        raise SourceError(*errors)
    return weights_facts(path, info)


def weights_facts(path: Path, info: FileInfo) -> WeightsFacts:
    """The facts of a described state dict."""
    held = {name: member for name, member in info.members.items() if _is_tensor(member)}
    names = unwrapped(WeightsFile, held)
    tensors = {name: Tensor(m.dtype, m.shape) for name, m in zip(names, held.values(), strict=True)}
    return WeightsFacts(path, tensors, prefixed=list(held) != names)


def prefix_findings(weights: WeightsFacts, location: str = "pth:/") -> list[Finding]:
    """MODULE_PREFIX where the model was saved with its wrapper."""
    if not weights.prefixed:
        return []
    first = f"{WeightsFile.wrapper}{next(iter(weights.tensors))}"
    return [
        finding(
            MODULE_PREFIX,
            f"{location}{first}",
            f"every name in {weights.path.name} begins with {WeightsFile.wrapper}",
            expected=first.removeprefix(WeightsFile.wrapper),
            found=first,
        )
    ]


def _is_tensor(member: MemberInfo) -> bool:
    """Whether a member is a tensor: numbers and texts of Python have their value in the header."""
    return member.dtype not in _NO_TENSOR and member.value is None
