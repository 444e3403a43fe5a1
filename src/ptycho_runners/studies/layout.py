"""Where everything of a study lies; the names are those that the workflow defines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ptycho_runners.arms.base import ArmFolders


@dataclass(frozen=True)
class Layout:
    """Paths below the output folder of a study."""

    root: Path

    @property
    def datasets(self) -> Path:
        """Folder of simulated splits."""
        return self.root / "datasets"

    @property
    def metrics(self) -> Path:
        """Metrics of every selected arm."""
        return self.root / "metrics_by_model.json"

    @property
    def manifest(self) -> Path:
        """What the study did."""
        return self.root / "study_manifest.json"

    @property
    def truth(self) -> Path:
        """Ground truth as a reconstruction."""
        return self.recon("gt")

    @property
    def comparison(self) -> Path:
        """Picture of all arms beside the truth."""
        return self.root / "visuals" / "compare_amp_phase.png"

    def recon(self, arm: str) -> Path:
        """The reconstruction of an arm."""
        return self.root / "recons" / arm / "recon.npz"

    def arm_manifest(self, arm: str) -> Path:
        """What an arm did; also says that its reconstruction is finished."""
        return self.root / "recons" / arm / "manifest.json"

    def picture(self, arm: str) -> Path:
        """Picture of one arm."""
        return self.root / "visuals" / f"amp_phase_{arm}.png"

    def folders(self, arm: str) -> ArmFolders:
        """Where an arm works."""
        return ArmFolders(self.root / "interop" / arm, self.root / "runs" / arm, self.root / "recons" / arm)
