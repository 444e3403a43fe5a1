"""What a plan needs to know of the disk: headers of the pairs, normalization files, configs, the checkout."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ptycho_contracts.contracts.ptychovit_dp import DpFile
from ptycho_contracts.contracts.ptychovit_para import ParaFile
from ptycho_contracts.finding import finding
from ptycho_contracts.opening import describe
from ptycho_contracts.run_codes import BAD_OPTION
from ptycho_contracts.sources.base import SourceError
from ptycho_contracts.sources.document import read_yaml
from ptycho_contracts.sources.pickle_file import read_number_dict
from ptycho_contracts.validation import validate
from ptycho_runners.errors import RunError
from ptycho_runners.ptychovit.checkout import Checkout, find_checkout
from ptycho_runners.ptychovit.found import BEST, CONFIG, LAST, Found, look_at_run
from ptycho_runners.ptychovit.request import InferRequest, TrainRequest
from ptycho_runners.ptychovit.restore import Choice, Restored, Wanted, decide

DP, PARA = DpFile.suffix, ParaFile.suffix
NORMALIZATION = "normalization.pkl"


@dataclass(frozen=True)
class Pair:
    """A valid pair by its headers.

    Attributes:
        name: stem of the dp file without `_dp`, the key of the normalization.
        dp: absolute path.
        para: absolute path.
        shape: (scan, detector_y, detector_x) of the patterns.
    """

    name: str
    dp: Path
    para: Path
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Numbers:
    """The normalization of some pairs.

    Attributes:
        values: Maximum of the dp stack by object name.
        file: The file that the user named; None: the run directory gets one of its own.
        read: The files that were read.
        computed: Names whose maximum was found by reading the patterns, because no file has it.
    """

    values: dict[str, float]
    file: Path | None
    read: tuple[Path, ...] = ()
    computed: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrainFacts:
    """What a training plan is made from.

    Attributes:
        checkout: Whose main.py runs.
        pairs: What is trained on.
        orphans: dp files without a para file.
        test: What pictures are made of; the first of `pairs` where the user named none.
        numbers: Normalization of the pairs.
        test_numbers: Normalization of the test pair.
        config: Where section `model` and `data.scale` come from.
        config_source: Its name for the user.
        start: The weights to start from, as the decision table has them; None: from scratch.
    """

    checkout: Checkout
    pairs: tuple[Pair, ...]
    orphans: tuple[Path, ...]
    test: Pair
    numbers: Numbers
    test_numbers: Numbers
    config: dict[str, Any]
    config_source: str
    start: Restored | None = None


@dataclass(frozen=True)
class InferFacts:
    """What an inference plan is made from."""

    checkout: Checkout
    pairs: tuple[Pair, ...]
    numbers: Numbers
    start: Restored
    config_path: Path


def train_facts(request: TrainRequest) -> TrainFacts:
    """Look at everything that a training request names; patterns are read only for a maximum that no file has.

    Raises:
        RunError: a file is absent, damaged or breaks its contract, the folder is no flat checkout, or the initial
            weights and the model do not belong together.
    """
    check_interpreter(request.python)
    checkout = find_checkout(request.checkout)
    dps = dps_of(request.data_path)
    orphans = tuple(dp for dp in dps if not para_of(dp).is_file())
    pairs = tuple(look_at_pair(dp) for dp in [dp for dp in dps if dp not in orphans] or dps)
    test = pairs[0] if request.test_dp is None else look_at_pair(request.test_dp)
    start = None if request.initial_weights is None else _fine_tuned(request, request.initial_weights)
    config, source = _source_config(request, checkout, start)
    return TrainFacts(
        checkout=checkout,
        pairs=pairs,
        orphans=orphans,
        test=test,
        numbers=numbers_of(pairs, request.normalization),
        test_numbers=numbers_of([test], request.test_normalization or request.normalization),
        config=config,
        config_source=source,
        start=start,
    )


def infer_facts(request: InferRequest) -> InferFacts:
    """Look at everything that an inference request names; patterns are read only for a maximum that no file has.

    Raises:
        RunError: as `train_facts`; also where no config says how the checkpoint was made.
    """
    check_interpreter(request.python)
    found, choice = found_around(request.checkpoint, request.config)
    start = decide("infer", found, Wanted(checkpoint=choice))
    pairs = tuple(look_at_pair(dp) for dp in request.pairs)
    return InferFacts(
        checkout=find_checkout(request.checkout),
        pairs=pairs,
        numbers=numbers_of(pairs, request.normalization),
        start=start,
        config_path=found.config.path,
    )


def found_around(weights: Path, config: Path | None = None) -> tuple[Found, Choice]:
    """The run directory that weights lie in, and which of its files they are.

    Args:
        weights: a state dict.
        config: read instead of the config.yaml beside it.
    """
    path = weights.absolute()
    names: dict[str, Choice] = {BEST: "best", LAST: "last"}
    choice = names.get(path.name, "other")
    return look_at_run(path.parent, config=config, other=path if choice == "other" else None), choice


def dps_of(data_path: Path) -> list[Path]:
    """The dp files of a folder, by name, or the one that is named.

    Raises:
        RunError: there is none.
    """
    path = data_path.absolute()
    if not path.is_dir():
        return [path]
    dps = sorted(path.glob(f"*{DP}"))
    if not dps:
        raise _bad("request:/data_path", f"{path} holds no *{DP}")
    return dps


def look_at_pair(dp: Path) -> Pair:
    """The pair of a dp file, by its headers.

    Raises:
        RunError: with every error that the contract `ptychovit-pair` finds.
    """
    report = validate(dp, "ptychovit-pair")
    if report.errors:
        raise RunError(*report.errors)
    if not dp.name.endswith(DP):
        raise _bad("request:/pairs", f"{dp.name} is not named <name>{DP}")
    dp = dp.absolute()
    return Pair(dp.name.removesuffix(DP), dp, para_of(dp), describe(dp).files["dp"].members["dp"].shape)


def para_of(dp: Path) -> Path:
    """Where the other half of a pair is."""
    return dp.with_name(dp.name.removesuffix(DP) + PARA)


def numbers_of(pairs: Sequence[Pair], file: Path | None) -> Numbers:
    """The normalization of pairs: of a named file, else of the files beside them, else computed.

    Raises:
        RunError: a file cannot be read, or patterns have no positive maximum.
    """
    if file is not None:
        return Numbers(_numbers(file), file.absolute(), (file.absolute(),))
    beside = {path: _numbers(path) for path in _files_beside(pairs)}
    values = {p.name: beside[f][p.name] for p in pairs if p.name in beside.get(f := p.dp.with_name(NORMALIZATION), {})}
    computed = tuple(pair.name for pair in pairs if pair.name not in values)
    values |= {pair.name: _maximum(pair) for pair in pairs if pair.name in computed}
    return Numbers(values, None, tuple(beside), computed)


def _files_beside(pairs: Sequence[Pair]) -> list[Path]:
    candidates = dict.fromkeys(pair.dp.with_name(NORMALIZATION) for pair in pairs)
    return [path for path in candidates if path.is_file()]


def _maximum(pair: Pair) -> float:
    from ptycho_adapters.normalization import maximum_intensity  # noqa: PLC0415

    try:
        return maximum_intensity(pair.dp)
    except ValueError as error:
        raise _bad(f"dp:/{pair.name}", str(error)) from error


def _fine_tuned(request: TrainRequest, weights: Path) -> Restored:
    found, choice = found_around(weights)
    return decide("finetune", found, Wanted(checkpoint=choice, model=request.model))


def _source_config(request: TrainRequest, checkout: Checkout, start: Restored | None) -> tuple[dict[str, Any], str]:
    """The config to take the model from, and where it is: beside the weights, else the checkout's own."""
    if start is not None:
        path = start.weights.path.with_name(CONFIG)
        return start.config, "the request" if request.model is not None else str(path)
    path = checkout.root / CONFIG
    if request.model is None:
        return _config(path), str(path)
    rest = _config(path) if path.is_file() else {}
    return {**rest, "model": dict(request.model)}, "the request"


def _config(path: Path) -> dict[str, Any]:
    """A config.yaml with a section `model`, without which no model can be built."""
    if not path.is_file():
        raise _bad("request:/config", f"{path} does not exist")
    try:
        config = read_yaml(path)
    except SourceError as error:
        raise RunError(*error.findings) from error
    if not isinstance(config, dict) or not isinstance(config.get("model"), dict):
        raise _bad("yaml:/model", f"{path} has no section model")
    return config


def _numbers(path: Path) -> dict[str, float]:
    try:
        return read_number_dict(path, "pkl")
    except SourceError as error:
        raise RunError(*error.findings) from error


def check_interpreter(python: str) -> None:
    """Raise RunError where a program cannot be found."""
    if shutil.which(python) is None:
        raise _bad("request:/python", f"{python} is no program that can be started")


def _bad(location: str, message: str) -> RunError:
    return RunError(finding(BAD_OPTION, location, message))
