"""What the comparisons measured, as values that go into reports and manifests as they are."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

# A reading stands if nothing contradicts it and at least this share of patterns speaks surely for it.
PROVEN_SHARE = 0.5


class SampleEvidence(BaseModel):
    """How a reading fared on the sample.

    `agree`, `contradict`, `undecided` count patterns against rivals at least a pixel away. `behind_best_t` says
    how consistently, over the sampled patterns, the best reading explains more (0 for the best itself): what
    separates readings that differ by a fraction of a pixel. `mean_pattern_residual`, of the best only, compares the
    mean patterns: near 1 where the patterns are of another experiment, or lie elsewhere on the detector.
    """

    model_config = ConfigDict(frozen=True)

    reading: str
    changes: tuple[str, ...]
    sampled: int
    agree: int
    contradict: int
    undecided: int
    median_residual: float
    median_best_rival_residual: float
    mean_residual: float
    behind_best_t: float
    mean_pattern_residual: float | None = None


class Confirmation(BaseModel):
    """How the patterns fared against their places under one reading.

    `agree`: the own place explains the pattern surely better than every rival. `contradict`: a rival does.
    `undecided`: neither. `margin` is the ratio of the best rival's residual to the own (min and median). `outliers`
    are the patterns that their own place explains least, as far as that is less than usual.
    """

    model_config = ConfigDict(frozen=True)

    reading: str
    patterns: int
    agree: int
    contradict: int
    undecided: int
    median_residual: float
    min_margin: float
    median_margin: float
    min_z: float
    first_contradictions: tuple[int, ...] = ()
    outliers: tuple[int, ...] = ()

    @property
    def proven(self) -> bool:
        """Nothing contradicts, and enough speaks for it."""
        return self.contradict == 0 and self.agree >= PROVEN_SHARE * self.patterns


class Evidence(BaseModel):
    """What was compared and what came out; goes into reports and manifests as it is.

    `shift_px` is a shift (y, x) of all positions under which the chosen reading explains the sample surely better.
    """

    model_config = ConfigDict(frozen=True)

    verdict: str
    chosen: str | None
    pixels: int
    readings: tuple[SampleEvidence, ...]
    shift_px: tuple[float, float] | None = None
    confirmed: Confirmation | None = None


class Match(BaseModel):
    """Every pattern assigned to the place that explains it best."""

    model_config = ConfigDict(frozen=True)

    patterns: int
    sure: int
    one_to_one: bool
    unused_places: int
    median_residual: float
    min_margin: float
    min_z: float

    @property
    def accepted(self) -> bool:
        """One-to-one, and every assignment sure."""
        return self.one_to_one and self.sure == self.patterns
