"""The arm `precomputed`: a `recon.npz` made elsewhere, brought into the study's frame."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, cast

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from ptycho_adapters.recon import read_recon, write_recon
from ptycho_contracts.contracts.run_manifest import Decision
from ptycho_contracts.finding import finding
from ptycho_contracts.run_codes import BAD_OPTION
from ptycho_runners.arms.base import ArmRequest, ArmResult
from ptycho_runners.errors import RunError


class PrecomputedOptions(BaseModel):
    """Which file, and where it lies on the object."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recon: Path = Field(description="recon.npz; relative to the study file")
    origin_px: tuple[float, float] | None = Field(
        default=None,
        description="(y, x) of its element [0, 0] in object pixels, where the file does not say; "
        "null: it is registered against the truth, and the shift is recorded",
    )


class Precomputed:
    """Takes a finished reconstruction."""

    kind: ClassVar[str] = "precomputed"
    options: ClassVar[type[BaseModel]] = PrecomputedOptions

    def plan(self, request: ArmRequest) -> list[Decision]:
        """Where the reconstruction and its origin come from."""
        options, path = _options(request)
        if not path.is_file():
            raise RunError(finding(BAD_OPTION, "yaml:/options/recon", f"{path} does not exist"))
        said: list[JsonValue] | None = list(options.origin_px) if options.origin_px else None
        return [
            Decision(about="recon", choice=str(path), reason="made elsewhere; nothing is run"),
            Decision(
                about="origin_px",
                choice=said,
                reason="given in the study"
                if said
                else "not given: that of the file, or registration against the truth where it has none",
            ),
        ]

    def run(self, request: ArmRequest) -> ArmResult:
        """Copy it under the study, with the origin that is known."""
        options, path = _options(request)
        decisions = self.plan(request)
        recon = read_recon(path)
        target = request.folders.recon / "recon.npz"
        origin = options.origin_px or recon.origin_px
        write_recon(target, recon.field, recon.occupancy, origin, recon.gauge)
        return ArmResult(target, decisions)


def _options(request: ArmRequest) -> tuple[PrecomputedOptions, Path]:
    options = cast(PrecomputedOptions, request.options)
    return options, request.base / options.recon
