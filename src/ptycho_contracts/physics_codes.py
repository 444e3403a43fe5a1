"""Codes of the physics check: whether the forward model explains the patterns, and which mistake does."""

from __future__ import annotations

from ptycho_contracts.codes import Code, Severity

_LOOK = "`ptycho validate --depth physics --format json` prints the evidence of every reading that was tried."

WRONG_ORDER = Code(
    "PTY310",
    Severity.ERROR,
    "patterns are not in the order of the positions",
    "Patterns are explained surely better by another scan position, or by another object, than by their own.",
    "A model trained on such pairs learns nothing, and a reconstruction stitched from them is flat or scrambled.",
    "Find where frames or positions were reordered or dropped. `ptycho convert` proves the order of a grid-lines "
    "split, or assigns every pattern to its place (`--order match`); `ptycho fix` undoes it in other formats.",
)
AMPLITUDE_FOR_INTENSITY = Code(
    "PTY311",
    Severity.ERROR,
    "amplitude stored where intensity is meant",
    "The stored values themselves, not their square roots, match the predicted amplitudes.",
    "The loss of a reconstruction even goes down, so nothing shows the mistake but the picture.",
    "Square the patterns.",
)
SWAPPED_AXES = Code(
    "PTY312",
    Severity.ERROR,
    "x and y positions swapped",
    "With the two position arrays exchanged the forward model explains the patterns; as stored it does not.",
    "Patches are cut at transposed places; the reconstruction is scrambled or flat.",
    "Exchange the arrays of x and y (in a pair probe_position_x_m and probe_position_y_m): y counts rows, x columns.",
)
OTHER_FRAME = Code(
    "PTY313",
    Severity.ERROR,
    "positions in another frame",
    "Read with another tool's origin the positions explain the patterns; with the stated one they do not.",
    "Every patch is cut up to a pixel off the object it is compared with. No loss reveals it.",
    "Find which origin the writer used (docs/frames.md), and write positions from that of this format.",
)
NEGATED_AXIS = Code(
    "PTY314",
    Severity.ERROR,
    "a position axis points the other way",
    "With the sign of an axis reversed the forward model explains the patterns; as stored it does not.",
    "The reconstruction is mirrored or scrambled; with both axes reversed no loss reveals it.",
    "Negate the positions along that axis, and only along that one.",
)
UNEXPLAINED = Code(
    "PTY315",
    Severity.ERROR,
    "no reading of the file explains its patterns",
    "Neither the file as stated nor any usual mistake, nor another order of the positions, explains the patterns.",
    "Object, probe and patterns do not belong together, or a convention is wrong that is not among those tried.",
    "Check that object and probe are those of this scan. " + _LOOK,
)
CANNOT_TELL = Code(
    "PTY316",
    Severity.WARNING,
    "the physics check cannot tell",
    "The object is flat, periodic or unknown where the patterns were taken, or two readings explain the patterns "
    "equally well.",
    "A wrong convention may hide here: nothing in the file contradicts it.",
    "Take the positions on trust only if you know how they were made. " + _LOOK,
)
CORNER_ORIGIN = Code(
    "PTY318",
    Severity.ERROR,
    "zero frequency at the corner of the patterns",
    "The patterns match the prediction with their zero frequency at index [0, 0] instead of n/2.",
    "Readers of this format expect it at n/2; a model sees patterns that are torn into four quarters.",
    "Apply fftshift to each pattern over its two detector axes.",
)
INTENSITY_FOR_AMPLITUDE = Code(
    "PTY317",
    Severity.ERROR,
    "intensity stored where amplitude is meant",
    "The square roots of the stored values, not the values themselves, match the predicted amplitudes.",
    "The dynamic range doubles; a model trained on it sees only the brightest pixels.",
    "Take the square root of the patterns; `ptycho convert` reads such a file as what it proves to be.",
)
TURNED_PATTERNS = Code(
    "PTY319",
    Severity.ERROR,
    "the patterns are transposed, flipped or rotated",
    "The forward model explains the patterns once each is turned back; as stored it does not.",
    "Positions and patterns disagree about the axes: a reconstruction fails, or comes out mirrored and nobody sees it.",
    "Turn every pattern back over its two detector axes, or correct the detector's orientation where it is read.",
)
TURNED_OBJECT = Code(
    "PTY322",
    Severity.ERROR,
    "the object is conjugated, transposed or flipped",
    "The forward model explains the patterns with the stored object turned back; as stored it does not.",
    "A model trained on such pairs learns an object that the patterns contradict: its phase has the wrong sign, or its "
    "structure lies elsewhere.",
    "Turn the object back (conjugate, transpose or flip it). Transposing exchanges the canvas' height and width.",
)
TURNED_PROBE = Code(
    "PTY323",
    Severity.ERROR,
    "the probe is conjugated or transposed",
    "The forward model explains the patterns with the stored probe turned back; as stored it explains them less well.",
    "No loss reveals a turned probe guess; a network that takes the probe as input sees the wrong one.",
    "Turn the probe back (conjugate or transpose it over its last two axes).",
)
WRONG_PIXEL_SIZE = Code(
    "PTY324",
    Severity.ERROR,
    "the object's pixel size is wrong",
    "Positions divided by another pixel size explain the patterns; divided by the stored one they do not.",
    "Patches are cut further from, or nearer to each other than the patterns were taken; an error of 5 % is not "
    "seen in the loss.",
    "Correct the pixel size: wavelength · distance / (n · detector pixel).",
)
PATTERN_ELSEWHERE = Code(
    "PTY325",
    Severity.WARNING,
    "a single pattern was taken elsewhere",
    "A few pixels from its stated place a pattern is explained surely better, while nearly all others are explained "
    "where they are.",
    "A motor missed its target, or a number was overwritten: the reconstruction is smeared at that place, and the "
    "others hide it.",
    "Correct the position by the amount that the finding names, or leave the pattern out.",
)
WRONG_PROBE_SCALE = Code(
    "PTY305",
    Severity.WARNING,
    "the probe's scale does not give the patterns' energy",
    "Σdp differs from n²·Σ|object·probe|² by more than 5%.",
    "PtychoViT compares raw counts with an un-normalised FFT of object·probe: with a probe from a unitary-FFT world "
    "the predicted intensities are wrong by a factor of n², and the diffraction loss trains the wrong thing.",
    "See first that the patterns are intensities (`ptycho diagnose`); then scale the probe, as `ptycho convert` does, "
    "which records the factor.",
)
