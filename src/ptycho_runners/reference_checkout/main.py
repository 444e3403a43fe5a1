"""Train a PtychoViT as `config.yaml` in the current directory says: `python <checkout>/main.py [--debug]`."""

import argparse
import os
from pathlib import Path

import torch
from data import PtychographyDataset
from model.model import AMPLITUDE_CENTRE, AMPLITUDE_HALF_RANGE, PtychoViT
from torch.utils.data import DataLoader, Subset
from training import Trainer
from utils.augment import AugmentedDataset, augment_options
from utils.settings import number, read_config

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--debug", action="store_true", help="find the operation that makes a NaN (slow)")
options = parser.parse_args()
torch.autograd.set_detect_anomaly(options.debug)

if int(os.environ.get("WORLD_SIZE", "1")) > 1:
    raise SystemExit("the reference checkout trains in one process: run it without torchrun")

config = read_config(Path("config.yaml"))
data, training = config["data"], config["training"]
device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")

common = {"scale": number(data, "scale"), "cache_object": bool(data.get("cache_object", False))}
paired = {
    **common,
    "normalization_dict_path": data.get("normalization_dict_path"),
    "max_probe_modes": int(data.get("max_probe_modes", 8)),
}
train_set = PtychographyDataset(data["data_path"], **paired)
# The same patterns again, so that a seed for the noise acts on validation only.
validation_set = PtychographyDataset(data["data_path"], **paired, noise_seed=data.get("validation_noise_seed"))
test_set = PtychographyDataset(
    data["test_path"], **common, normalization_dict_path=data.get("test_normalization"), apply_noise=False
)

for pair in train_set.pairs:
    low, high = pair.amplitude_range()
    reach = AMPLITUDE_CENTRE - AMPLITUDE_HALF_RANGE, AMPLITUDE_CENTRE + AMPLITUDE_HALF_RANGE
    if low < reach[0] or high > reach[1]:
        print(
            f"Warning: the amplitudes of object '{pair.name}' ({low:.3g} … {high:.3g}) exceed the head's range "
            f"({reach[0]:.1f} … {reach[1]:.1f}): scale the object to a median of 1 and the probe inversely",
            flush=True,
        )

if len(train_set) < 2:
    raise SystemExit("one pattern cannot be split into training and validation")
order = torch.randperm(len(train_set), generator=torch.Generator().manual_seed(int(data["random_seed"])))
n_train = min(max(1, round(number(data, "train_split") * len(train_set))), len(train_set) - 1)
train_indices, validation_indices = order[:n_train].tolist(), order[n_train:].tolist()

augment = augment_options(data.get("augment"))
train_items = AugmentedDataset(train_set, train_indices, augment) if augment else Subset(train_set, train_indices)

workers = int(data.get("num_workers", 0))
loading = {
    "batch_size": int(training["batch_size"]),
    "num_workers": workers,
    "pin_memory": bool(data.get("pin_memory", True)) and device.type == "cuda",
    "persistent_workers": bool(data.get("persistent_workers", False)) and workers > 0,
    "prefetch_factor": int(data.get("prefetch_factor", 2)) if workers else None,
    # Open HDF5 files cannot be pickled to a spawned worker.
    "multiprocessing_context": "fork" if workers else None,
}
loaders = (
    DataLoader(train_items, shuffle=True, **loading),
    DataLoader(Subset(validation_set, validation_indices), **loading),
)

model = PtychoViT(config["model"]).to(device, memory_format=torch.channels_last)
run_dir = Path(config["paths"]["model_save_path"]) / f"run{config['trainer']['run_num']}"
run_dir.parent.mkdir(exist_ok=True)
run_dir.mkdir(exist_ok=True)
trainer = Trainer(model, loaders, test_set, config, run_dir)
if training.get("resume_from_checkpoint", False):
    trainer.resume()
trainer.train()
