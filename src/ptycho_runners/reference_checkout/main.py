"""Train a PtychoViT as `config.yaml` in the current directory says: `python <checkout>/main.py [--debug]`."""

import argparse
import math
import os
from pathlib import Path

import torch
from data import CombinedDataset
from model.model import AMPLITUDE_CENTRE, AMPLITUDE_HALF_RANGE, PtychoViT
from torch.utils.data import DataLoader, Subset
from training import TRAINED, VALIDATED, Trainer
from utils.augment import AugmentedDataset, augment_options
from utils.files import load_tensors, save_pickle
from utils.losses import PixelLoss
from utils.optimizer import parameter_groups, set_learning_rates
from utils.plots import is_due
from utils.settings import number, read_config

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--debug", action="store_true", help="find the operation that makes a NaN (slow)")
options = parser.parse_args()
torch.autograd.set_detect_anomaly(options.debug)

if int(os.environ.get("WORLD_SIZE", "1")) > 1:
    raise SystemExit("the reference checkout trains in one process: run it without torchrun")

config = read_config(Path("config.yaml"))
data, training = config["data"], config["training"]
EPOCHS = int(training["epochs"])
device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")

common = {"scale": number(data, "scale"), "cache_object": bool(data.get("cache_object", False))}
paired = {
    **common,
    "normalization_dict_path": data.get("normalization_dict_path"),
    "max_probe_modes": int(data.get("max_probe_modes", 8)),
}
train_set = CombinedDataset(file_paths=data["data_path"], **paired)
# The same patterns again, so that a seed for the noise acts on validation only.
validation_set = CombinedDataset(file_paths=data["data_path"], **paired, noise_seed=data.get("validation_noise_seed"))
test_set = CombinedDataset(
    file_paths=data["test_path"],
    **common,
    normalization_dict_path=data.get("test_normalization"),
    apply_noise=False,
)

for dataset in train_set.datasets:
    low, high = dataset.pair.amplitude_range()
    reach = AMPLITUDE_CENTRE - AMPLITUDE_HALF_RANGE, AMPLITUDE_CENTRE + AMPLITUDE_HALF_RANGE
    if low < reach[0] or high > reach[1]:
        print(
            f"Warning: the amplitudes of object '{dataset.object_name}' ({low:.3g} … {high:.3g}) exceed the head's "
            f"range ({reach[0]:.1f} … {reach[1]:.1f}): scale the object to a median of 1 and the probe inversely",
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
train_loader = DataLoader(train_items, shuffle=True, **loading)
validation_loader = DataLoader(Subset(validation_set, validation_indices), **loading)
test_loader = DataLoader(test_set, batch_size=loading["batch_size"])

model = PtychoViT(config=config["model"]).to(device, memory_format=torch.channels_last)
criterion = PixelLoss(training["loss_function"], training.get("weighted_loss"))
optimizer = torch.optim.Adam(parameter_groups(model, training))
metrics = {name: [] for name in TRAINED + VALIDATED} | {"best_val_loss": math.inf}
trainer = Trainer(
    model,
    training["mode"],
    config["trainer"]["run_num"],
    device,
    config["paths"]["model_save_path"],
    use_prefetch=bool(data.get("use_cuda_prefetcher", True)),
    wandb_enabled=config["wandb"]["enabled"],
)

start_epoch, wandb_run_id = 0, None
if training.get("resume_from_checkpoint", False):
    model.load_state_dict(load_tensors(trainer.run_path / "checkpoint_model.pth", device))
    start_epoch, metrics, optimizer, wandb_run_id, _ = trainer.load_state_checkpoint(optimizer, scheduler=None)
if start_epoch >= EPOCHS:
    raise SystemExit(f"training.epochs is {EPOCHS} in total and {start_epoch} are done: nothing to train")

for epoch in range(start_epoch, EPOCHS):
    if epoch == 0:
        trainer.save_config("config.yaml")
    set_learning_rates(optimizer, training.get("lr_schedule", "constant"), epoch, EPOCHS)
    model.train()
    trainer.train(train_loader, criterion, optimizer, metrics)
    model.eval()
    plot = is_due(epoch, training["validation_plot_freq"])
    trainer.validate(validation_loader, criterion, optimizer, metrics, plot=plot, epoch=epoch)
    if is_due(epoch, training["test_plot_freq"]):
        trainer.generate_test_plot(test_loader, epoch, f"test_epoch{epoch}.png")
    latest = (f"{name} {metrics[name][-1]:.6g}" for name in TRAINED + VALIDATED)
    print(f"Epoch {epoch}: {', '.join(latest)}", flush=True)

trainer.save_model_and_states_checkpoint(epoch, metrics, optimizer, wandb_run_id, scheduler=None)
save_pickle(metrics, trainer.run_path / "metrics.pickle")
