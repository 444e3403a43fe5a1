"""What a codec is, and the registry that finds one by contract id; one file in `formats/` for each."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from ptycho_contracts.finding import Finding
from ptycho_contracts.plugins import Plugin, contributed, load_plugins, one_or_many
from ptycho_contracts.sources.base import Source

if TYPE_CHECKING:
    import xarray as xr

Order = Literal["auto", "match", "as-stored"]
ORDERS: tuple[Order, ...] = ("auto", "match", "as-stored")
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ReadOptions:
    """What a caller can say of a source that the source does not say itself.

    Attributes:
        order: `auto` establishes by evidence how the file is to be read and refuses what fits nothing; `match`
            assigns every pattern to the place that explains it; `as-stored` trusts the file.
        frame: Named origin of a pair's positions, where the file names none.
        values: Whether patterns are amplitudes or intensities, where the file leaves it open.
        pixel_size_m: Object pixel, where the file does not know it.
        energy_eV: Photon energy, likewise.
        distance_m: Detector distance, likewise.
        propagation: Whether patterns are of the far or of the near field, where the geometry fits both.
        progress: Called with (what is done, done, all).
    """

    order: Order = "auto"
    frame: str | None = None
    values: Literal["amplitude", "intensity"] | None = None
    pixel_size_m: float | None = None
    energy_eV: float | None = None  # noqa: N815 - the unit's own spelling
    distance_m: float | None = None
    propagation: Literal["far-field", "near-field"] | None = None
    progress: Progress | None = None

    def physical(self) -> dict[str, float | None]:
        """Root attributes of a Scan from what the caller knows."""
        return {
            "pixel_size_y_m": self.pixel_size_m,
            "pixel_size_x_m": self.pixel_size_m,
            "photon_energy_eV": self.energy_eV,
            "detector_object_distance_m": self.distance_m,
        }

    def step(self, what: str) -> Callable[[int, int], None] | None:
        """The progress of one named activity: called with (done, all)."""
        progress = self.progress
        return None if progress is None else lambda done, count: progress(what, done, count)


@dataclass
class Loaded:
    """Scans read from one source, open until closed.

    Attributes:
        scans: One for each object.
        dropped: What the source holds and a Scan cannot carry, in words.
        decisions: How each open question about the source was decided, with its evidence; JSON-serialisable.
    """

    scans: list[xr.Dataset]
    dropped: list[str]
    decisions: dict[str, Any]
    sources: list[Source] = field(default_factory=list)

    def close(self) -> None:
        """Close the files; lazy patterns cannot be read afterwards."""
        for source in self.sources:
            source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True)
class Written:
    """Files written for one Scan.

    Attributes:
        files: By role.
        dropped: What the Scan holds and the format cannot, in words.
        facts: Figures that the writing produced (total and maximum intensity, the probe's factor).
    """

    files: Mapping[str, Path]
    dropped: list[str]
    facts: Mapping[str, Any]


# Of a file that is read by evidence, and proven to be mistaken.
FIX_OR_TRUST = (
    "`ptycho fix FILE FOLDER` undoes in a copy what is proven; `--order as-stored` takes the file as it is, unverified."
)


class OptionError(ValueError):
    """An option that is none, or that the source's format has no use for; ignoring it would mislead."""


class ConversionError(Exception):
    """A source cannot be converted; `findings` say why and name the way out."""

    def __init__(self, *findings: Finding) -> None:
        self.findings = findings
        super().__init__("; ".join(f.message for f in findings))


@dataclass(frozen=True)
class Codec:
    """How one format is read and written.

    Attributes:
        id: The contract's id.
        read: Path and options to open scans.
        write: A Scan to files in a folder under a name; reports (done, all) patterns.
        targets: The files that `write` makes for (folder, name).
        takes: Which of the options `match`, `frame`, `values` and `propagation` mean something to its sources.
        needs: What `write` cannot do without: parts (`patterns`, `positions`, `probe`, `object`), quantities
            (`pixel_size_m`, `energy_eV`, `distance_m`), and `far-field` where the format stands for such patterns.
    """

    id: str
    read: Callable[[Path, ReadOptions], Loaded] | None
    write: Callable[[xr.Dataset, Path, str, Callable[[int, int], None] | None], Written] | None
    targets: Callable[[Path, str], dict[str, Path]]
    takes: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()


@cache
def all_codecs() -> dict[str, Codec]:
    """Every codec by contract id: our own, and those of plug-ins."""
    return own_codecs() | contributed(codec_plugins())


@cache
def codec_plugins() -> tuple[Plugin[Codec], ...]:
    """Codecs of other packages: an entry point of this group names one codec, or a tuple of them."""
    return load_plugins("ptycho_adapters.formats", lambda found: _by_id(one_or_many(found, Codec)), own_codecs())


def _by_id(codecs: Iterable[Codec]) -> Iterator[tuple[str, Codec]]:
    return ((codec.id, codec) for codec in codecs)


@cache
def own_codecs() -> dict[str, Codec]:
    """The codecs of this package by contract id; a module of `formats/` declares its own as `CODEC`."""
    from ptycho_adapters import formats  # noqa: PLC0415

    modules = (
        importlib.import_module(f"{formats.__name__}.{info.name}") for info in pkgutil.iter_modules(formats.__path__)
    )
    return {module.CODEC.id: module.CODEC for module in modules if hasattr(module, "CODEC")}
