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
CHECKPOINT_MISSING = Code(
    "PTY516",
    _ERROR,
    "a checkpoint that is needed is not there",
    "The run directory lacks a file that this way of starting needs.",
    "Upstream writes `checkpoint_model.pth` and `checkpoint.state` once, after the last epoch, and `best_model.pth` "
    "only when the validation loss improved.",
    "To resume: both checkpoint files of the same run. To fine-tune or infer: `best_model.pth` and `config.yaml`.",
)
MODULE_PREFIX = Code(
    "PTY517",
    _ERROR,
    "weights of a wrapped model",
    "The names in the state dict begin with `module.`, which DistributedDataParallel puts there.",
    "The checkout loads strictly and fails.",
    "Fine-tuning and inference take the prefix off; for a resume save `model.module.state_dict()` anew.",
)
ARCHITECTURE_MISMATCH = Code(
    "PTY518",
    _ERROR,
    "weights and config describe different models",
    "The shapes in the state dict do not follow from section `model` of the config.",
    "A checkpoint holds no architecture: the config must be the one that it was made with, or the strict load fails.",
    "Set the key of config.yaml that is named, or use the `config.yaml` in the folder of the checkpoint.",
)
STATE_CONTRADICTS = Code(
    "PTY519",
    _ERROR,
    "checkpoint.state contradicts itself or its weights",
    "Epoch count, loss history, best loss, optimizer and weights do not belong together.",
    "A resume would repeat or skip epochs, or go on with the moments of another model.",
    "Use the pair of files as one run wrote them; otherwise fine-tune from `best_model.pth`.",
)
LEARNING_RATE_GROUPS = Code(
    "PTY520",
    _ERROR,
    "another number of learning-rate groups",
    "The optimizer in `checkpoint.state` has another number of parameter groups than the training would make.",
    "The checkout fails after the model is built, and stored rates would override the configured ones.",
    "Resume with the rates per block that the run had, or fine-tune from `best_model.pth` with a fresh optimizer.",
)
NOTHING_TO_TRAIN = Code(
    "PTY521",
    _ERROR,
    "nothing left to train",
    "`training.epochs` is the total, and the checkpoint has as many epochs already.",
    "PtychoViT dies after its loop with `name 'epoch' is not defined`.",
    "Ask for more epochs in total, or infer with `best_model.pth`.",
)
OTHER_DATA = Code(
    "PTY522",
    _ERROR,
    "the run was trained on other data",
    "The pairs or the normalization differ from those in the run's manifest.",
    "Epochs before and after would not be one training, and their losses could not be compared.",
    "Put the data back, or fine-tune from `best_model.pth` on the new data.",
)
ENCODER_RATE = Code(
    "PTY523",
    _ERROR,
    "encoder learning rate not below the decoders'",
    "A stage trains encoder blocks at a rate that is not below those of both decoders.",
    "What the encoder has learned is overwritten before the decoders have settled.",
    "Lower `encoder_lr`, or say that it is meant: `force: true`.",
)
UNKNOWN_PART = Code(
    "PTY524",
    _ERROR,
    "no such part of the model",
    "A name to freeze, or to give a learning rate, fits no parameter of the model.",
    "The training would run with everything unfrozen, or at the wrong rate, without a sign.",
    "Use names of the state dict, such as `encoder` or `encoder.blocks.3`.",
)
LOSS_NOT_FINITE = Code(
    "PTY525",
    _ERROR,
    "the loss is not a finite number",
    "A training or validation loss became NaN or infinite.",
    "A NaN validation loss leaves no `best_model.pth`; a NaN training loss spoils every weight.",
    "`ptycho validate --depth data` finds NaN, negative and zero patterns; otherwise lower the learning rate.",
)
OUT_OF_MEMORY = Code(
    "PTY526",
    _ERROR,
    "out of memory",
    "The device, or the machine, has not enough memory for this model and batch.",
    "The epoch is lost; the checkpoint of the one before is on the disk.",
    "Resume with a smaller `batch_size`, or on another device.",
)
PROMISE_BROKEN = Code(
    "PTY527",
    _ERROR,
    "the checkout breaks a promise of the backend contract",
    "A line of `ptycho ptychovit conformance` failed.",
    "What our runner does with this checkout may be wrong in the way that the line says.",
    "Compare the checkout with the fact that the line cites; or use another commit.",
)
GATE_FAILED = Code(
    "PTY528",
    _ERROR,
    "the publication gate is closed",
    "One of the gate's four parts failed.",
    "Results made with this installation should not be published.",
    "Read the line of the part, and the files in the folder that it names.",
)
FROZEN_MOVED = Code(
    "PTY529",
    _ERROR,
    "a frozen part of the model changed",
    "After a stage of a fine-tuning, tensors that it was to leave alone are not bit for bit those that it began with.",
    "The stage did not do what its policy says, and what the encoder had learned may be lost.",
    "Report it with the run directory; the checkout may build its optimizer or its model after the bridge froze it.",
)
