"""Part three: does the checkout, run as a subprocess, keep what the runner promises?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ptycho_contracts.contracts.ptychovit_dp import DpFile
from ptycho_contracts.contracts.run_manifest import RunManifest
from ptycho_contracts.run_codes import NORMALIZATION_FALLBACK
from ptycho_runners.errors import RunError
from ptycho_runners.gate.checks import Checks
from ptycho_runners.gate.prediction import read_stored
from ptycho_runners.gate.workspace import EPOCHS, N, Workspace, coded

_WRITTEN = ("best_model.pth", "checkpoint_model.pth", "checkpoint.state", "metrics.pickle", "config.yaml")
_LOSSES = ("training_loss", "validation_loss")


def check_runner(workspace: Workspace, checks: Checks) -> str:
    """Train, resume, infer, be refused; returns the figures in one line."""
    from ptycho_contracts.checkpoints.state import read_state  # noqa: PLC0415

    run = workspace.trained().run_dir
    _check_files(run, checks)
    before = read_state(run / "checkpoint.state")
    losses = {name: before.losses[name] for name in _LOSSES}
    finite = all(len(values) == EPOCHS and all(map(math.isfinite, values)) for values in losses.values())
    checks.that(f"the losses of {EPOCHS} epochs are finite", finite, losses)
    first, last = losses["training_loss"][0], losses["training_loss"][-1]
    checks.that("the training loss falls", last < first, f"{first:.4g} → {last:.4g}")
    _check_resume(workspace, run, losses, checks)
    _check_inference(workspace, run, checks)
    _check_refusal(workspace, checks)
    checks.figures |= {"epochs": EPOCHS + 1, "training_loss_first": first, "training_loss_last": last}
    return f"trained {EPOCHS} epochs (loss {first:.3g} → {last:.3g}), resumed to {EPOCHS + 1}, inferred, refused a gap"


def _check_files(run: Path, checks: Checks) -> None:
    absent = [name for name in _WRITTEN if not (run / name).is_file() or not (run / name).stat().st_size]
    checks.that("every promised file is there", not absent, f"absent: {', '.join(absent)}" if absent else "all")
    manifest = RunManifest.model_validate_json((run / "manifest.json").read_text())
    checks.that("the manifest says that the run is complete", manifest.outcome == "complete", manifest.outcome)


def _check_resume(workspace: Workspace, run: Path, before: dict[str, tuple[float, ...]], checks: Checks) -> None:
    """One epoch more, in the same directory: the history goes on without a gap or a repeat."""
    from ptycho_contracts.checkpoints.state import read_state  # noqa: PLC0415
    from ptycho_runners.ptychovit.execute import perform  # noqa: PLC0415
    from ptycho_runners.ptychovit.request import ResumeRequest  # noqa: PLC0415

    workspace.say(f"resuming to {EPOCHS + 1} epochs")
    resumed = perform(ResumeRequest(run=run, epochs=EPOCHS + 1))
    checks.that("a resume stays in its run directory", resumed.run_dir == run, resumed.run_dir.name)
    after = read_state(run / "checkpoint.state")
    kept = all(after.losses[name][:EPOCHS] == before[name] for name in _LOSSES)
    lengths = {len(after.losses[name]) for name in _LOSSES} | {after.current_epoch}
    grown = lengths == {EPOCHS + 1}
    checks.that("its history has no gap and no repeat", kept and grown, f"{sorted(lengths)} epochs")


def _check_inference(workspace: Workspace, run: Path, checks: Checks) -> None:
    """Patches of the right shape at the stated positions, and a source run that is as before."""
    from ptycho_runners.ptychovit.execute import perform  # noqa: PLC0415

    pair = workspace.pairs().test.files[0]
    workspace.say("predicting the patches of the test pair")
    before = _listing(run)
    done = perform(workspace.inference(run / "best_model.pth"))
    _check_patches(done.outputs[f"{_name(pair['dp'])}_patches.h5"], pair, checks)
    untouched = _listing(run) == before
    checks.that("an inference leaves its source run alone", untouched, "as before" if untouched else "changed")


def _check_patches(path: Path, pair: Mapping[str, Path], checks: Checks) -> None:
    import h5py  # noqa: PLC0415

    stored = read_stored(pair)
    with h5py.File(path, "r") as file:
        patches, centres = file["patches"][:], file["centre_px"][:]
    shape = (len(stored.start_px), N, N)
    good = patches.shape == shape and np.iscomplexobj(patches) and bool(np.isfinite(patches).all())
    checks.that(f"the patches are complex, finite, {shape}", good, f"{patches.dtype} {patches.shape}")
    expected = stored.start_px + (N - 1) / 2
    error = float(np.abs(centres - expected).max()) if centres.shape == expected.shape else math.inf
    checks.that("they lie where the pair says", error < 1e-3, f"{error:.1e} px beside")


def _check_refusal(workspace: Workspace, checks: Checks) -> None:
    """A training without a normalization entry starts no process and makes no directory."""
    from ptycho_runners.ptychovit.execute import perform  # noqa: PLC0415

    name = _name(workspace.pairs().train.files[0]["dp"])
    before = sorted((workspace.root / "runs").iterdir())
    told, codes = "not refused", set[str]()
    try:
        perform(workspace.training(workspace.normalization(name)))
    except RunError as error:
        told, codes = coded(error.findings), {found.code for found in error.findings}
    untouched = sorted((workspace.root / "runs").iterdir()) == before
    refused = codes == {NORMALIZATION_FALLBACK.id} and untouched
    checks.that(f"a missing normalization entry is refused with {NORMALIZATION_FALLBACK.id}", refused, told)


def _listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file below a folder, but for the lock."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


def _name(dp: Path) -> str:
    return dp.name.removesuffix(DpFile.suffix)
