"""Deliberate breakages of a copy of the reference checkout, and the promise that each one breaks.

The conformance suite knows nothing of them: they are texts replaced in files.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Breakage:
    """One change of the program text.

    Attributes:
        name: what is done wrong.
        breaks: the one promise that must fail.
        file: relative to the checkout.
        old: text that occurs exactly once.
        new: what stands there instead.
        trained: whether it shows only in a training.
    """

    name: str
    breaks: str
    file: str
    old: str
    new: str
    trained: bool = False

    def copy_of(self, checkout: Path, folder: Path) -> Path:
        """A copy of the checkout with the change made."""
        copy = folder / "checkout"
        shutil.copytree(checkout, copy, ignore=shutil.ignore_patterns("weights", "__pycache__"))
        path = copy / self.file
        text = path.read_text(encoding="utf-8")
        assert text.count(self.old) == 1, f"{self.file} has changed: {self.old!r} is there {text.count(self.old)} times"
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")
        return copy


_DATA, _FRAME, _MAIN, _MODEL, _TRAINING = "data.py", "utils/frame.py", "main.py", "model/model.py", "training.py"
_COUNTS = "counts = self.pair.pattern(index) / self.normalization * self.scale"
_SAVE_MODEL = 'save_tensors(self.model.state_dict(), self.run_path / f"{name}.pth")'

READING = (
    Breakage(
        "dp is taken for amplitude",
        "intensity",
        _DATA,
        "torch.from_numpy(np.sqrt(counts).astype(np.float32))[None]",
        "torch.from_numpy(counts.astype(np.float32))[None]",
    ),
    Breakage("frame off by one pixel", "frame", _FRAME, "round(side / 2) + 0.5", "round(side / 2) - 0.5"),
    Breakage("frame rounds half up", "frame", _FRAME, "round(side / 2) + 0.5", "(side + 1) // 2 + 0.5"),
    Breakage("x and y swapped", "axes", _FRAME, "np.stack([y_m, x_m], axis=-1)", "np.stack([x_m, y_m], axis=-1)"),
    Breakage("positions negated", "axes", _FRAME, "metres / pixel_m + origin", "origin - metres / pixel_m"),
    Breakage(
        "fallback normalization",
        "normalization-entry",
        "utils/normalization.py",
        "    if name not in known:",
        "    if name in known:",
    ),
    Breakage(
        "divided by its own maximum",
        "normalization-used",
        _DATA,
        _COUNTS,
        "counts = self.pair.pattern(index) / self.pair.pattern(index).max() * self.scale",
    ),
    Breakage("noise in every item", "quiet", _DATA, "if self.apply_noise:", "if True:"),
    Breakage("no noise at all", "noise", _DATA, "if self.apply_noise:", "if False:"),
    Breakage(
        "patterns shifted to the corner",
        "zero-frequency",
        _DATA,
        _COUNTS,
        "counts = np.fft.fftshift(self.pair.pattern(index)) / self.normalization * self.scale",
    ),
    Breakage(
        "patterns transposed",
        "zero-frequency",
        _DATA,
        _COUNTS,
        "counts = self.pair.pattern(index).T.copy() / self.normalization * self.scale",
    ),
    Breakage("last layer of the object", "object", _DATA, "self._object[0]", "self._object[-1]"),
    Breakage(
        "conjugated object", "object", _DATA, "torch.from_numpy(np.angle(patch))", "torch.from_numpy(-np.angle(patch))"
    ),
    Breakage(
        "patch beside its position",
        "patch-whole",
        _FRAME,
        "start = np.asarray(centre_px) - (n - 1) / 2",
        "start = np.asarray(centre_px) - (n - 1) / 2 + 1",
    ),
    Breakage(
        "sub-pixel part dropped",
        "patch-subpixel",
        _FRAME,
        "fraction = start - corner\n",
        "fraction = 0.0 * (start - corner)\n",
    ),
    Breakage(
        "ones outside the canvas",
        "off-canvas",
        _FRAME,
        "window = np.zeros((n, n), field.dtype)",
        "window = np.ones((n, n), field.dtype)",
    ),
    Breakage(
        "last OPR row",
        "probe-row",
        _DATA,
        "np.asarray(stored[0], dtype=np.complex64)",
        "np.asarray(stored[-1], dtype=np.complex64)",
    ),
    Breakage("no dark modes", "probe-padding", _DATA, "np.pad(modes, ((0, dark), (0, 0), (0, 0)))", "modes"),
    Breakage("dark modes first", "probe-row", _DATA, "((0, dark), (0, 0), (0, 0))", "((dark, 0), (0, 0), (0, 0))"),
    Breakage(
        "positions with three axes",
        "item-shapes",
        _DATA,
        "torch.from_numpy(self.pair.centres_px[index])",
        "torch.from_numpy(np.append(self.pair.centres_px[index], 0.0))",
    ),
)
PREDICTING = (
    Breakage(
        "predicted pattern not normalized",
        "forward-model",
        _MODEL,
        "detector_intensity(patch * probe) / unit.square()",
        "detector_intensity(patch * probe)",
    ),
    Breakage(
        "predicted pattern unshifted",
        "forward-model",
        "model/physics.py",
        "return torch.fft.fftshift(intensity.sum(1, keepdim=True), dim=(-2, -1))",
        "return intensity.sum(1, keepdim=True)",
    ),
    Breakage(
        "two channels of diffraction",
        "model-outputs",
        _MODEL,
        "return predicted, amplitude, phase",
        "return predicted.expand(-1, 2, -1, -1), amplitude, phase",
    ),
    Breakage(
        "phase beyond its head",
        "phase-range",
        _MODEL,
        "field.abs(), field.angle()",
        "field.abs(), field.angle() + 6 * math.pi",
    ),
    Breakage(
        "negative amplitude", "amplitude-positive", _MODEL, "field.abs(), field.angle()", "-field.abs(), field.angle()"
    ),
    Breakage(
        "amplitude beyond its head",
        "amplitude-range",
        _MODEL,
        "field.abs(), field.angle()",
        "1 + 99 * field.abs(), field.angle()",
        trained=True,
    ),
)
TRAINED = (
    Breakage(
        "wrong name in the weights",
        "weight-families",
        _TRAINING,
        _SAVE_MODEL,
        'save_tensors({k.replace("amp_decoder", "amplitude"): v for k, v in self.model.state_dict().items()}, '
        'self.run_path / f"{name}.pth")',
    ),
    Breakage(
        "weights of a wrapped model",
        "no-prefix",
        _TRAINING,
        _SAVE_MODEL,
        'save_tensors({f"module.{k}": v for k, v in self.model.state_dict().items()}, self.run_path / f"{name}.pth")',
    ),
    Breakage(
        "pickled model", "safe-files", _TRAINING, "save_tensors(self.model.state_dict(), ", "save_tensors(self.model, "
    ),
    Breakage(
        "no checkpoint at the end",
        "checkpoint-files",
        _MAIN,
        "trainer.save_model_and_states_checkpoint(epoch, metrics, optimizer, wandb_run_id, scheduler=None)",
        "pass",
    ),
    Breakage("no best model", "best-model", _TRAINING, 'self.update_saved_model("best_model")', "pass"),
    Breakage(
        "best model of the first epoch only",
        "best-model",
        _TRAINING,
        'self.update_saved_model("best_model")',
        'epoch or self.update_saved_model("best_model")',
    ),
    Breakage("state without a key", "state", _TRAINING, '            "wandb_run_id": wandb_run_id,\n', ""),
    Breakage(
        "one epoch too few in the state",
        "state",
        _TRAINING,
        '"current_epoch": epoch_num + 1',
        '"current_epoch": epoch_num',
    ),
    Breakage(
        "one group of parameters",
        "learning-rate-groups",
        "utils/optimizer.py",
        '    return [\n        {"name": name, "params": parameters,',
        '    return [{"name": "all", "params": list(model.parameters()), "lr": default}]\n'
        '    return [\n        {"name": name, "params": parameters,',
    ),
    Breakage("config not copied", "config-copy", _MAIN, 'trainer.save_config("config.yaml")', "pass"),
    Breakage(
        "no metrics",
        "metrics-file",
        _MAIN,
        'save_pickle(metrics, trainer.run_path / "metrics.pickle")',
        "pass",
    ),
    Breakage("resume starts at 0", "resumes", _TRAINING, 'return int(state["current_epoch"]), ', "return 0, "),
    Breakage(
        "epochs are additional",
        "resumes",
        _MAIN,
        "range(start_epoch, EPOCHS)",
        "range(start_epoch, start_epoch + EPOCHS)",
    ),
    Breakage(
        "history forgotten",
        "resumes",
        _TRAINING,
        'state["loss_tracker"], optimizer',
        '{k: [] if isinstance(v, list) else v for k, v in state["loss_tracker"].items()}, optimizer',
    ),
    Breakage(
        "frozen weights drawn anew",
        "frozen",
        _MAIN,
        "criterion = PixelLoss(",
        "torch.nn.init.normal_(model.encoder.pos_embed)\ncriterion = PixelLoss(",
    ),
    Breakage(
        "a buffer that the config does not make",
        "inference",
        _MAIN,
        "metrics = {name: []",
        "model.register_buffer('running_mean', torch.zeros(3))\nmetrics = {name: []",
    ),
    Breakage(
        "histories that the bridge cannot see",
        "epoch-checkpoints",
        _MAIN,
        "    trainer.validate(validation_loader, criterion, optimizer, metrics, plot=plot, epoch=epoch)\n",
        '    seen = {**metrics, "training_loss": [0.0, *metrics["training_loss"]]}\n'
        "    trainer.validate(validation_loader, criterion, optimizer, seen, plot=plot, epoch=epoch)\n"
        '    metrics["best_val_loss"] = seen["best_val_loss"]\n',
    ),
    Breakage("nothing is trained", "unfrozen-moves", _TRAINING, "            optimizer.step()\n", ""),
    Breakage(
        "ends with an exception",
        "trains",
        _MAIN,
        "for epoch in range(start_epoch, EPOCHS):\n",
        "raise OSError\nfor epoch in range(start_epoch, EPOCHS):\n",
    ),
    Breakage("ignores the configured epochs", "trains", _MAIN, 'EPOCHS = int(training["epochs"])', "EPOCHS = 1"),
)
ALL = (*READING, *PREDICTING, *(replace(breakage, trained=True) for breakage in TRAINED))
