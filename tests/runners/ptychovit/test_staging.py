"""Which pairs and which numbers a training gets: exactly those that were chosen."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path
from typing import Any

import h5py
import pytest

from ptycho_adapters.normalization import maximum_intensity
from ptycho_runners.errors import RunError
from ptycho_runners.ptychovit.execute import plan_of
from ptycho_runners.ptychovit.laying import lay_out
from ptycho_runners.ptychovit.plan import Plan
from ptycho_runners.ptychovit.request import InferRequest, TrainOptions, TrainRequest
from ptycho_runners.ptychovit.staging import stage


@pytest.fixture
def request_(tmp_path: Path, data: Any) -> TrainRequest:
    options = TrainOptions(epochs=2, train_split=0.5)
    return TrainRequest(runs_dir=tmp_path / "runs", data_path=data.train, options=options, device="cpu")


def laid_out(request: TrainRequest) -> tuple[Plan, Path]:
    plan = plan_of(request)
    plan.run_dir.mkdir(parents=True)
    lay_out(plan)
    return plan, plan.run_dir


def test_one_pair_of_a_folder_is_trained_on_alone(request_: TrainRequest, data: Any) -> None:
    one = request_.model_copy(update={"data_path": data.train / "lines_001_dp.hdf5"})
    plan, run = laid_out(one)
    assert sorted(path.name for path in (run / "work/train").iterdir()) == ["lines_001_dp.hdf5", "lines_001_para.hdf5"]
    assert (run / "work/train/lines_001_dp.hdf5").resolve() == (data.train / "lines_001_dp.hdf5").resolve()
    assert plan.config is not None
    assert plan.config["data"]["data_path"] == str(run / "work/train")  # type: ignore[call-overload, index]
    assert plan.config["data"]["test_path"] == str(run / "work/test/lines_001_dp.hdf5")  # type: ignore[call-overload, index]
    assert "only pictures" in {d.about: d.reason for d in plan.decisions}["data.test_path"]


def test_a_missing_normalization_is_the_maximum_of_the_patterns(request_: TrainRequest, data: Any) -> None:
    plan, run = laid_out(request_)
    trained = {name: data.maxima[name] for name in ("lines_000", "lines_001")}
    assert plan.job.normalization == plan.normalization == trained
    assert pickle.loads((run / "work/normalization.pkl").read_bytes()) == trained  # noqa: S301 - our own
    assert {d.about: d.choice for d in plan.decisions}["normalization, computed"] == trained


def test_numbers_beside_the_pairs_count_before_computed_ones(request_: TrainRequest, data: Any, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(data.train, tmp_path / "pairs"))
    (folder / "normalization.pkl").write_bytes(pickle.dumps({"lines_000": 7.0, "other": 1.0}))
    plan, _ = laid_out(request_.model_copy(update={"data_path": folder, "test_dp": data.test_dp}))
    assert plan.job.normalization == {**data.maxima, "lines_000": 7.0}
    choices = {d.about: d.choice for d in plan.decisions}
    assert choices["normalization"] == [str(folder / "normalization.pkl")]
    assert choices["normalization, computed"] == {"lines_001": data.maxima["lines_001"]}


def test_strays_and_old_links_do_not_stay(tmp_path: Path) -> None:
    (tmp_path / "work/train").mkdir(parents=True)
    (tmp_path / "work/train/stray_dp.hdf5").touch()
    (tmp_path / "work/train/a_dp.hdf5").symlink_to("/old/a_dp.hdf5")
    stage(tmp_path, [("work/train/a_dp.hdf5", Path("/new/a_dp.hdf5"))])
    assert {path.name: str(path.readlink()) for path in (tmp_path / "work/train").iterdir()} == {
        "a_dp.hdf5": "/new/a_dp.hdf5"
    }


def test_dark_patterns_have_no_normalization(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "dark_dp.hdf5", "w") as file:
        file["dp"] = [[[0.0, 0.0]]]
    with pytest.raises(ValueError, match=r"maximum of .*dark_dp.hdf5 is 0"):
        maximum_intensity(tmp_path / "dark_dp.hdf5")


def test_a_folder_without_pairs_is_refused(request_: TrainRequest, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"PTY515 .* holds no"):
        plan_of(request_.model_copy(update={"data_path": tmp_path}))


def test_an_inference_request_names_its_own_defaults(tmp_path: Path, data: Any) -> None:
    request = InferRequest(runs_dir=tmp_path, pairs=(data.test_dp,), checkpoint=tmp_path / "best_model.pth")
    with pytest.raises(RunError) as caught:
        plan_of(request)
    assert [found.code for found in caught.value.findings] == ["PTY516", "PTY516"]
