"""What a diagnosis says, as values that go into reports as they are."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ptycho_contracts.physics.diagnosis.changes import Change

Verdict = Literal["as stated", "mistaken", "cannot tell", "unexplained"]
Method = Literal["forward model", "overlap"]


class Candidate(BaseModel):
    """One reading of the file that was tried to the end.

    `agree`, `contradict` count sampled patterns that their own place explains surely better, or worse, than every
    other place of the scan. `behind_best_t` says in standard deviations how much less it explains than the best.
    """

    model_config = ConfigDict(frozen=True)

    changes: tuple[str, ...] = Field(description="slugs of the mistakes, () for the file as it states itself")
    meaning: str = Field(description="the same in words")
    mean_residual: float = Field(description="mean share of a pattern's energy that is left unexplained")
    behind_best_t: float
    agree: int
    contradict: int
    sampled: int


class Diagnosis(BaseModel):
    """Which conventions explain the patterns of a file.

    `ranked` lists the best candidate first. Verdict `mistaken` names the changes of `ranked[0]`; `cannot tell` and
    `unexplained` commit to nothing, whatever is ranked.
    """

    model_config = ConfigDict(frozen=True)

    verdict: Verdict
    method: Method
    ranked: tuple[Candidate, ...] = ()
    undecided: tuple[str, ...] = Field(default=(), description="in words, what the data leave open and why")
    notes: tuple[str, ...] = Field(default=(), description="in words, what of the file was left out of the judgement")
    patterns: int = Field(default=0, description="patterns in the file")
    repair: str | None = Field(default=None, description="the command that repairs the file, where there is one")

    @property
    def changes(self) -> tuple[Change, ...] | None:
        """The mistakes that the verdict names; None where it commits to nothing."""
        if self.verdict == "as stated":
            return ()
        return tuple(map(Change.parse, self.ranked[0].changes)) if self.verdict == "mistaken" else None
