"""Whether the loss history that a training left is whole: an entry for every epoch, no gap and no repeat."""

from __future__ import annotations

from collections.abc import Iterator

from ptycho_contracts.checkpoints.architecture import state_findings
from ptycho_contracts.checkpoints.state import read_state
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.run_codes import STATE_CONTRADICTS
from ptycho_contracts.sources.base import SourceError
from ptycho_runners.ptychovit.config import planned_epochs
from ptycho_runners.ptychovit.found import STATE
from ptycho_runners.ptychovit.plan import Plan


def history_findings(plan: Plan) -> Iterator[Finding]:
    """What is wrong with `checkpoint.state` after a training; nothing for an inference, or where it is missing."""
    path = plan.run_dir / STATE
    if plan.config is None or not path.is_file():
        return
    try:
        state = read_state(path)
    except SourceError as error:
        yield from error.findings
        return
    yield from state_findings(state, None)
    epochs = planned_epochs(plan.config)
    if state.current_epoch != epochs:
        message = f"{epochs} epochs were asked for, and {state.current_epoch} are in the history"
        yield finding(
            STATE_CONTRADICTS,
            "state:/current_epoch",
            message,
            expected=str(epochs),
            found=str(state.current_epoch),
        )
