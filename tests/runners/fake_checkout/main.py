"""Train, at module level, as config.yaml in the current directory says."""

import argparse
import math
import pickle
from pathlib import Path

import torch
import yaml
from data import CombinedDataset, PtychographyDataset
from model.model import PtychoViT
from torch.utils.data import DataLoader, random_split
from training import Trainer

argparse.ArgumentParser().parse_args()
config = yaml.safe_load(Path("config.yaml").read_text())
data, training, fake = config["data"], config["training"], config.get("fake", {})

torch.cuda.profiler.start()  # dies without CUDA, as the February code does
full = CombinedDataset(
    file_paths=data["data_path"],
    scale=data["scale"],
    normalization_dict_path=data.get("normalization_dict_path"),
    apply_noise=True,
    max_probe_modes=data.get("max_probe_modes", 8),
)
n_train = int(len(full) * data["train_split"])
generator = torch.Generator().manual_seed(data["random_seed"])
train_set, validation_set = random_split(full, [n_train, len(full) - n_train], generator=generator)
workers = data.get("num_workers", 0)
loading = {"batch_size": training["batch_size"], "num_workers": workers, "persistent_workers": workers > 0}
if workers:
    loading["multiprocessing_context"] = "fork"
loaders = [DataLoader(part, **loading) for part in (train_set, validation_set)]
for pair in full.datasets:
    pair.fake = fake.get("generator")
test_set = PtychographyDataset(
    file_path=data["test_path"],
    scale=data["scale"],
    normalization_dict_path=data.get("test_normalization"),
    apply_noise=False,
)
test_loader = DataLoader(test_set, batch_size=training["batch_size"])

model = PtychoViT(config=config["model"])
criterion = torch.nn.MSELoss()
optimizer = torch.optim.Adam(
    [
        {"params": getattr(model, part).parameters(), "lr": training["learning_rate"], "name": part}
        for part in ("encoder", "amp_decoder", "ph_decoder")
    ]
)
kinds = ("training_loss", "train_amp_loss", "train_ph_loss", "validation_loss", "val_amp_loss", "val_ph_loss")
metrics = {**{kind: [] for kind in kinds}, "best_val_loss": math.inf}
trainer = Trainer(
    model,
    training["mode"],
    config["trainer"]["run_num"],
    torch.device("cpu"),
    config["paths"]["model_save_path"],
    wandb_enabled=config["wandb"]["enabled"],
)
trainer.fake = fake
for epoch in range(training["epochs"]):
    if epoch == 0:
        trainer.save_config("config.yaml")
    torch.cuda.nvtx.range_push(f"epoch {epoch}")
    trainer.train(loaders[0], criterion, optimizer, metrics)
    trainer.validate(loaders[1], criterion, optimizer, metrics, plot=False, epoch=epoch)
    torch.cuda.nvtx.range_pop()
for _ in test_loader:
    pass
trainer.save_model_and_states_checkpoint(epoch, metrics, optimizer, None, scheduler=None)
with (Path(trainer.run_path) / "metrics.pickle").open("wb") as stream:
    pickle.dump(metrics, stream)
