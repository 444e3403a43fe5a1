"""Codes of what the engine itself finds; a rule declares its own code in its own file."""

from __future__ import annotations

from ptycho_contracts.codes import Code, Severity

_ERROR, _WARNING, _HINT = Severity.ERROR, Severity.WARNING, Severity.HINT

FILE_ABSENT = Code(
    "PTY001",
    _ERROR,
    "file not found",
    "The path, or the other half of a pair, does not exist or cannot be opened for reading.",
    "A training that scans a directory skips an incomplete pair with a warning and trains on less data.",
    "Check the path. A pair is `<name>_dp.hdf5` and `<name>_para.hdf5` in one directory.",
)
UNREADABLE = Code(
    "PTY002",
    _ERROR,
    "file damaged or of another kind",
    "The container (zip, HDF5, pickle, JSON, YAML) is truncated, corrupt, or not what it claims to be.",
    "A truncated file is the usual trace of a full disk or an interrupted copy; half of the data is missing.",
    "Copy or write the file again, and compare sizes or digests with the original.",
)
UNKNOWN_CONTRACT = Code(
    "PTY003",
    _ERROR,
    "no contract recognises this file",
    "The members fit none of the known contracts well enough to say what the file was meant to be.",
    "Guessing a format is how conventions get mixed up.",
    "`ptycho describe FILE` shows what the file holds, docs/contracts what each contract needs; `--contract ID` "
    "insists on one.",
)
FORBIDDEN_PICKLE = Code(
    "PTY004",
    _ERROR,
    "pickle that would run code or hold foreign objects",
    "A pickled member uses an opcode or a class outside the allow-list. It was walked, never executed.",
    "Loading such a file with `allow_pickle=True` or `torch.load` can run any program as you.",
    "Do not load the file elsewhere. Ask its author for plain arrays, or re-save it where it was made.",
)
RESOURCE_LIMIT = Code(
    "PTY005",
    _ERROR,
    "size or compression beyond the limits",
    "A member claims a size, a count or a compression ratio that no real data set has.",
    "A zip or pickle bomb fills memory or disk of whoever opens it.",
    "If the file is real, raise the limit in code; otherwise delete it.",
)
EXTERNAL_REFERENCE = Code(
    "PTY006",
    _ERROR,
    "data outside the file",
    "A member is an external link, a virtual dataset or has external storage. It was not opened.",
    "The data vanish when the file is moved, and a link can point at any file of the reader.",
    "Copy the data into the file (for HDF5: `h5repack`, or read and write the dataset).",
)
UNAVAILABLE_FILTER = Code(
    "PTY007",
    _ERROR,
    "compression filter not available",
    "The dataset needs an HDF5 filter that this installation lacks, so its data cannot be read here.",
    "The file looks complete, and reading fails in the middle of a run.",
    "Install the filter (often `pip install hdf5plugin`), or repack the file with gzip or none.",
)
PARTNER_ABSENT = Code(
    "PTY008",
    _ERROR,
    "half of the artifact is missing",
    "A file that the contract requires beside this one does not exist.",
    "A training that scans a directory skips an incomplete pair with a warning and trains on less data.",
    "Put the missing file beside it, or name a contract for the one file, such as `--contract ptychovit-dp`.",
)

OUTPUT_EXISTS = Code(
    "PTY010",
    _ERROR,
    "output exists already",
    "A file that would be written is there.",
    "Overwriting without being asked destroys somebody's result.",
    "Choose another folder or name, or say `--overwrite`.",
)
SOURCE_SAYS_OTHERWISE = Code(
    "PTY012",
    _ERROR,
    "the source says otherwise",
    "A quantity was given that the source itself states with another value.",
    "One of the two is wrong, and choosing silently would carry the wrong one on.",
    "Leave the option out to take the source's value, or correct the source.",
)
NOT_REPRESENTABLE = Code(
    "PTY011",
    _ERROR,
    "the target format cannot hold this",
    "Something that the target format requires is not in the source, or has a form that it cannot hold.",
    "Inventing it would make a file that looks right and is not.",
    "Add what is missing to the source, or choose another target.",
)

QUANTITY_MISSING = Code(
    "PTY013",
    _ERROR,
    "the target format needs something that the source does not know",
    "The target format cannot be without a part (patterns, positions, probe, object) or a quantity (energy, distance, "
    "pixel size), and the source holds none.",
    "An invented value would make a file that looks right and is not.",
    "Say the quantity by its option, or take the part from another artifact; the finding names both.",
)
OTHER_FAMILY = Code(
    "PTY014",
    _ERROR,
    "a file of another family with the same name",
    "The files are named as the contract says, but hold the members of another contract: two unrelated families of "
    "pairs are called `_dp.hdf5` and `_para.hdf5`.",
    "Readers of one family find nothing in the other, and some say so in a log only: Ptychodus' fold_slice reader "
    "turns a PtychoViT pair into an empty scan.",
    "Read the files with tools of their own family, or convert them.",
)
OUT_OF_TIME = Code(
    "PTY017",
    _ERROR,
    "file not examined in time",
    "Reading the file took longer than the limit, 120 seconds at depth `header` unless `--timeout` says otherwise, and "
    "was stopped. The other files were examined.",
    "The file was not examined at all. A damaged header can keep the HDF5 library busy for ever; so can a disk that "
    "does not answer.",
    "See whether `h5ls FILE` hangs too. If it does, copy or write the file again; if the disk is slow, give a longer "
    "`--timeout`.",
)
MEMBER_MISSING = Code(
    "PTY101",
    _ERROR,
    "required member missing",
    "The contract requires a member (an array, a key) that the file does not have.",
    "Every reader of this format stops here, most with a bare KeyError.",
    "Add the member, or convert from a file that has it.",
)
WRONG_DTYPE = Code(
    "PTY102",
    _ERROR,
    "wrong dtype",
    "The array's element type is none of those that the contract allows.",
    "A real probe, or an integer object, either fails deep inside a reader or loses its phase silently.",
    "Store the array in one of the expected dtypes.",
)
WRONG_SHAPE = Code(
    "PTY103",
    _ERROR,
    "wrong rank or shape",
    "The array has another number of axes, or another fixed size of an axis, than the contract allows.",
    "An extra axis is often accepted by a reader and then indexed as something else: wrong patches, no error.",
    "Reshape to one of the expected forms. Where only axes of length 1 come or go, `ptycho fix FILE FOLDER` does it in "
    "a copy.",
)
ATTRIBUTE_MISSING = Code(
    "PTY104",
    _ERROR,
    "required attribute missing",
    "An attribute that readers need (a pixel size, say) is absent.",
    "Without a pixel size, metres cannot be turned into pixels; a default would be a silent guess.",
    "Write the attribute with its true value; never 0.0 for unknown.",
)
ATTRIBUTE_VALUE = Code(
    "PTY105",
    _ERROR,
    "attribute has an impossible value",
    "The attribute exists, but its value is not what it must be (positive and finite, a text, one number).",
    "A pixel size of 0 or NaN turns positions into infinities; some readers then place nothing, silently.",
    "Write the true value.",
)
MEMBER_ADVISED = Code(
    "PTY106",
    _WARNING,
    "useful member missing",
    "A member that some readers or checks need is absent; the contract itself does not require it.",
    "What it is needed for is in the message.",
    "Add it if you have it.",
)
ATTRIBUTE_ADVISED = Code(
    "PTY107",
    _WARNING,
    "useful attribute missing",
    "An attribute that other tools of the field need is absent; the contract itself does not require it.",
    "What it is needed for is in the message.",
    "Add it if you know its value; what follows from other attributes `ptycho fix FILE FOLDER` adds in a copy.",
)
FIELD_INVALID = Code(
    "PTY110",
    _ERROR,
    "value of a document not allowed",
    "A field of a JSON or YAML document, or an entry of a dictionary, has the wrong type or a value outside its range.",
    "A run that starts on a misread option wastes its hours.",
    "Give the expected value; the JSON Schema of the contract lists every field.",
)
FIELD_UNKNOWN = Code(
    "PTY111",
    _ERROR,
    "unknown field in a document",
    "The document has a field that its contract does not know.",
    "A misspelt option would otherwise be ignored, and its default used without a word.",
    "Correct the spelling, or remove the field.",
)
OLDER_VERSION = Code(
    "PTY112",
    _HINT,
    "document of an older version",
    "The document names a version of its contract that is not the present one.",
    "It still says what it said, but what later versions record is missing from it.",
    "`ptycho migrate FILE` writes it in the present version and says what it did.",
)
DIMENSION_MISMATCH = Code(
    "PTY201",
    _ERROR,
    "sizes that must be equal differ",
    "A named dimension has different sizes in different members or files (patterns and positions, say).",
    "Patterns beyond the shorter list are dropped or paired with nothing.",
    "Write both from the same source; find where frames were dropped.",
)
NON_FINITE = Code(
    "PTY401",
    _ERROR,
    "NaN or infinity in the data",
    "The array holds values that are not finite.",
    "One NaN in a pattern makes the loss NaN and leaves no best model.",
    "Mask or repair the frames; write 0 where a detector pixel is dead.",
)
NEGATIVE = Code(
    "PTY402",
    _ERROR,
    "negative values where none can be",
    "An intensity or an amplitude is below zero.",
    "The Poisson noise of a training refuses negative rates, hours after its start or at its first batch.",
    "Clip at 0 after background subtraction.",
)
NO_SIGNAL = Code(
    "PTY404",
    _ERROR,
    "the patterns hold no signal",
    "Every value of the patterns is 0.",
    "The shutter was closed, or an array was made and never filled: nothing can be learned from it, and nothing fails.",
    "Find where the values were lost; if the detector counted nothing, leave the file out.",
)
CRASHED = Code(
    "PTY901",
    _ERROR,
    "a check of ours failed",
    "A rule of ptycho-contracts raised an exception. This is our defect, not your file's.",
    "The file was not fully examined.",
    "Please report it with the output of `ptycho describe FILE --format json`, which holds no data.",
)
WORKER_DIED = Code(
    "PTY902",
    _ERROR,
    "the process that examined this file died",
    "The process that was reading this file was killed by a signal or ended on its own. The other files were examined.",
    "The file was not examined at all. A damaged HDF5 header can crash the HDF5 library, and the system kills a "
    "process that takes all memory.",
    "See whether `h5ls FILE` or `h5dump FILE` crashes too. If it does, the file is damaged: copy or write it again; "
    "otherwise please report it.",
)
