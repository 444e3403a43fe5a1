"""One epoch at a time, and the files of a run."""

import os
import shutil
import time

import torch
import wandb  # unconditionally, as the February code does


class Trainer:
    """Train and validate."""

    def __init__(self, model, mode, run_num, device, model_save_path, is_main_process=True, wandb_enabled=True):
        self.model, self.mode, self.device, self.wandb_enabled = model, mode, device, wandb_enabled
        self.run_path = os.path.join(model_save_path, "run" + str(run_num))
        self.fake = {}
        wandb.log({"started": True})

    def save_config(self, path):
        os.makedirs(self.run_path, exist_ok=True)
        shutil.copy(path, os.path.join(self.run_path, "config.yaml"))

    def _losses(self, batch, criterion):
        x, amplitude, phase, probe, _, norm, scale = batch
        diffraction, a, p = self.model(x, torch.view_as_real(probe), norm, scale)
        parts = criterion(a, amplitude), criterion(p, phase)
        return (sum(parts) if self.mode == "supervised" else criterion(diffraction, x)), *parts

    def train(self, dataloader, criterion, optimizer, metrics):
        self.model.train()
        torch.cuda.synchronize()  # dies without CUDA, as the February code does
        epoch = len(metrics["training_loss"])
        if epoch == self.fake.get("hang_in_epoch"):
            print(f"hanging in epoch {epoch}")
            time.sleep(60)
        if epoch == self.fake.get("fail_in_epoch"):
            raise ValueError("the fault that the test asked for")
        for batch in dataloader:
            loss, amp, ph = self._losses(batch, criterion)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        for kind, value in zip(("training_loss", "train_amp_loss", "train_ph_loss"), (loss, amp, ph), strict=True):
            metrics[kind].append(float("nan") if epoch in self.fake.get("nan_training", []) else value.item())

    def validate(self, dataloader, criterion, optimizer, metrics, plot=False, epoch=0, scheduler=None):
        self.model.eval()
        with torch.no_grad():
            loss, amp, ph = self._losses(next(iter(dataloader)), criterion)
        loss = loss * (float("nan") if epoch in self.fake.get("nan_validation", []) else 1)
        for kind, value in zip(("validation_loss", "val_amp_loss", "val_ph_loss"), (loss, amp, ph), strict=True):
            metrics[kind].append(value.numpy()[()])  # a numpy scalar, which weights_only=True would refuse
        if loss.item() < metrics["best_val_loss"]:
            metrics["best_val_loss"] = loss.item()
            torch.save(self.model.state_dict(), os.path.join(self.run_path, "best_model.pth"))

    def save_model_and_states_checkpoint(self, epoch_num, metrics, optimizer, wandb_run_id=None, scheduler=None):
        state = {
            "current_epoch": epoch_num + 1,
            "loss_tracker": {k: [float(x) for x in v] if isinstance(v, list) else v for k, v in metrics.items()},
            "optimizer_state_dict": optimizer.state_dict(),
            "scheduler_state_dict": None,
            "wandb_run_id": wandb_run_id,
        }
        torch.save(self.model.state_dict(), os.path.join(self.run_path, "checkpoint_model.pth"))
        torch.save(state, os.path.join(self.run_path, "checkpoint.state"))
