"""Codes of what goes wrong with runs; declared here, so that they are explained without importing a runner."""

from __future__ import annotations

from ptycho_contracts.codes import Code, Severity

_ERROR, _WARNING = Severity.ERROR, Severity.WARNING

NORMALIZATION_FALLBACK = Code(
    "PTY501",
    _ERROR,
    "normalization fell back to a default",
    "An object has no entry in the normalization file, or the checkout used another value than the entry.",
    "PtychoViT prints a warning at most, divides by 100000.0 and goes on; the result is flat and looks trained.",
    "Write the maximum of the dp stack of every object, the test pair's too, under the stem of its dp file.",
)
RUN_FAILED = Code(
    "PTY502",
    _ERROR,
    "run failed",
    "The process ended with an error, was killed by a signal, or left no result.",
    "Whatever it left behind is unfinished.",
    "Read the end of `stderr.log` in the run directory; the message repeats its last lines.",
)
PROMISED_FILE_MISSING = Code(
    "PTY503",
    _ERROR,
    "a promised file is missing",
    "The run ended without an error, but a file that its plan promises is absent or empty.",
    "PtychoViT writes no `best_model.pth` when the validation loss is NaN from the first epoch on.",
    "Look for NaN losses in `events.jsonl`; zeros or NaN in `dp`, or a probe of zeros, cause them.",
)
NOT_A_FLAT_CHECKOUT = Code(
    "PTY504",
    _ERROR,
    "not a flat PtychoViT checkout",
    "The folder is no checkout of the flat generation (main.py, data.py, training.py, model/model.py), or one of "
    "the names that the bridge relies on is not in it.",
    "Later generations start, read positions and name their files differently; half a run would be worse than none.",
    "Check out a flat commit (PtychoPINN pins 2316b378), or write `reference` for the bundled checkout.",
)
UNSUPPORTED_N = Code(
    "PTY505",
    _ERROR,
    "detector size that PtychoViT cannot take",
    "The patterns are not 256 × 256.",
    "The checkout checks nothing and dies in its first forward pass, minutes later.",
    "Use 256-pixel patterns: simulate with N=256, or crop or pad the measured detector to 256.",
)
RUN_LOCKED = Code(
    "PTY506",
    _ERROR,
    "run directory in use",
    "Another living process holds the lock of this run directory.",
    "Two trainings in one directory overwrite each other's checkpoints.",
    "Wait for the other process, or start a new run; a lock of a process that died is free by itself.",
)
TEST_PAIR_LEAKS = Code(
    "PTY507",
    _ERROR,
    "test pair among the training pairs",
    "The test pair lies in the training folder.",
    "PtychoViT trains on every pair of that folder, so the test would measure memory.",
    "Move the test pair to a folder of its own.",
)
EMPTY_SPLIT = Code(
    "PTY508",
    _ERROR,
    "a split without patterns",
    "With this number of patterns and this `train_split`, training or validation is left without any.",
    "The checkout divides by the number of batches and fails, or never writes `best_model.pth`.",
    "Lower or raise `train_split`, or give more patterns.",
)
WEIGHTS_MISMATCH = Code(
    "PTY509",
    _ERROR,
    "weights of another architecture",
    "The state dict does not fit the model that the config describes; it was loaded strictly.",
    "A checkpoint holds no architecture, so the config must be the one that it was made with.",
    "Use the section `model` of the `config.yaml` in the folder of the checkpoint.",
)
MISSING_DEPENDENCY = Code(
    "PTY510",
    _ERROR,
    "the checkout's interpreter lacks a package",
    "An import failed in the interpreter that runs the checkout.",
    "The checkout's environment is its own; installing the package elsewhere does not help.",
    "Install the package for that interpreter, or name another one with `--python`.",
)
RUN_TIMED_OUT = Code(
    "PTY511",
    _ERROR,
    "run stopped at its time limit",
    "The process was still running at the limit that was given, and was stopped with all that it had started.",
    "The checkpoint on the disk is that of the last finished epoch, not of the last planned one.",
    "Raise the limit, or plan fewer epochs.",
)
PAIR_LEFT_OUT = Code(
    "PTY512",
    _ERROR,
    "a pair was left out",
    "The training folder holds patterns without parameters, which the checkout skips with a printed warning.",
    "The training silently sees less data than its folder holds.",
    "Add the missing `<name>_para.hdf5`, or remove the `<name>_dp.hdf5`.",
)
BRIDGE_MESSAGE = Code(
    "PTY513",
    _ERROR,
    "the bridge said something that its contract does not know",
    "A line of `events.jsonl`, or `result.json`, does not fit its contract.",
    "Its numbers cannot be trusted to mean what we think.",
    "Report it with the run directory; the bridge and this library should be of one version.",
)
DEVICE_UNAVAILABLE = Code(
    "PTY514",
    _ERROR,
    "device not available",
    "A CUDA device was asked for, and torch in that interpreter has none.",
    "Falling back to a CPU silently would take days instead of minutes.",
    "Use `--device auto` or `cpu`, or an interpreter whose torch was built for this machine's GPU.",
)
BAD_OPTION = Code(
    "PTY515",
    _ERROR,
    "an option that the run cannot follow",
    "An option contradicts another one, or names something that is not there.",
    "The checkout would ignore it or fail late.",
    "See the message; `--dry-run` prints the plan without starting anything.",
)
