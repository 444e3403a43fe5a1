"""What a plan needs to know of the disk: headers of the pairs, normalization files, configs, the checkout."""

from __future__ import annotations

import shutil
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
from ptycho_runners.ptychovit.request import InferRequest, TrainRequest

DP, PARA = DpFile.suffix, ParaFile.suffix


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
class TrainFacts:
    """What a training plan is made from."""

    checkout: Checkout
    pairs: tuple[Pair, ...]
    orphans: tuple[Path, ...]
    test: Pair
    normalization: dict[str, float]
    test_normalization: dict[str, float]
    config: dict[str, Any]
    config_source: str


@dataclass(frozen=True)
class InferFacts:
    """What an inference plan is made from."""

    checkout: Checkout
    pairs: tuple[Pair, ...]
    normalization: dict[str, float]
    config: dict[str, Any]
    config_path: Path


def train_facts(request: TrainRequest) -> TrainFacts:
    """Look at everything that a training request names; no array is read.

    Raises:
        RunError: a file is absent, damaged or breaks its contract, or the folder is no flat checkout.
    """
    _interpreter(request.python)
    checkout = find_checkout(request.checkout)
    data_path = request.data_path.absolute()
    dps = sorted(data_path.glob(f"*{DP}"))
    if not dps:
        raise _bad("request:/data_path", f"{data_path} holds no *{DP}")
    orphans = tuple(dp for dp in dps if not _para_of(dp).is_file())
    config, source = _source_config(request, checkout)
    return TrainFacts(
        checkout=checkout,
        pairs=tuple(look_at_pair(dp) for dp in dps if dp not in orphans),
        orphans=orphans,
        test=look_at_pair(request.test_dp),
        normalization=_numbers(request.normalization),
        test_normalization=_numbers(request.test_normalization or request.normalization),
        config=config,
        config_source=source,
    )


def infer_facts(request: InferRequest) -> InferFacts:
    """Look at everything that an inference request names; no array is read.

    Raises:
        RunError: as `train_facts`; BAD_OPTION where no config says how the checkpoint was made.
    """
    _interpreter(request.python)
    _existing("request:/checkpoint", request.checkpoint)
    path = (request.config or request.checkpoint.with_name("config.yaml")).absolute()
    return InferFacts(
        checkout=find_checkout(request.checkout),
        pairs=tuple(look_at_pair(dp) for dp in request.pairs),
        normalization=_numbers(request.normalization),
        config=_config(path),
        config_path=path,
    )


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
    return Pair(dp.name.removesuffix(DP), dp, _para_of(dp), describe(dp).files["dp"].members["dp"].shape)


def _para_of(dp: Path) -> Path:
    return dp.with_name(dp.name.removesuffix(DP) + PARA)


def _source_config(request: TrainRequest, checkout: Checkout) -> tuple[dict[str, Any], str]:
    """The config to take the model from, and where it is: beside the weights, else the checkout's own."""
    path = checkout.root / "config.yaml"
    if request.initial_weights is not None:
        _existing("request:/initial_weights", request.initial_weights)
        path = request.initial_weights.absolute().with_name("config.yaml")
    if request.model is None:
        return _config(path), str(path)
    rest = _config(path) if path.is_file() else {}
    return {**rest, "model": dict(request.model)}, "the request"


def _config(path: Path) -> dict[str, Any]:
    """A config.yaml with a section `model`, without which no checkpoint can be understood."""
    _existing("request:/config", path)
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


def _interpreter(python: str) -> None:
    if shutil.which(python) is None:
        raise _bad("request:/python", f"{python} is no program that can be started")


def _existing(location: str, path: Path) -> None:
    if not path.is_file():
        raise _bad(location, f"{path} does not exist")


def _bad(location: str, message: str) -> RunError:
    return RunError(finding(BAD_OPTION, location, message))
