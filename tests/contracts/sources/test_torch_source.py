"""A torch source gives what torch would load, without torch, and refuses what torch should not."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptycho_contracts.engine_codes import FORBIDDEN_PICKLE, RESOURCE_LIMIT, UNREADABLE
from ptycho_contracts.sources import SourceError, open_source
from ptycho_contracts.sources.base import Source
from ptycho_contracts.sources.torch_zip import TorchSource

torch = pytest.importorskip("torch")

DTYPES = [
    "float64",
    "float32",
    "float16",
    "int64",
    "int32",
    "int16",
    "int8",
    "uint8",
    "bool",
    "complex128",
    "complex64",
]


def save(path: Path, value: Any) -> Path:
    torch.save(value, path)
    return path


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype(tmp_path: Path, dtype: str) -> None:
    tensor = torch.arange(6).reshape(2, 3).to(getattr(torch, dtype))
    with TorchSource(save(tmp_path / "x.pth", {"x": tensor})) as source:
        assert source.describe().members["x"].dtype == dtype
        got = source.read("x")
        assert got.dtype == tensor.numpy().dtype
        np.testing.assert_array_equal(got, tensor.numpy())
        np.testing.assert_array_equal(source.rows("x", 1, 2), tensor.numpy()[1:2])


def test_bfloat16_is_widened(tmp_path: Path) -> None:
    tensor = torch.tensor([1.0, -2.5, float("inf"), 3.140625], dtype=torch.bfloat16)
    with TorchSource(save(tmp_path / "x.pth", {"x": tensor})) as source:
        assert source.describe().members["x"].dtype == "bfloat16"
        assert source.read("x").dtype == np.float32
        np.testing.assert_array_equal(source.read("x"), tensor.float().numpy())


VIEWS: dict[str, Callable[[Any], Any]] = {
    "transposed": lambda t: t.T,
    "with an offset": lambda t: t[2:],
    "every other": lambda t: t[::2, 1::2],
    "one element": lambda t: t[3, 4],
    "no element": lambda t: t[:0],
    "expanded": lambda t: t[:1].expand(4, 6),
    "parameter": torch.nn.Parameter,
}


@pytest.mark.parametrize("name", VIEWS)
def test_views_of_a_storage(tmp_path: Path, name: str) -> None:
    tensor = VIEWS[name](torch.arange(30.0).reshape(5, 6))
    with TorchSource(save(tmp_path / "x.pth", {"x": tensor})) as source:
        assert source.layout("x") == (tuple(tensor.shape), np.dtype(np.float32))
        got = source.read("x")
        assert got.shape == tuple(tensor.shape)
        np.testing.assert_array_equal(got, tensor.detach().numpy())
        if got.ndim:
            np.testing.assert_array_equal(np.concatenate([b for _, b in source.blocks("x", 2)] or [got]), got)


def test_a_state_dict_has_its_own_keys(tmp_path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4))
    state = model.state_dict()
    with open_source(save(tmp_path / "best_model.pth", state)) as source:
        info = source.describe()
        assert (info.container, source.role) == ("torch-zip", "pth")
        assert list(info.members) == list(state)
        assert info.members["1.num_batches_tracked"].shape == ()
        for name, tensor in state.items():
            np.testing.assert_array_equal(source.read(name), tensor.numpy())


def test_a_training_state(tmp_path: Path) -> None:
    model = torch.nn.Linear(3, 2)
    groups = [{"params": [model.weight], "name": "encoder"}, {"params": [model.bias], "name": "decoder"}]
    adam = torch.optim.Adam(groups, lr=1e-3)
    model(torch.ones(3)).sum().backward()
    adam.step()
    state = {
        "current_epoch": 7,
        "loss_tracker": {"training_loss": [1.0, 0.5], "best_val_loss": float("inf"), "val": [np.float64(2)]},
        "optimizer_state_dict": adam.state_dict(),
        "scheduler_state_dict": None,
        "wandb_run_id": "abc",
        "size": torch.Size([2, 3]),
        "device": torch.device("cpu"),
    }
    with open_source(save(tmp_path / "checkpoint.state", state)) as source:
        assert source.role == "state"
        members = source.describe().members
        facts = {name: (m.dtype, m.shape, m.value) for name, m in members.items()}
        assert facts["current_epoch"] == ("int64", (), 7)
        assert facts["loss_tracker/training_loss"] == ("float64", (2,), None)
        assert facts["loss_tracker/best_val_loss"] == ("float64", (), "Infinity")
        assert facts["scheduler_state_dict"] == ("none", (), None)
        assert facts["wandb_run_id"] == ("str", (), "abc")
        assert facts["device"] == ("str", (), "cpu")
        assert facts["optimizer_state_dict/param_groups/1/name"] == ("str", (), "decoder")
        assert facts["optimizer_state_dict/state/0/exp_avg"] == ("float32", (2, 3), None)
        np.testing.assert_allclose(source.read("optimizer_state_dict/state/0/exp_avg"), 0.1)
        assert source.read("loss_tracker/training_loss").tolist() == [1.0, 0.5]
        assert source.read("size").tolist() == [2, 3]
        assert source.text("wandb_run_id") == "abc"


def test_a_tensor_alone(tmp_path: Path) -> None:
    with TorchSource(save(tmp_path / "x.pth", torch.ones(2))) as source:
        assert source.read("value").tolist() == [1.0, 1.0]


def rewrite(path: Path, **changes: bytes | None) -> Path:
    """The archive again, with members replaced, added or (None) left out, by the name behind the prefix."""
    with zipfile.ZipFile(path) as archive:
        contents = {name.split("/", 1)[1]: archive.read(name) for name in archive.namelist()}
    contents |= {name.replace("__", "/").replace("_pkl", ".pkl"): c for name, c in changes.items()}  # type: ignore[dict-item]
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            if content is not None:
                archive.writestr(f"archive/{name}", content)
    return path


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return save(tmp_path / "x.pth", OrderedDict(x=torch.arange(4.0)))


def test_a_big_endian_archive(saved: Path) -> None:
    path = rewrite(saved, byteorder=b"big", data__0=np.arange(4.0).astype(">f4").tobytes())
    with TorchSource(path) as source:
        assert source.read("x").tolist() == [0, 1, 2, 3]
        assert source.read("x").dtype.isnative


def test_an_archive_from_before_byteorder(saved: Path) -> None:
    with TorchSource(rewrite(saved, byteorder=None)) as source:
        assert source.read("x").tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data__0": bytes(12)}, "has 12 bytes, 4 × float32"),
        ({"data__0": bytes(20)}, "has 20 bytes"),
        ({"data__0": None}, "has None bytes"),
        ({"byteorder": b"middle"}, "neither little nor big"),
        ({"data_pkl": None}, "0 members are a data.pkl"),
        ({"data_pkl": b"garbage"}, "damaged"),
    ],
)
def test_damaged_archives(saved: Path, refuses: Any, changes: dict[str, bytes | None], words: str) -> None:
    path = rewrite(saved, **changes)
    assert words in refuses(UNREADABLE, lambda: TorchSource(path))


def tensor_pickle(offset: int, size: tuple[Any, ...], stride: tuple[Any, ...], count: int = 4) -> bytes:
    """A data.pkl with one tensor, its numbers chosen by an attacker."""

    def push(*values: Any) -> bytes:
        return b"".join(pickle.dumps(value, 2)[2:-1] for value in values)

    storage = b"(" + push("storage") + b"ctorch\nFloatStorage\n" + push("0", "cpu", count) + b"tQ"
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + push(offset, size, stride, False)
    return b"\x80\x02}" + push("x") + tensor + b"ccollections\nOrderedDict\n)RtRs."


@pytest.mark.parametrize(
    ("offset", "size", "stride"),
    [
        (0, (5,), (1,)),
        (1, (4,), (1,)),
        (-1, (2,), (1,)),
        (0, (2, 2), (1, 3)),
        (0, (4,), (2**40,)),
        (0, (-4,), (1,)),
        (0, (4,), (-1,)),
        (0, (4,), (1, 1)),
        (0, (True,), (1,)),
        (0, (1,) * 40, (1,) * 40),
        (0, ("4",), (1,)),
    ],
)
def test_a_tensor_beyond_its_storage(
    saved: Path, refuses: Any, offset: int, size: tuple[Any, ...], stride: tuple[Any, ...]
) -> None:
    path = rewrite(saved, data_pkl=tensor_pickle(offset, size, stride))
    refuses(UNREADABLE, lambda: TorchSource(path))


def test_a_tensor_within_its_storage(saved: Path) -> None:
    with TorchSource(rewrite(saved, data_pkl=tensor_pickle(1, (2,), (2,)))) as source:
        assert source.read("x").tolist() == [1.0, 3.0]


def test_an_expanded_tensor_that_fills_memory(saved: Path, refuses: Any) -> None:
    path = rewrite(saved, data_pkl=tensor_pickle(0, (2**40,), (0,)))
    refuses(RESOURCE_LIMIT, lambda: TorchSource(path))


class Malicious:
    def __init__(self, function: Any, *args: Any) -> None:
        self._call = (function, args)

    def __reduce__(self) -> Any:
        return self._call


@pytest.mark.parametrize(
    "value",
    [
        Malicious(os.system, "echo pwned > pwned.txt"),
        {"x": torch.ones(2), "y": Malicious(eval, "1")},
        Malicious(torch.load, "other.pth"),
        Malicious(torch.nn.Linear, 2, 2),
        {"x": torch.ones(2).to_sparse()},
        {"x": torch.nn.Linear(2, 2)},
        {"x": Path()},
    ],
    ids=["system", "eval", "load", "class", "sparse", "module", "path"],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_what_is_not_tensors_and_values(
    tmp_path: Path, refuses: Any, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = save(tmp_path / "x.pth", value)
    refuses(FORBIDDEN_PICKLE, lambda: TorchSource(path))
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.pth"]


@pytest.mark.parametrize("name", ["code__x.py", "constants.pkl"])
def test_a_torchscript_archive(saved: Path, refuses: Any, name: str) -> None:
    path = rewrite(saved, **{name: b"program"})
    assert "TorchScript" in refuses(FORBIDDEN_PICKLE, lambda: TorchSource(path))


def test_a_legacy_file_is_explained(tmp_path: Path, refuses: Any) -> None:
    torch.save({"x": torch.ones(2)}, tmp_path / "x.pth", _use_new_zipfile_serialization=False)
    assert "save it again" in refuses(UNREADABLE, lambda: open_source(tmp_path / "x.pth"))


def test_altered_storage_bytes_fail_the_checksum(saved: Path, refuses: Any) -> None:
    raw = saved.read_bytes()
    numbers = np.arange(4, dtype="<f4").tobytes()
    assert raw.count(numbers) == 1
    saved.write_bytes(raw.replace(numbers, numbers[::-1]))
    with TorchSource(saved) as source:
        assert "CRC-32" in refuses(UNREADABLE, lambda: source.read("x"))


def test_truncated_at_every_byte(saved: Path, refuses: Any) -> None:
    whole = saved.read_bytes()
    for length in range(1, len(whole), 7):
        saved.write_bytes(whole[:length])
        refuses(UNREADABLE, lambda: TorchSource(saved))


def test_flipped_bytes_give_values_or_findings(saved: Path) -> None:
    whole = saved.read_bytes()
    rng = np.random.default_rng(3)
    refused = 0
    for _ in range(400):
        raw = bytearray(whole)
        for position in rng.integers(0, len(raw), rng.integers(1, 4)):
            raw[position] = rng.integers(0, 256)
        saved.write_bytes(raw)
        try:
            with TorchSource(saved) as source:
                for name, info in source.describe().members.items():
                    if info.dtype not in ("str", "bytes", "none", "object"):
                        source.read(name)
        except SourceError as error:
            refused += len(error.findings)
    assert refused > 50


def test_it_is_a_source(saved: Path) -> None:
    source: Source = TorchSource(saved, role="best")
    assert (source.role, source.findings) == ("best", ())
    source.close()
