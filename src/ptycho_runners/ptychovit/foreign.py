"""A run that was begun without this library: its config.yaml says what it was, and nothing says on which bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ptycho_contracts.contracts.run_manifest import Decision
from ptycho_contracts.finding import finding
from ptycho_contracts.run_codes import BAD_OPTION, NORMALIZATION_FALLBACK
from ptycho_runners.errors import RunError
from ptycho_runners.ptychovit.facts import Pair, dps_of, look_at_pair, numbers_of
from ptycho_runners.ptychovit.plan import entries, pair_inputs, pair_refusals, refuse


@dataclass(frozen=True)
class ForeignData:
    """What a foreign config names, as absolute paths.

    Attributes:
        paths: Values for the keys of section `data`, so that they hold in any current directory.
        normalization: What each object must be divided by.
        inputs: (role, path) of every file.
    """

    paths: dict[str, str]
    normalization: dict[str, float]
    inputs: tuple[tuple[str, Path], ...]


def foreign_data(config: dict[str, Any], base: Path) -> ForeignData:
    """Look at the data of a foreign run.

    Args:
        config: its config.yaml.
        base: folder that relative paths start from; the config does not say which it was.

    Raises:
        RunError: with every reason to refuse; an unset normalization is one, as its numbers were the fallback.
    """
    data = config["data"]
    files = {key: data.get(key) for key in ("normalization_dict_path", "test_normalization")}
    refuse(
        finding(NORMALIZATION_FALLBACK, f"yaml:/data/{key}", f"data.{key} is not set: everything was divided by 1e5")
        for key, value in files.items()
        if value is None
    )
    paths = {key: _existing(base, key, data[key]) for key in ("data_path", "test_path", *files)}
    trained = [look_at_pair(dp) for dp in dps_of(paths["data_path"])]
    tested = [look_at_pair(dp) for dp in dps_of(paths["test_path"])]
    numbers = numbers_of(trained, paths["normalization_dict_path"]).values
    test_numbers = numbers_of(tested, paths["test_normalization"]).values
    refuse([*pair_refusals(trained, numbers), *pair_refusals(tested, test_numbers)])
    return ForeignData(
        paths={key: str(path) for key, path in paths.items()},
        normalization=entries(tested, test_numbers) | entries(trained, numbers),
        inputs=tuple(_inputs(trained, tested, paths)),
    )


def foreign_decisions(base: Path) -> Iterator[Decision]:
    """What is taken on trust."""
    reason = "the run was begun without this library, and nothing in it says another"
    yield Decision(about="seed", choice=0, reason=reason)
    reason = "relative paths in config.yaml start from the current directory; the run does not say where it was started"
    yield Decision(about="data paths", choice=str(base), reason=reason)


def _existing(base: Path, key: str, value: str) -> Path:
    path = (base / Path(value).expanduser()).absolute()
    if not path.exists():
        fix = "Put it there, or call from the folder that the run was started in."
        raise RunError(finding(BAD_OPTION, f"yaml:/data/{key}", f"data.{key}: {path} does not exist", fix=fix))
    return path


def _inputs(trained: list[Pair], tested: list[Pair], paths: dict[str, Path]) -> Iterator[tuple[str, Path]]:
    yield from pair_inputs(trained)
    yield from pair_inputs(tested, "test ")
    yield "normalization", paths["normalization_dict_path"]
    if paths["test_normalization"] != paths["normalization_dict_path"]:
        yield "test normalization", paths["test_normalization"]
