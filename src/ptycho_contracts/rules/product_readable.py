"""What the reader of a Ptychodus product needs beyond the presence of members (Ptychodus 1.7.0)."""

from __future__ import annotations

from collections.abc import Iterator

from ptycho_contracts import engine_codes as codes
from ptycho_contracts.artifact import Artifact
from ptycho_contracts.contracts.ptychodus_product import ENERGY_NAMES, ProductFile
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.rule import rule


@rule(codes.ATTRIBUTE_MISSING, on={"product": ProductFile}, needs=(), depth="header")
def product_energy(artifact: Artifact) -> Iterator[Finding]:
    """The photon energy is there under neither of its names."""
    if all(artifact.root_attribute("product", name) is None for name in ENERGY_NAMES):
        yield finding(
            codes.ATTRIBUTE_MISSING,
            f"product:/@{ENERGY_NAMES[0]}",
            "the photon energy is missing: every version of Ptychodus stops here",
            expected=" or ".join(ENERGY_NAMES),
            found="neither attribute",
        )


@rule(
    codes.DIMENSION_MISMATCH,
    on={"product": ProductFile},
    needs=("product:/object", "product:/object_layer_spacing_m"),
    depth="header",
)
def product_layers(artifact: Artifact) -> Iterator[Finding]:
    """There is one distance fewer than layers."""
    stored, spacing = artifact.member("product:/object"), artifact.member("product:/object_layer_spacing_m")
    assert stored is not None  # both are among the needs
    assert spacing is not None
    layers = stored.shape[0] if len(stored.shape) == 3 else 1
    if spacing.shape[0] != layers - 1:
        yield finding(
            codes.DIMENSION_MISMATCH,
            "product:/object_layer_spacing_m",
            f"an object of {layers} layers has {spacing.shape[0]} distances between them",
            expected=f"{layers - 1} distances; Ptychodus refuses any other number",
            found=f"{spacing.shape[0]}",
        )
